//! What can have tags, found by its identifier.

use std::sync::Arc;

use service::{ApiError, Call};

use crate::access;
use crate::error::Error;
use crate::kinds::PolicyType;
use crate::records::{Account, Member, Organization, Policy, ResourcePolicy, Unit};
use crate::store::Draft;
use crate::tags::Tag;
use crate::views::{arn, policy_arn, target_arn};
use crate::world::{AnyPolicy, Target, World};

/// Something with tags.
pub enum Tagged<'a> {
    /// A root, unit or account.
    Target(Target<'a>),
    /// A customer's policy.
    Policy(&'a Arc<Policy>),
    /// The organization's own policy.
    ResourcePolicy(&'a ResourcePolicy),
}

/// The resource of this identifier in the caller's organization, if `may` lets the caller at it.
pub fn find<'a>(
    world: &'a World,
    call: &Call,
    id: &str,
    may: impl Fn(&Organization, &Call, &str, Option<PolicyType>) -> Result<(), ApiError>,
) -> Result<(&'a Arc<Organization>, Tagged<'a>), ApiError> {
    let (organization, ..) = access::member(world, call)?;
    let own = organization.resource_policy.as_ref().filter(|policy| policy.id == id);
    let (tagged, arn, kind) = if let Some(target) = world.target(organization, id) {
        (Tagged::Target(target), target_arn(organization, target), None)
    } else if let Some(AnyPolicy::Own(policy)) = world.policy(organization, id) {
        (Tagged::Policy(policy), policy_arn(organization, AnyPolicy::Own(policy)), Some(policy.kind))
    } else if let Some(policy) = own {
        (Tagged::ResourcePolicy(policy), arn(organization, "resourcepolicy", id), None)
    } else {
        may(organization, call, "*", None)?;
        return Err(Error::TargetNotFoundException.into());
    };
    may(organization, call, &arn, kind)?;
    Ok((organization, tagged))
}

impl Tagged<'_> {
    /// Its tags.
    pub fn tags(&self) -> &[Tag] {
        match self {
            Tagged::Target(target) => target.tags(),
            Tagged::Policy(policy) => &policy.tags,
            Tagged::ResourcePolicy(policy) => &policy.tags,
        }
    }

    /// Writes it with these tags.
    pub fn put(&self, draft: &mut Draft, organization: &Organization, tags: Vec<Tag>) {
        match *self {
            Tagged::Target(Target::Root(root)) => draft.organization(Organization { tags, ..(**root).clone() }),
            Tagged::Target(Target::Unit(unit)) => draft.unit(Unit { tags, ..(**unit).clone() }),
            Tagged::Target(Target::Account(account, member)) => {
                let member = Some(Member { tags, ..member.clone() });
                draft.account(Account { member, ..(**account).clone() });
            }
            Tagged::Policy(policy) => draft.policy(Policy { tags, ..(**policy).clone() }),
            Tagged::ResourcePolicy(policy) => {
                let resource_policy = Some(ResourcePolicy { tags, ..policy.clone() });
                draft.organization(Organization { resource_policy, ..organization.clone() });
            }
        }
    }
}
