//! Roles, as stored.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entity, Grants, Holder, ROLE_INLINE_CHARS_MAX, Rows, World};
use crate::Error;
use crate::tags::Tag;

/// A role, as stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Role {
    /// The version of this document.
    pub v: u32,
    /// As given; unique whatever the case.
    pub name: String,
    /// `/` or `/division/team/`.
    pub path: String,
    /// `AROA…`.
    pub id: String,
    /// `arn:aws:iam::123456789012:role/division/team/name`.
    pub arn: String,
    /// When it was made.
    pub created: Timestamp,
    /// In the order given.
    pub tags: Vec<Tag>,
    /// Its policies.
    #[serde(flatten)]
    pub grants: Grants,
    /// The ARN of the policy that bounds what it may do.
    #[serde(default)]
    pub boundary: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Who may take it on, as the text was given.
    pub trust: String,
    /// The identifiers of users and roles that the text names, by ARN.
    #[serde(default)]
    pub trust_ids: BTreeMap<String, String>,
    /// The longest session.
    pub max_session_secs: u32,
}

impl Role {
    /// The version of this document that this program writes.
    pub const VERSION: u32 = 1;
    /// The longest session, if nobody says otherwise.
    pub const MAX_SESSION_SECS_DEFAULT: u32 = 3600;
    /// Where the roles of services lie.
    pub const SERVICE_LINKED_PATH: &'static str = "/aws-service-role/";
    /// Where the roles of permission sets of the Identity Center lie.
    pub const RESERVED_PATH: &'static str = "/aws-reserved/";

    /// Whether it is the role of a service, which only the service changes.
    pub fn is_service_linked(&self) -> bool {
        self.path.starts_with(Role::SERVICE_LINKED_PATH)
    }
}

impl Entity for Role {
    const TABLE: state::Table = "iam/roles";

    fn name(&self) -> &str {
        &self.name
    }

    fn missing(name: &str) -> Error {
        Error::NoSuchEntity(format!("The role with name {name} cannot be found."))
    }

    fn rows(world: &World) -> &Rows<Role> {
        &world.roles
    }

    fn rows_mut(world: &mut World) -> &mut Rows<Role> {
        &mut world.roles
    }

    fn index(&self, world: &mut World, present: bool) {
        match present {
            true => drop(world.role_ids.insert(self.id.clone(), self.name.to_lowercase())),
            false => drop(world.role_ids.remove(&self.id)),
        }
    }
}

impl Holder for Role {
    const QUOTA_NAME: &'static str = "Role";
    const INLINE_CHARS_MAX: usize = ROLE_INLINE_CHARS_MAX;

    fn grants(&self) -> &Grants {
        &self.grants
    }

    fn grants_mut(&mut self) -> &mut Grants {
        &mut self.grants
    }

    fn boundary(&self) -> Option<&str> {
        self.boundary.as_deref()
    }

    fn check_modifiable(&self) -> Result<(), Error> {
        if self.is_service_linked() || self.path.starts_with(Role::RESERVED_PATH) {
            let name = &self.name;
            return Err(Error::UnmodifiableEntity(format!(
                "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
            )));
        }
        Ok(())
    }
}
