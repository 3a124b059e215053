//! Policies that belong to one user, group or role and go with it.

use crate::documents::{chars, check_identity, encoded};
use crate::names::check_name;
use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{Group, Holder, Role, User};
use crate::{Error, Iam};

/// Writes a policy over the one of its name.
async fn put<H: Holder>(iam: &Iam, name: &str, policy: String, document: String) -> Result<(), service::ApiError> {
    check_name(&policy, "policyName")?;
    check_identity(&document)?;
    iam.store
        .edit(name, |holder: &mut H| {
            holder.check_modifiable()?;
            let holder_name = holder.name().to_owned();
            let inline = &mut holder.grants_mut().inline;
            let others = inline.iter().filter(|(other, _)| **other != policy);
            let total: usize = others.map(|(_, text)| chars(text)).sum::<usize>() + chars(&document);
            if total > H::INLINE_CHARS_MAX {
                let kind = H::QUOTA_NAME.to_lowercase();
                return Err(Error::LimitExceeded(format!(
                    "Maximum policy size of {} bytes exceeded for {kind} {holder_name}",
                    H::INLINE_CHARS_MAX
                ))
                .into());
            }
            inline.insert(policy, document);
            Ok(())
        })
        .await
}

fn missing<H: Holder>(policy: &str) -> Error {
    Error::NoSuchEntity(format!("The {} policy with name {policy} cannot be found.", H::QUOTA_NAME.to_lowercase()))
}

/// The holder's name as it was given, and the encoded text.
fn get<H: Holder>(iam: &Iam, name: &str, policy: &str) -> Result<(String, String), Error> {
    let holder = iam.store.need::<H>(name)?;
    let text = holder.grants().inline.get(policy).ok_or_else(|| missing::<H>(policy))?;
    Ok((holder.name().to_owned(), encoded(text)))
}

async fn delete<H: Holder>(iam: &Iam, name: &str, policy: &str) -> Result<(), service::ApiError> {
    iam.store
        .edit(name, |holder: &mut H| {
            holder.check_modifiable()?;
            let gone = holder.grants_mut().inline.remove(policy);
            gone.map(drop).ok_or_else(|| missing::<H>(policy).into())
        })
        .await
}

/// A page of names, and the marker of the next.
fn list<H: Holder>(
    iam: &Iam,
    name: &str,
    marker: Option<&str>,
    items_max: Option<i64>,
) -> Result<(Vec<String>, Option<String>), Error> {
    let holder = iam.store.need::<H>(name)?;
    page(holder.grants().inline.keys().cloned().collect(), Clone::clone, marker, items_max)
}

macro_rules! inline_policies {
    ($kind:ident, $name:ident, $resource:tt, $put:ident, $get:ident, $delete:ident, $list:ident) => {
        operation! {
            #[doc = concat!("Writes a policy that belongs to one ", stringify!($kind), ".")]
            $put on $resource
            takes { $name: String, policy_name: String, policy_document: String }
            gives {}
            |iam, _call, input| {
                put::<$kind>(iam, &input.$name, input.policy_name, input.policy_document).await?;
                Ok(Output {})
            }
        }

        operation! {
            #[doc = concat!("Shows a policy that belongs to one ", stringify!($kind), ".")]
            $get on $resource
            takes { $name: String, policy_name: String }
            gives { $name: String, policy_name: String, policy_document: String }
            |iam, _call, input| {
                let ($name, policy_document) = get::<$kind>(iam, &input.$name, &input.policy_name)?;
                Ok(Output { $name, policy_name: input.policy_name, policy_document })
            }
        }

        operation! {
            #[doc = concat!("Removes a policy that belongs to one ", stringify!($kind), ".")]
            $delete on $resource
            takes { $name: String, policy_name: String }
            gives {}
            |iam, _call, input| {
                delete::<$kind>(iam, &input.$name, &input.policy_name).await?;
                Ok(Output {})
            }
        }

        operation! {
            #[doc = concat!("Lists the names of the policies that belong to one ", stringify!($kind), ".")]
            $list on $resource
            takes { $name: String, marker: Option<String>, max_items: Option<i64> }
            gives { policy_names: Vec<String>, is_truncated: bool, marker: Option<String> }
            |iam, _call, input| {
                let (policy_names, marker) = list::<$kind>(iam, &input.$name, input.marker.as_deref(), input.max_items)?;
                Ok(Output { policy_names, is_truncated: marker.is_some(), marker })
            }
        }
    };
}

inline_policies!(User, user_name, "user/{UserName}", PutUserPolicy, GetUserPolicy, DeleteUserPolicy, ListUserPolicies);
inline_policies!(
    Group,
    group_name,
    "group/{GroupName}",
    PutGroupPolicy,
    GetGroupPolicy,
    DeleteGroupPolicy,
    ListGroupPolicies
);
inline_policies!(Role, role_name, "role/{RoleName}", PutRolePolicy, GetRolePolicy, DeleteRolePolicy, ListRolePolicies);
