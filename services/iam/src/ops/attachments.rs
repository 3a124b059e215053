//! Managed policies on users, groups and roles: attached, detached, listed.

use crate::managed::{Managed, check_arn};
use crate::names::under;
use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{Group, Holder, POLICIES_MAX, Role, User};
use crate::views::AttachedPolicy;
use crate::{Error, Iam};

/// Attaches a policy; again changes nothing.
async fn attach<H: Holder>(iam: &Iam, name: &str, arn: &str) -> Result<(), service::ApiError> {
    iam.store
        .change(|tx| {
            let mut holder = tx.need::<H>(name)?;
            holder.check_modifiable()?;
            Managed::attachable(tx.before(), arn)?;
            let attached = &mut holder.grants_mut().attached;
            if attached.iter().any(|one| one == arn) {
                return Ok(());
            }
            if attached.len() >= POLICIES_MAX {
                return Err(Error::quota(&format!("PoliciesPer{}", H::QUOTA_NAME), POLICIES_MAX).into());
            }
            attached.push(arn.to_owned());
            tx.put(holder);
            Ok(())
        })
        .await
}

async fn detach<H: Holder>(iam: &Iam, name: &str, arn: &str) -> Result<(), service::ApiError> {
    check_arn(arn)?;
    iam.store
        .edit(name, |holder: &mut H| {
            holder.check_modifiable()?;
            let attached = &mut holder.grants_mut().attached;
            let at = attached.iter().position(|one| one == arn).ok_or_else(|| Error::no_policy(arn))?;
            attached.remove(at);
            Ok(())
        })
        .await
}

/// A page of what is attached, and the marker of the next.
fn attached<H: Holder>(
    iam: &Iam,
    name: &str,
    prefix: Option<&str>,
    marker: Option<&str>,
    items_max: Option<i64>,
) -> Result<(Vec<AttachedPolicy>, Option<String>), Error> {
    let holder = iam.store.need::<H>(name)?;
    let mut arns = holder.grants().attached.clone();
    // A managed policy's path is what lies between `policy` and its name.
    arns.retain(|arn| under(arn.split_once(":policy").map_or("/", |(_, path)| path), prefix));
    arns.sort_unstable();
    let (arns, marker) = page(arns, Clone::clone, marker, items_max)?;
    Ok((arns.iter().map(|arn| AttachedPolicy::of(arn)).collect(), marker))
}

macro_rules! attachments {
    ($kind:ident, $name:ident, $resource:tt, $attach:ident, $detach:ident, $list:ident) => {
        operation! {
            #[doc = concat!("Attaches a managed policy to a ", stringify!($kind), ". Attaching it again changes nothing.")]
            $attach on $resource
            takes { $name: String, policy_arn: String }
            gives {}
            |iam, _call, input| {
                attach::<$kind>(iam, &input.$name, &input.policy_arn).await?;
                Ok(Output {})
            }
        }

        operation! {
            #[doc = concat!("Detaches a managed policy from a ", stringify!($kind), ".")]
            $detach on $resource
            takes { $name: String, policy_arn: String }
            gives {}
            |iam, _call, input| {
                detach::<$kind>(iam, &input.$name, &input.policy_arn).await?;
                Ok(Output {})
            }
        }

        operation! {
            #[doc = concat!("Lists the managed policies on a ", stringify!($kind), ".")]
            $list on $resource
            takes { $name: String, path_prefix: Option<String>, marker: Option<String>, max_items: Option<i64> }
            gives { attached_policies: Vec<AttachedPolicy>, is_truncated: bool, marker: Option<String> }
            |iam, _call, input| {
                let (prefix, marker) = (input.path_prefix.as_deref(), input.marker.as_deref());
                let (attached_policies, marker) = attached::<$kind>(iam, &input.$name, prefix, marker, input.max_items)?;
                Ok(Output { attached_policies, is_truncated: marker.is_some(), marker })
            }
        }
    };
}

attachments!(User, user_name, "user/{UserName}", AttachUserPolicy, DetachUserPolicy, ListAttachedUserPolicies);
attachments!(Group, group_name, "group/{GroupName}", AttachGroupPolicy, DetachGroupPolicy, ListAttachedGroupPolicies);
attachments!(Role, role_name, "role/{RoleName}", AttachRolePolicy, DetachRolePolicy, ListAttachedRolePolicies);
