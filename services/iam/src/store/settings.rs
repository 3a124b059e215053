//! What holds for the account as a whole, as stored: its alias, its password policy, what its tokens look like.

use serde::{Deserialize, Serialize};

use super::{Entity, Rows, World};
use crate::Error;
use crate::passwords::PasswordPolicy;

/// What holds for the account as a whole, as stored. There is at most one of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Settings {
    /// The version of this document.
    pub v: u32,
    /// The account's other name, in sign-in addresses.
    pub alias: Option<String>,
    /// What passwords must be like, if the customer says so.
    pub password_policy: Option<PasswordPolicy>,
    /// Which version of tokens the global endpoint of STS gives: 1 if nobody said otherwise.
    pub token_version: Option<u32>,
}

impl Settings {
    /// The version of this document that this program writes.
    pub const VERSION: u32 = 1;
    /// The name of the only one.
    pub const NAME: &'static str = "account";
}

impl Entity for Settings {
    const TABLE: state::Table = "iam/settings";

    fn name(&self) -> &str {
        Settings::NAME
    }

    fn missing(_: &str) -> Error {
        Error::NoSuchEntity("The account has no settings.".into())
    }

    fn rows(world: &World) -> &Rows<Settings> {
        &world.settings
    }

    fn rows_mut(world: &mut World) -> &mut Rows<Settings> {
        &mut world.settings
    }
}
