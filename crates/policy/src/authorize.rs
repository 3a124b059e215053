//! Whether somebody may do something, after all kinds of policies together. Sources: IAM user guide, "Policy evaluation logic",
//! "Policy evaluation for requests within a single account", "Cross-account policy evaluation logic", "Session policies",
//! "Permissions boundaries for IAM entities"; Organizations user guide, "SCP evaluation", "RCP evaluation"; KMS developer guide,
//! "Key policies" and "Troubleshoot AWS KMS permissions".
//!
//! | who asks | what must allow |
//! |---|---|
//! | a principal, for a thing of its account | SCPs and RCPs, and its identity policies within boundary and session policy, or the policy of the thing |
//! | a principal, for a thing of another account | SCPs and RCPs, its identity policies within boundary and session policy, and the policy of the thing |
//! | the root of an account | the same, where it needs no identity policies |
//! | a service, the anonymous, somebody of an identity provider | RCPs, and the policy of the thing |
//!
//! An explicit denial anywhere wins.

use std::sync::Arc;

use crate::evaluate::Request;
use crate::principal::{Grant, Principal};
use crate::set::{Asked, PolicySet, Says};

/// What resource control policies do not limit. Source: Organizations user guide, "Resources and entities not restricted by RCPs".
const NOT_FOR_RCPS: &str = "kms:RetireGrant";

/// A kind of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// With who asks: of a user, its groups, a role.
    Identity,
    /// With what is acted on.
    Resource,
    /// The permissions boundary of a user or role.
    Boundary,
    /// Given when a session began.
    Session,
    /// Service control policies of the organization of who asks.
    ControlPolicy,
    /// Resource control policies of the organization of what is acted on.
    ResourceControlPolicy,
}

/// The statement that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decider {
    /// The name or ARN of its policy.
    pub policy: String,
    /// Its place in the policy.
    pub statement: usize,
    /// Its `Sid`, if it has one.
    pub sid: Option<String>,
}

/// Whether somebody may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes; by a statement, or because nothing had to allow it (root in its account).
    Allow(Option<Decider>),
    /// Policies of this kind had to allow it, and none does.
    ImplicitDeny(Layer),
    /// A policy of this kind denies it.
    ExplicitDeny(Layer, Option<Decider>),
}

impl Decision {
    /// Allowed, with no policy asked.
    pub const FREE: Decision = Decision::Allow(None);

    /// Whether it is [`Decision::Allow`].
    pub fn is_allow(&self) -> bool {
        matches!(self, Decision::Allow(_))
    }

    /// Why `action` is refused, as messages end; empty if it is not. Source: IAM user guide, "Troubleshoot access denied error
    /// messages".
    pub fn reason(&self, action: &str) -> String {
        match self {
            Decision::Allow(_) => String::new(),
            Decision::ImplicitDeny(layer) => format!("because no {} allows the {action} action", layer.name()),
            Decision::ExplicitDeny(layer, _) => {
                let article = if *layer == Layer::Identity { "an" } else { "a" };
                format!("with an explicit deny in {article} {}", layer.name())
            }
        }
    }
}

impl Layer {
    /// As messages name it: `identity-based policy`.
    pub fn name(self) -> &'static str {
        match self {
            Layer::Identity => "identity-based policy",
            Layer::Resource => "resource-based policy",
            Layer::Boundary => "permissions boundary",
            Layer::Session => "session policy",
            Layer::ControlPolicy => "service control policy",
            Layer::ResourceControlPolicy => "resource control policy",
        }
    }
}

/// All policies that have a say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers<'a> {
    /// Service control policies over who asks, one set per level from the organization's root down to the account: each must
    /// allow. Empty where there are none to follow: no organization, its management account, a service-linked role.
    pub control: &'a [Arc<PolicySet>],
    /// Resource control policies over what is acted on, likewise.
    pub resource_control: &'a [Arc<PolicySet>],
    /// What is attached to who asks. Not asked for permission if that is the root of an account; `None` is the same as no
    /// policies.
    pub identity: Option<&'a PolicySet>,
    /// The permissions boundary, if there is one.
    pub boundary: Option<&'a PolicySet>,
    /// The session's policies, if it was given any.
    pub session: Option<&'a PolicySet>,
    /// What is acted on, if it can have a policy or belongs to somebody else. `None`: it is of the caller's account and has none.
    pub resource: Option<ResourceLayer<'a>>,
}

/// What is acted on.
#[derive(Clone, Copy, Debug)]
pub struct ResourceLayer<'a> {
    /// Its policy; [`PolicySet::empty`] if it has none.
    pub policies: &'a PolicySet,
    /// Whose it is.
    pub account: &'a str,
    /// Its policy must allow, also to those of its account (KMS keys, trust policies of roles): identity policies alone are never
    /// enough, not even for root.
    pub must_allow: bool,
    /// A grant of a KMS key that allows who asks.
    pub granted: Option<&'a Decider>,
}

/// Decides. Of several explicit denials one is named in this order: SCP, RCP, resource, identity, boundary, session. Of several
/// silences the first is named in the order of "How AWS enforcement code logic evaluates requests to allow or deny access": RCP, SCP,
/// resource, identity, boundary, session.
pub fn authorize(layers: &Layers<'_>, request: &Request<'_>) -> Decision {
    let asked = Asked::new(request, layers.boundary.is_some());
    match denial(layers, &asked) {
        Ok(heard) => heard.decide(layers, &request.principal),
        Err(denied) => denied,
    }
}

/// What every kind of policies says, none of them a denial.
struct Heard {
    control: bool,
    resource_control: bool,
    /// The strongest permission of the resource's policy.
    resource: Option<(Grant, Option<usize>)>,
    identity: Option<usize>,
    boundary: bool,
    session: bool,
}

/// Asks every layer, until one denies.
fn denial(layers: &Layers<'_>, asked: &Asked<'_>) -> Result<Heard, Decision> {
    let request = asked.request;
    let who = &request.principal;
    let ask = |set: &PolicySet, layer: Layer| -> Result<Says, Decision> { undenied(set, set.says(asked), layer) };
    let all = |sets: &[Arc<PolicySet>], layer: Layer| -> Result<bool, Decision> {
        sets.iter().try_fold(true, |allowed, set| Ok(ask(set, layer)?.allow.is_some() && allowed))
    };
    // Somebody of no account is in no organization.
    let control = who.account().is_none() || all(layers.control, Layer::ControlPolicy)?;
    let resource_control = request.action.eq_ignore_ascii_case(NOT_FOR_RCPS)
        || all(layers.resource_control, Layer::ResourceControlPolicy)?;
    let resource = match &layers.resource {
        Some(resource) => {
            let set = resource.policies;
            let says = undenied(set, set.says_of_resource(asked), Layer::Resource)?;
            let said = says.allow.map(|(grant, at)| (grant, Some(at)));
            let granted = resource.granted.as_ref().map(|_| (of_grant(who), None));
            // The stronger one, the policy's before the grant's.
            match (said, granted) {
                (Some(said), Some(granted)) => Some(if granted.0 > said.0 { granted } else { said }),
                (said, granted) => said.or(granted),
            }
        }
        None => None,
    };
    let one = |set: Option<&PolicySet>, layer: Layer| set.map(|set| ask(set, layer)).transpose();
    let identity = one(layers.identity, Layer::Identity)?;
    let limit = |set, layer| Ok(one(set, layer)?.is_none_or(|says| says.allow.is_some()));
    Ok(Heard {
        control,
        resource_control,
        resource,
        identity: identity.and_then(|says| says.allow).map(|(_, at)| at),
        boundary: limit(layers.boundary, Layer::Boundary)?,
        session: limit(layers.session, Layer::Session)?,
    })
}

fn undenied(set: &PolicySet, says: Says, layer: Layer) -> Result<Says, Decision> {
    match says.deny {
        Some(at) => Err(Decision::ExplicitDeny(layer, Some(decider(set, at)))),
        None => Ok(says),
    }
}

/// A grant names a role, not its sessions.
fn of_grant(who: &Principal<'_>) -> Grant {
    match who {
        Principal::AssumedRole { .. } | Principal::FederatedUser { .. } => Grant::Limited,
        _ => Grant::Direct,
    }
}

fn decider(set: &PolicySet, at: usize) -> Decider {
    let (policy, statement, sid) = set.place(at);
    Decider { policy: policy.to_owned(), statement, sid: sid.map(str::to_owned) }
}

impl Heard {
    fn decide(&self, layers: &Layers<'_>, who: &Principal<'_>) -> Decision {
        if !self.resource_control {
            return Decision::ImplicitDeny(Layer::ResourceControlPolicy);
        }
        if !self.control {
            return Decision::ImplicitDeny(Layer::ControlPolicy);
        }
        let grant = self.resource.map(|(grant, _)| grant);
        let is_root = matches!(who, Principal::Root { .. });
        let is_own = match (who.account(), &layers.resource) {
            (Some(account), Some(resource)) => account == resource.account,
            (Some(_), None) => true,
            // Of no account: the policy of the thing alone decides.
            (None, _) => {
                let none = Decision::ImplicitDeny(Layer::Resource);
                return grant.map_or(none, |_| self.by_resource(layers));
            }
        };
        let must_allow = !is_own || layers.resource.as_ref().is_some_and(|resource| resource.must_allow);
        if must_allow && grant.is_none() {
            return Decision::ImplicitDeny(Layer::Resource);
        }
        let is_granted = is_own && grant.is_some_and(|grant| grant > Grant::Account);
        // A session of root (AssumeRoot) never gets beyond its policy.
        if is_own && grant == Some(Grant::Direct) && !(is_root && layers.session.is_some()) {
            return self.by_resource(layers);
        }
        if !is_granted && !is_root && self.identity.is_none() {
            return Decision::ImplicitDeny(Layer::Identity);
        }
        if !is_root && !self.boundary {
            return Decision::ImplicitDeny(Layer::Boundary);
        }
        if !self.session {
            return Decision::ImplicitDeny(Layer::Session);
        }
        match (self.identity, layers.identity) {
            (Some(at), Some(set)) if !is_root => Decision::Allow(Some(decider(set, at))),
            _ if grant.is_some() => self.by_resource(layers),
            _ => Decision::FREE,
        }
    }

    /// Allowed by what the resource's policy, or a grant, says.
    fn by_resource(&self, layers: &Layers<'_>) -> Decision {
        let Some(resource) = &layers.resource else { return Decision::FREE };
        let by = match self.resource {
            Some((_, Some(at))) => Some(decider(resource.policies, at)),
            Some((_, None)) => resource.granted.cloned(),
            None => None,
        };
        Decision::Allow(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_in_the_words_of_aws() {
        let deny = |layer| Decision::ExplicitDeny(layer, None).reason("s3:GetObject");
        let none = |layer| Decision::ImplicitDeny(layer).reason("s3:GetObject");
        for (layer, denied, silent) in [
            (
                Layer::Identity,
                "with an explicit deny in an identity-based policy",
                "because no identity-based policy allows the s3:GetObject action",
            ),
            (
                Layer::Resource,
                "with an explicit deny in a resource-based policy",
                "because no resource-based policy allows the s3:GetObject action",
            ),
            (
                Layer::Boundary,
                "with an explicit deny in a permissions boundary",
                "because no permissions boundary allows the s3:GetObject action",
            ),
            (
                Layer::Session,
                "with an explicit deny in a session policy",
                "because no session policy allows the s3:GetObject action",
            ),
            (
                Layer::ControlPolicy,
                "with an explicit deny in a service control policy",
                "because no service control policy allows the s3:GetObject action",
            ),
            (
                Layer::ResourceControlPolicy,
                "with an explicit deny in a resource control policy",
                "because no resource control policy allows the s3:GetObject action",
            ),
        ] {
            assert_eq!((deny(layer).as_str(), none(layer).as_str()), (denied, silent));
        }
        assert_eq!(Decision::FREE.reason("s3:GetObject"), "");
        assert!(Decision::FREE.is_allow());
    }
}
