//! Who owns an access key, and who may do what.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{Caller, RequestContext, Unavailable};

/// A secret access key. Its text never shows in `Debug`.
#[derive(Clone)]
pub struct Secret(pub Arc<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// An access key and whose it is.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Signs requests.
    pub secret: Secret,
    /// Whom the key speaks for.
    pub caller: Caller,
    /// Inactive keys are refused.
    pub active: bool,
    /// The session token that must come with a temporary key.
    pub session_token: Option<Secret>,
}

/// Finds access keys. Kept by IAM; asked by the gateway for every call, so it answers from memory.
#[async_trait]
pub trait Credentials: Send + Sync + 'static {
    /// The key of this identifier.
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, Unavailable>;
}

/// What somebody wants to do.
#[derive(Debug)]
pub struct AccessRequest<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// `cloudtrail:CreateTrail`.
    pub action: &'a str,
    /// The ARN acted on, or `*`.
    pub resource: &'a str,
    /// What else is known: what conditions of policies are held against.
    pub context: &'a RequestContext<'a>,
}

/// Where a policy is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// With who asks.
    Identity,
    /// With what is acted on.
    Resource,
}

/// Whether somebody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A policy allows it (or the caller is root) and none denies it.
    Allow,
    /// No policy speaks of it.
    ImplicitDeny,
    /// A policy of this kind denies it.
    ExplicitDeny(PolicyKind),
}

impl Decision {
    /// What policies of both kinds say together, to somebody of the resource's own account: a denial in either wins, else a
    /// permission in either is enough. Source: IAM user guide, "Policy evaluation for requests within a single account".
    #[must_use]
    pub fn with_resource(self, resource: Decision) -> Decision {
        match (self, resource) {
            (Decision::ExplicitDeny(_), _) => self,
            (_, Decision::ExplicitDeny(_)) => resource,
            (Decision::Allow, _) | (_, Decision::Allow) => Decision::Allow,
            (Decision::ImplicitDeny, Decision::ImplicitDeny) => Decision::ImplicitDeny,
        }
    }

    /// Why `action` is refused, as messages end. Source: IAM user guide, "Troubleshoot access denied error messages".
    pub fn reason(self, action: &str) -> String {
        match self {
            Decision::ExplicitDeny(PolicyKind::Identity) => {
                "with an explicit deny in an identity-based policy".to_owned()
            }
            Decision::ExplicitDeny(PolicyKind::Resource) => {
                "with an explicit deny in a resource-based policy".to_owned()
            }
            Decision::Allow | Decision::ImplicitDeny => {
                format!("because no identity-based policy allows the {action} action")
            }
        }
    }
}

/// Decides who may do what. Kept by IAM; asked by the gateway before an operation runs.
#[async_trait]
pub trait Authorizer: Send + Sync + 'static {
    /// Whether the caller may act so.
    async fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, Unavailable>;
}

/// What the policies of resources say, each kept by the service that has the resource. Asked for every call, beside
/// [`Authorizer`], so they answer from memory.
#[async_trait]
pub trait ResourcePolicies: Send + Sync + 'static {
    /// What the policy of the resource says: [`Decision::ImplicitDeny`] if it has none, or is another service's, or if the caller is
    /// nobody of this account.
    async fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, Unavailable>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_in_either_wins_and_a_permission_in_either_is_enough() {
        use Decision::{Allow, ExplicitDeny, ImplicitDeny};
        let (mine, theirs) = (ExplicitDeny(PolicyKind::Identity), ExplicitDeny(PolicyKind::Resource));
        for (identity, resource, together) in [
            (Allow, ImplicitDeny, Allow),
            (ImplicitDeny, Allow, Allow),
            (Allow, Allow, Allow),
            (ImplicitDeny, ImplicitDeny, ImplicitDeny),
            (Allow, theirs, theirs),
            (ImplicitDeny, theirs, theirs),
            (mine, Allow, mine),
            (mine, ImplicitDeny, mine),
        ] {
            assert_eq!(identity.with_resource(resource), together, "{identity:?} {resource:?}");
        }
    }
}
