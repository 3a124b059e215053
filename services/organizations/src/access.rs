//! Who may call what: the management account everything; delegated administrators may read; and whom the organization's own policy names,
//! what it names. Sources: Organizations API reference, each operation ("You can only call this operation from …"); user guide,
//! "Delegated administrator for AWS Organizations".

use std::sync::Arc;

use policy::Request;
use ports::AccessRequest;
use service::{ApiError, Call};

use crate::Error;
use crate::error::invalid;
use crate::kinds::PolicyType;
use crate::records::{Account, FeatureSet, Member, Organization, Policy};
use crate::views::{policy_arn, target_arn};
use crate::world::{AnyPolicy, Target, World};

/// The caller's organization and its place there.
pub fn member<'a>(
    world: &'a World,
    call: &Call,
) -> Result<(&'a Arc<Organization>, &'a Arc<Account>, &'a Member), ApiError> {
    world.place_of(&call.account).ok_or_else(|| Error::AWSOrganizationsNotInUseException.into())
}

/// The organization that the caller's account manages.
pub fn manager<'a>(world: &'a World, call: &Call) -> Result<&'a Arc<Organization>, ApiError> {
    let (organization, account, _) = member(world, call)?;
    if organization.management == account.id { Ok(organization) } else { Err(Error::AccessDeniedException.into()) }
}

/// The same, with all features.
pub fn full_manager<'a>(world: &'a World, call: &Call) -> Result<&'a Arc<Organization>, ApiError> {
    full_manager_of(world, &call.account)
}

/// The same for an account.
pub fn full_manager_of<'a>(world: &'a World, account: &str) -> Result<&'a Arc<Organization>, ApiError> {
    let (organization, account, _) =
        world.place_of(account).ok_or_else(|| ApiError::from(Error::AWSOrganizationsNotInUseException))?;
    if organization.management != account.id {
        return Err(Error::AccessDeniedException.into());
    }
    match organization.feature_set {
        FeatureSet::All => Ok(organization),
        FeatureSet::ConsolidatedBilling => Err(crate::error::needs_all_features()),
    }
}

/// The organization of a caller who may read about it.
pub fn reader<'a>(world: &'a World, call: &Call) -> Result<&'a Arc<Organization>, ApiError> {
    let (organization, _, member) = member(world, call)?;
    if member.delegations.is_empty() {
        may(organization, call, "*", None)?;
    }
    Ok(organization)
}

/// Refuses a caller who does not manage the organization, and whom its own policy does not permit the operation on `resource`.
pub fn may(organization: &Organization, call: &Call, resource: &str, kind: Option<PolicyType>) -> Result<(), ApiError> {
    if *organization.management == *call.account || permits(organization, call, resource, kind) {
        return Ok(());
    }
    Err(Error::AccessDeniedException.into())
}

/// A policy of the caller's organization, and the organization, if the caller may do the operation on it.
pub fn policy<'a>(world: &'a World, call: &Call, id: &str) -> Result<(&'a Arc<Organization>, AnyPolicy<'a>), ApiError> {
    let (organization, ..) = member(world, call)?;
    let Some(policy) = world.policy(organization, id) else {
        may(organization, call, "*", None)?;
        return Err(Error::PolicyNotFoundException.into());
    };
    may(organization, call, &policy_arn(organization, policy), Some(policy.kind()))?;
    Ok((organization, policy))
}

/// The same, but not one that AWS wrote, which nobody changes.
pub fn own_policy<'a>(
    world: &'a World,
    call: &Call,
    id: &str,
) -> Result<(&'a Arc<Organization>, &'a Arc<Policy>), ApiError> {
    match policy(world, call, id)? {
        (organization, AnyPolicy::Own(policy)) => Ok((organization, policy)),
        (_, AnyPolicy::Managed(_)) => {
            Err(invalid("IMMUTABLE_POLICY", "You specified a policy that is managed by AWS and can't be modified."))
        }
    }
}

/// A policy and a target, if the caller may do the operation on both.
pub fn policy_and_target<'a>(
    world: &'a World,
    call: &Call,
    id: &str,
    target: &str,
) -> Result<(&'a Arc<Organization>, AnyPolicy<'a>, Target<'a>), ApiError> {
    let (organization, policy) = policy(world, call, id)?;
    let target = world.target(organization, target).ok_or(Error::TargetNotFoundException)?;
    may(organization, call, &target_arn(organization, target), Some(policy.kind()))?;
    Ok((organization, policy, target))
}

/// Whether the organization's own policy permits a member the operation that runs.
fn permits(organization: &Organization, call: &Call, resource: &str, kind: Option<PolicyType>) -> bool {
    let Some(resource_policy) = &organization.resource_policy else { return false };
    let Ok(policy) = policy::Policy::parse(resource_policy.content.trim()) else { return false };
    let action = format!("organizations:{}", call.operation);
    let context = call.context(&[]);
    let asked = AccessRequest { caller: &call.caller, action: &action, resource, context: &context };
    let known = |key: &str| match key {
        "organizations:policytype" => kind.map(|kind| vec![kind.name().to_owned()]),
        "aws:principalorgid" => Some(vec![organization.id.clone()]),
        key => asked.global_condition(key),
    };
    let said = call.caller.as_principal(|principal| {
        let request = Request { principal, action: &action, resource, context: &known };
        policy::evaluate(&[&policy], &request).is_allow()
    });
    said.unwrap_or(false)
}
