//! ListEntitiesForPolicy: lists the users, groups and roles that a managed policy is attached to or bounds.

use serde::Serialize;

use crate::managed::Managed;
use crate::names::under;
use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{Group, Holder, Role, User};

/// The modelled `PolicyGroup`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyGroup {
    group_name: String,
    group_id: String,
}

/// The modelled `PolicyUser`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyUser {
    user_name: String,
    user_id: String,
}

/// The modelled `PolicyRole`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyRole {
    role_name: String,
    role_id: String,
}

/// One of the three; their order is that of the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Group,
    User,
    Role,
}

struct Found {
    kind: Kind,
    name: String,
    id: String,
}

fn matches(holder: &impl Holder, arn: &str, usage: Option<&str>) -> bool {
    let attached = holder.grants().attached.iter().any(|one| one == arn);
    let bounds = holder.boundary() == Some(arn);
    match usage {
        Some("PermissionsPolicy") => attached,
        Some("PermissionsBoundary") => bounds,
        _ => attached || bounds,
    }
}

operation! {
    /// Lists the users, groups and roles that a managed policy is attached to or bounds.
    ListEntitiesForPolicy on "{PolicyArn}"
    takes {
        policy_arn: String,
        entity_filter: Option<String>,
        path_prefix: Option<String>,
        policy_usage_filter: Option<String>,
        marker: Option<String>,
        max_items: Option<i64>,
    }
    gives {
        policy_groups: Vec<PolicyGroup>,
        policy_users: Vec<PolicyUser>,
        policy_roles: Vec<PolicyRole>,
        is_truncated: bool,
        marker: Option<String>,
    }
    |iam, _call, input| {
        let (arn, usage) = (input.policy_arn.as_str(), input.policy_usage_filter.as_deref());
        let prefix = input.path_prefix.as_deref();
        // The two filters by kind of policy say whose it is, not who has it.
        let wanted = |kind: &str| match input.entity_filter.as_deref() {
            Some(filter @ ("User" | "Role" | "Group")) => filter == kind,
            _ => true,
        };
        let found = iam.store.read(|world| {
            Managed::need(world, arn)?;
            let mut found = Vec::new();
            let mut add = |kind, name: &str, id: &str| {
                found.push(Found { kind, name: name.to_owned(), id: id.to_owned() });
            };
            for group in world.all::<Group>().filter(|_| wanted("Group")) {
                if matches(&**group, arn, usage) && under(&group.path, prefix) {
                    add(Kind::Group, &group.name, &group.id);
                }
            }
            for user in world.all::<User>().filter(|_| wanted("User")) {
                if matches(&**user, arn, usage) && under(&user.path, prefix) {
                    add(Kind::User, &user.name, &user.id);
                }
            }
            for role in world.all::<Role>().filter(|_| wanted("Role")) {
                if matches(&**role, arn, usage) && under(&role.path, prefix) {
                    add(Kind::Role, &role.name, &role.id);
                }
            }
            Ok::<_, crate::Error>(found)
        })?;
        let key = |one: &Found| format!("{}{}", one.kind as u8, one.name.to_lowercase());
        let (found, marker) = page(found, key, input.marker.as_deref(), input.max_items)?;
        let (mut policy_groups, mut policy_users, mut policy_roles) = (Vec::new(), Vec::new(), Vec::new());
        for Found { kind, name, id } in found {
            match kind {
                Kind::Group => policy_groups.push(PolicyGroup { group_name: name, group_id: id }),
                Kind::User => policy_users.push(PolicyUser { user_name: name, user_id: id }),
                Kind::Role => policy_roles.push(PolicyRole { role_name: name, role_id: id }),
            }
        }
        Ok(Output { policy_groups, policy_users, policy_roles, is_truncated: marker.is_some(), marker })
    }
}
