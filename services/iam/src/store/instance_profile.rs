//! Instance profiles, as stored.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entity, Rows, World};
use crate::Error;
use crate::tags::Tag;

/// An instance profile, as stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// The version of this document.
    pub v: u32,
    /// As given; unique whatever the case.
    pub name: String,
    /// `/` or `/division/team/`.
    pub path: String,
    /// `AIPA…`.
    pub id: String,
    /// `arn:aws:iam::123456789012:instance-profile/division/team/name`.
    pub arn: String,
    /// When it was made.
    pub created: Timestamp,
    /// In the order given.
    pub tags: Vec<Tag>,
    /// The name of the role in it. There is room for one, and roles are not renamed.
    pub role: Option<String>,
}

impl InstanceProfile {
    /// The version of this document that this program writes.
    pub const VERSION: u32 = 1;
}

impl Entity for InstanceProfile {
    const TABLE: state::Table = "iam/instance-profiles";

    fn name(&self) -> &str {
        &self.name
    }

    fn missing(name: &str) -> Error {
        Error::NoSuchEntity(format!("Instance Profile {name} cannot be found."))
    }

    fn rows(world: &World) -> &Rows<InstanceProfile> {
        &world.instance_profiles
    }

    fn rows_mut(world: &mut World) -> &mut Rows<InstanceProfile> {
        &mut world.instance_profiles
    }
}
