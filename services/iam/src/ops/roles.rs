//! Roles: made, shown, changed, removed, listed.

use std::collections::BTreeMap;

use crate::Error;
use crate::managed::Managed;
use crate::names::{check_name, path_or_root, under};
use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{self, Holder as _, ROLES_MAX, World};
use crate::tags::{self, Tag};
use crate::trust;
use crate::views::Role;

/// What must go before a role can. In the order in which IAM complains.
pub(crate) fn check_free(world: &World, role: &store::Role) -> Result<(), Error> {
    let in_profile = |profile: &std::sync::Arc<store::InstanceProfile>| {
        profile.role.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(&role.name))
    };
    if world.all::<store::InstanceProfile>().any(in_profile) {
        return Err(Error::delete_conflict("remove roles from instance profile"));
    }
    if !role.grants.attached.is_empty() {
        return Err(Error::delete_conflict("detach all policies"));
    }
    if !role.grants.inline.is_empty() {
        return Err(Error::delete_conflict("delete policies"));
    }
    Ok(())
}

operation! {
    /// Makes a role, which those whom its trust policy names may take on.
    CreateRole on "role/{RoleName}"
    takes {
        path: Option<String>,
        role_name: String,
        assume_role_policy_document: String,
        description: Option<String>,
        max_session_duration: Option<u32>,
        permissions_boundary: Option<String>,
        #[serde(default)]
        tags: Vec<Tag>,
    }
    gives { role: Role }
    |iam, call, input| {
        check_name(&input.role_name, "roleName")?;
        let path = path_or_root(input.path)?;
        if [store::Role::SERVICE_LINKED_PATH, store::Role::RESERVED_PATH].iter().any(|own| path.starts_with(own)) {
            let text = "Service role can only be created by AWS"; // No page tells the text.
            return Err(Error::InvalidInput(text.to_owned()).into());
        }
        let name = input.role_name;
        let mut role = store::Role {
            v: store::Role::VERSION,
            arn: format!("arn:aws:iam::{}:role{path}{name}", iam.account),
            id: base::ids::iam_id(&*iam.env.rng, "AROA"),
            name: name.clone(),
            path,
            created: call.time.trunc_secs(),
            tags: tags::set(tags::Keys::AnyCase, "Role", &[], input.tags)?,
            grants: store::Grants::default(),
            boundary: input.permissions_boundary,
            description: input.description.filter(|text| !text.is_empty()),
            trust: input.assume_role_policy_document,
            trust_ids: BTreeMap::new(),
            max_session_secs: input.max_session_duration.unwrap_or(store::Role::MAX_SESSION_SECS_DEFAULT),
        };
        iam.store
            .change(|tx| {
                role.trust_ids = trust::read(tx.before(), &role.trust)?;
                if tx.get::<store::Role>(&name).is_some() {
                    let text = format!("Role with name {name} already exists.");
                    return Err(Error::EntityAlreadyExists(text).into());
                }
                tx.check_room::<store::Role>(ROLES_MAX, "RolesPerAccount")?;
                if let Some(arn) = &role.boundary {
                    Managed::boundary(tx.before(), arn)?;
                }
                let output = Output { role: Role::made(&role) };
                tx.put(role);
                Ok(output)
            })
            .await
    }
}

operation! {
    /// Shows a role.
    GetRole on "role/{RoleName}"
    takes { role_name: String }
    gives { role: Role }
    |iam, _call, input| {
        let role = iam.store.need::<store::Role>(&input.role_name)?;
        let role = iam.store.read(|world| trust::as_shown(world, &role));
        Ok(Output { role: Role::whole(&role, iam.last_use(&role.id)) })
    }
}

operation! {
    /// Changes a role's description and how long its sessions may last.
    UpdateRole on "role/{RoleName}"
    takes { role_name: String, description: Option<String>, max_session_duration: Option<u32> }
    gives {}
    |iam, _call, input| {
        iam.store
            .edit(&input.role_name, |role: &mut store::Role| {
                if input.max_session_duration.is_some() {
                    role.check_modifiable()?;
                }
                if let Some(text) = input.description {
                    role.description = Some(text).filter(|text| !text.is_empty());
                }
                role.max_session_secs = input.max_session_duration.unwrap_or(role.max_session_secs);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Changes a role's description. UpdateRole does the same.
    UpdateRoleDescription on "role/{RoleName}"
    takes { role_name: String, description: String }
    gives { role: Role }
    |iam, _call, input| {
        iam.store
            .edit(&input.role_name, |role: &mut store::Role| {
                role.description = Some(input.description).filter(|text| !text.is_empty());
                Ok(Output { role: Role::described(role) })
            })
            .await
    }
}

operation! {
    /// Changes who may take on a role.
    UpdateAssumeRolePolicy on "role/{RoleName}"
    takes { role_name: String, policy_document: String }
    gives {}
    |iam, _call, input| {
        iam.store
            .change(|tx| {
                let mut role = tx.need::<store::Role>(&input.role_name)?;
                role.check_modifiable()?;
                role.trust_ids = trust::read(tx.before(), &input.policy_document)?;
                role.trust = input.policy_document;
                tx.put(role);
                Ok(Output {})
            })
            .await
    }
}

operation! {
    /// Removes a role on which nothing hangs any more.
    DeleteRole on "role/{RoleName}"
    takes { role_name: String }
    gives {}
    |iam, _call, input| {
        let id = iam
            .store
            .change(|tx| {
                let role = tx.need::<store::Role>(&input.role_name)?;
                role.check_modifiable()?;
                check_free(tx.before(), &role)?;
                tx.remove::<store::Role>(&role.name);
                Ok(role.id)
            })
            .await?;
        iam.forget_uses(&[id]).await;
        Ok(Output {})
    }
}

operation! {
    /// Lists roles under a path, by name.
    ListRoles on "role/*"
    takes { path_prefix: Option<String>, marker: Option<String>, max_items: Option<i64> }
    gives { roles: Vec<Role>, is_truncated: bool, marker: Option<String> }
    |iam, _call, input| {
        let mut roles = iam.store.all::<store::Role>();
        roles.retain(|role| under(&role.path, input.path_prefix.as_deref()));
        let (roles, marker) = page(roles, |role| role.name.to_lowercase(), input.marker.as_deref(), input.max_items)?;
        let view = |role: &store::Role| iam.store.read(|world| Role::listed(&trust::as_shown(world, role)));
        let roles = roles.iter().map(|role| view(role)).collect();
        Ok(Output { roles, is_truncated: marker.is_some(), marker })
    }
}
