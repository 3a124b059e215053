//! Entities as the API shows them.

use base::Timestamp;
use serde::Serialize;

use crate::documents::encoded;
use crate::managed::{Counts, Managed};
use crate::store::{self, World};
use crate::tags::Tag;
use crate::uses::Use;

/// The modelled `AttachedPermissionsBoundary`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Boundary {
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: String,
}

impl Boundary {
    /// Of an entity that may have one.
    pub fn of(arn: Option<&str>) -> Option<Boundary> {
        // Source: IAM API reference, "AttachedPermissionsBoundary": "This data type can only have a value of Policy".
        arn.map(|arn| Boundary { permissions_boundary_type: "Policy", permissions_boundary_arn: arn.to_owned() })
    }
}

/// The modelled `User`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct User {
    path: Option<String>,
    user_name: Option<String>,
    user_id: String,
    arn: String,
    create_date: Timestamp,
    password_last_used: Option<Timestamp>,
    permissions_boundary: Option<Boundary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl User {
    /// With its tags and its boundary (GetUser, CreateUser).
    pub fn with_tags(user: &store::User) -> User {
        User {
            tags: user.tags.clone(),
            permissions_boundary: Boundary::of(user.boundary.as_deref()),
            ..User::listed(user)
        }
    }

    /// Without tags and boundary (ListUsers).
    pub fn listed(user: &store::User) -> User {
        User {
            path: Some(user.path.clone()),
            user_name: Some(user.name.clone()),
            user_id: user.id.clone(),
            arn: user.arn.clone(),
            create_date: user.created,
            password_last_used: None,
            permissions_boundary: None,
            tags: Vec::new(),
        }
    }

    /// The same, knowing when the password was last used.
    #[must_use]
    pub fn signed_in(self, last: Option<Timestamp>) -> User {
        User { password_last_used: last, ..self }
    }

    /// What it is called; root is not.
    pub fn name(&self) -> Option<&str> {
        self.user_name.as_deref()
    }

    /// The account itself, as GetUser shows it to root.
    pub fn root(account: &str) -> User {
        User {
            path: None,
            user_name: None,
            user_id: account.to_owned(),
            arn: format!("arn:aws:iam::{account}:root"),
            create_date: Timestamp::EPOCH,
            password_last_used: None,
            permissions_boundary: None,
            tags: Vec::new(),
        }
    }
}

/// The modelled `Group`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    create_date: Timestamp,
}

impl Group {
    /// As it is shown everywhere.
    pub fn of(group: &store::Group) -> Group {
        Group {
            path: group.path.clone(),
            group_name: group.name.clone(),
            group_id: group.id.clone(),
            arn: group.arn.clone(),
            create_date: group.created,
        }
    }
}

/// The modelled `RoleLastUsed`: empty if it never was.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleLastUsed {
    last_used_date: Option<Timestamp>,
    region: Option<String>,
}

impl RoleLastUsed {
    /// Of what is known.
    pub fn of(used: Option<Use>) -> RoleLastUsed {
        let (last_used_date, region) = used.map(|used| (used.time, used.region)).unzip();
        RoleLastUsed { last_used_date, region }
    }
}

/// The modelled `Role`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Role {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: Timestamp,
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
    permissions_boundary: Option<Boundary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
    role_last_used: Option<RoleLastUsed>,
}

impl Role {
    /// In an instance profile: what it is, and no more.
    pub fn brief(role: &store::Role) -> Role {
        Role {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.id.clone(),
            arn: role.arn.clone(),
            create_date: role.created,
            assume_role_policy_document: encoded(&role.trust),
            description: None,
            max_session_duration: None,
            permissions_boundary: None,
            tags: Vec::new(),
            role_last_used: None,
        }
    }

    /// When it was made (CreateRole).
    pub fn made(role: &store::Role) -> Role {
        let permissions_boundary = Boundary::of(role.boundary.as_deref());
        Role { permissions_boundary, tags: role.tags.clone(), ..Role::brief(role) }
    }

    /// In a list (ListRoles).
    pub fn listed(role: &store::Role) -> Role {
        Role {
            description: role.description.clone(),
            max_session_duration: Some(role.max_session_secs),
            ..Role::brief(role)
        }
    }

    /// When its description was changed (UpdateRoleDescription).
    pub fn described(role: &store::Role) -> Role {
        Role { description: role.description.clone(), ..Role::brief(role) }
    }

    /// With everything (GetRole).
    pub fn whole(role: &store::Role, used: Option<Use>) -> Role {
        Role {
            permissions_boundary: Boundary::of(role.boundary.as_deref()),
            tags: role.tags.clone(),
            role_last_used: Some(RoleLastUsed::of(used)),
            ..Role::listed(role)
        }
    }
}

/// The modelled `Policy`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    policy_name: String,
    policy_id: String,
    arn: String,
    path: String,
    default_version_id: String,
    attachment_count: usize,
    permissions_boundary_usage_count: usize,
    is_attachable: bool,
    description: Option<String>,
    create_date: Timestamp,
    update_date: Timestamp,
    tags: Option<Vec<Tag>>,
}

impl Policy {
    /// In a list: without tags and description (ListPolicies).
    pub fn listed(policy: &Managed, counts: &Counts) -> Policy {
        let (create_date, update_date) = policy.dates();
        Policy {
            policy_name: policy.name().to_owned(),
            policy_id: policy.id().to_owned(),
            arn: policy.arn().to_owned(),
            path: policy.path().to_owned(),
            default_version_id: policy.default_version(),
            attachment_count: counts.attached(policy.arn()),
            permissions_boundary_usage_count: counts.boundaries(policy.arn()),
            is_attachable: true,
            description: None,
            create_date,
            update_date,
            tags: None,
        }
    }

    /// When it was made: with its tags if it has some (CreatePolicy).
    pub fn made(policy: &Managed) -> Policy {
        let tags = Some(policy.tags().to_vec()).filter(|tags| !tags.is_empty());
        Policy { tags, ..Policy::listed(policy, &Counts::default()) }
    }

    /// With everything (GetPolicy).
    pub fn whole(policy: &Managed, counts: &Counts) -> Policy {
        Policy {
            description: policy.description().map(str::to_owned),
            tags: Some(policy.tags().to_vec()),
            ..Policy::listed(policy, counts)
        }
    }
}

/// The modelled `AttachedPolicy`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachedPolicy {
    policy_name: String,
    policy_arn: String,
}

impl AttachedPolicy {
    /// By its ARN, whose end is the name.
    pub fn of(arn: &str) -> AttachedPolicy {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        AttachedPolicy { policy_name: name.to_owned(), policy_arn: arn.to_owned() }
    }
}

/// The modelled `InstanceProfile`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceProfile {
    path: String,
    instance_profile_name: String,
    instance_profile_id: String,
    arn: String,
    create_date: Timestamp,
    roles: Vec<Role>,
    tags: Option<Vec<Tag>>,
}

impl InstanceProfile {
    /// In a list: without tags.
    pub fn listed(profile: &store::InstanceProfile, world: &World) -> InstanceProfile {
        let role = profile.role.as_deref().and_then(|name| world.get::<store::Role>(name));
        InstanceProfile {
            path: profile.path.clone(),
            instance_profile_name: profile.name.clone(),
            instance_profile_id: profile.id.clone(),
            arn: profile.arn.clone(),
            create_date: profile.created,
            roles: role.iter().map(|role| Role::brief(&crate::trust::as_shown(world, role))).collect(),
            tags: None,
        }
    }

    /// When it was made: with its tags if it has some.
    pub fn made(profile: &store::InstanceProfile, world: &World) -> InstanceProfile {
        let tags = Some(profile.tags.clone()).filter(|tags| !tags.is_empty());
        InstanceProfile { tags, ..InstanceProfile::listed(profile, world) }
    }

    /// With its tags (GetInstanceProfile).
    pub fn whole(profile: &store::InstanceProfile, world: &World) -> InstanceProfile {
        InstanceProfile { tags: Some(profile.tags.clone()), ..InstanceProfile::listed(profile, world) }
    }
}
