//! Users, as stored.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entity, Grants, Holder, Rows, USER_INLINE_CHARS_MAX, World};
use crate::Error;
use crate::tags::Tag;

/// A user, as stored: one document holds all that changes together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct User {
    /// The version of this document: 1 has none of the members that have a default.
    pub v: u32,
    /// As given; unique whatever the case.
    pub name: String,
    /// `/` or `/division/team/`.
    pub path: String,
    /// `AIDA…`.
    pub id: String,
    /// `arn:aws:iam::123456789012:user/division/team/name`.
    pub arn: String,
    /// When it was made.
    pub created: Timestamp,
    /// In the order given.
    pub tags: Vec<Tag>,
    /// At most [`super::KEYS_MAX`].
    pub keys: Vec<Key>,
    /// Its policies.
    #[serde(flatten)]
    pub grants: Grants,
    /// The ARN of the policy that bounds what it may do.
    #[serde(default)]
    pub boundary: Option<String>,
    /// The password with which it signs in.
    #[serde(default)]
    pub login: Option<Login>,
}

/// An access key of a user, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct Key {
    /// `AKIA…`.
    pub id: String,
    /// Signs requests. Needed in clear: a signature is checked by making it again.
    pub secret: String,
    /// Inactive keys are refused.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("active", &self.active).finish_non_exhaustive()
    }
}

/// A user's password, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    /// When it was first set.
    pub created: Timestamp,
    /// Whether another must be chosen at the next sign-in.
    pub reset_required: bool,
    /// Of the password, with its salt and method.
    pub hash: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("created", &self.created).finish_non_exhaustive()
    }
}

impl User {
    /// The version of this document that this program writes.
    pub const VERSION: u32 = 2;
}

impl Entity for User {
    const TABLE: state::Table = "iam/users";

    fn name(&self) -> &str {
        &self.name
    }

    fn missing(name: &str) -> Error {
        Error::no_user(name)
    }

    fn rows(world: &World) -> &Rows<User> {
        &world.users
    }

    fn rows_mut(world: &mut World) -> &mut Rows<User> {
        &mut world.users
    }

    fn index(&self, world: &mut World, present: bool) {
        world.index_keys(self, present);
        match present {
            true => drop(world.user_ids.insert(self.id.clone(), self.name.to_lowercase())),
            false => drop(world.user_ids.remove(&self.id)),
        }
    }
}

impl Holder for User {
    const QUOTA_NAME: &'static str = "User";
    const INLINE_CHARS_MAX: usize = USER_INLINE_CHARS_MAX;

    fn grants(&self) -> &Grants {
        &self.grants
    }

    fn grants_mut(&mut self) -> &mut Grants {
        &mut self.grants
    }

    fn boundary(&self) -> Option<&str> {
        self.boundary.as_deref()
    }
}
