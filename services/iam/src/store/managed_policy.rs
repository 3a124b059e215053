//! The customer's managed policies, as stored.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entity, Rows, World};
use crate::Error;
use crate::tags::Tag;

/// A managed policy of the customer, as stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// The version of this document.
    pub v: u32,
    /// As given; unique whatever the case, and whatever the path.
    pub name: String,
    /// `/` or `/division/team/`.
    pub path: String,
    /// `ANPA…`.
    pub id: String,
    /// `arn:aws:iam::123456789012:policy/division/team/name`.
    pub arn: String,
    /// When it was made.
    pub created: Timestamp,
    /// When its newest version was made. Source: IAM API reference, "Policy".
    pub updated: Timestamp,
    /// Cannot be changed.
    pub description: Option<String>,
    /// In the order given.
    pub tags: Vec<Tag>,
    /// From the oldest to the newest; at most [`super::VERSIONS_MAX`].
    pub versions: Vec<Version>,
    /// The number of the version in force.
    pub default: u32,
    /// The number of the next version: numbers are not used again.
    pub next: u32,
}

/// A version of a managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// `v` and this is its identifier.
    pub number: u32,
    /// When it was made.
    pub created: Timestamp,
    /// As given.
    pub document: String,
}

impl ManagedPolicy {
    /// The version of this document that this program writes.
    pub const VERSION: u32 = 1;

    /// The version in force.
    pub fn in_force(&self) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == self.default)
    }

    /// The version of this identifier (`v3`).
    pub fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id() == id)
    }
}

impl Version {
    /// `v3`.
    pub fn id(&self) -> String {
        format!("v{}", self.number)
    }
}

impl Entity for ManagedPolicy {
    const TABLE: state::Table = "iam/policies";

    fn name(&self) -> &str {
        &self.name
    }

    fn missing(name: &str) -> Error {
        Error::NoSuchEntity(format!("Policy {name} was not found."))
    }

    fn rows(world: &World) -> &Rows<ManagedPolicy> {
        &world.policies
    }

    fn rows_mut(world: &mut World) -> &mut Rows<ManagedPolicy> {
        &mut world.policies
    }
}
