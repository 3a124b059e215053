//! Groups, as stored.

use std::collections::BTreeSet;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entity, GROUP_INLINE_CHARS_MAX, Grants, Holder, Rows, World};
use crate::Error;

/// A group of users, as stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Group {
    /// The version of this document.
    pub v: u32,
    /// As given; unique whatever the case.
    pub name: String,
    /// `/` or `/division/team/`.
    pub path: String,
    /// `AGPA…`.
    pub id: String,
    /// `arn:aws:iam::123456789012:group/division/team/name`.
    pub arn: String,
    /// When it was made.
    pub created: Timestamp,
    /// The identifiers of its users, who may be renamed.
    pub members: BTreeSet<String>,
    /// Its policies.
    #[serde(flatten)]
    pub grants: Grants,
}

impl Group {
    /// The version of this document that this program writes.
    pub const VERSION: u32 = 1;
}

impl Entity for Group {
    const TABLE: state::Table = "iam/groups";

    fn name(&self) -> &str {
        &self.name
    }

    fn missing(name: &str) -> Error {
        Error::NoSuchEntity(format!("The group with name {name} cannot be found."))
    }

    fn rows(world: &World) -> &Rows<Group> {
        &world.groups
    }

    fn rows_mut(world: &mut World) -> &mut Rows<Group> {
        &mut world.groups
    }
}

impl Holder for Group {
    const QUOTA_NAME: &'static str = "Group";
    const INLINE_CHARS_MAX: usize = GROUP_INLINE_CHARS_MAX;

    fn grants(&self) -> &Grants {
        &self.grants
    }

    fn grants_mut(&mut self) -> &mut Grants {
        &mut self.grants
    }

    fn boundary(&self) -> Option<&str> {
        None
    }
}
