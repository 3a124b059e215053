//! [`Scope`]: the organization that a trail or an event data store is for. It travels in the journal with the trail or store, so that
//! whose records are taken follows from the journal alone.

use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// `o-…`.
    pub id: String,
    /// The accounts in it, in order. None while the organization does not trust CloudTrail.
    pub members: Vec<String>,
}

impl Scope {
    /// Whether an account is in it.
    pub fn has(&self, account: &str) -> bool {
        self.members.binary_search_by(|member| member.as_str().cmp(account)).is_ok()
    }
}
