//! GetAccountAuthorizationDetails: everybody and everything that says what may be done, in pages.

use std::sync::Arc;

use base::Timestamp;
use serde::Serialize;

use crate::documents::encoded;
use crate::managed::{Counts, Managed};
use crate::operation::operation;
use crate::ops::paging::page;
use crate::store::{self, Grants, World};
use crate::tags::Tag;
use crate::views::{AttachedPolicy, Boundary, InstanceProfile, RoleLastUsed};
use crate::{Iam, aws_policies};

/// The modelled `PolicyDetail`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Inline {
    policy_name: String,
    policy_document: String,
}

/// The modelled `UserDetail`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserDetail {
    path: String,
    user_name: String,
    user_id: String,
    arn: String,
    create_date: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user_policy_list: Vec<Inline>,
    group_list: Vec<String>,
    attached_managed_policies: Vec<AttachedPolicy>,
    permissions_boundary: Option<Boundary>,
    tags: Vec<Tag>,
}

/// The modelled `GroupDetail`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupDetail {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    create_date: Timestamp,
    group_policy_list: Vec<Inline>,
    attached_managed_policies: Vec<AttachedPolicy>,
}

/// The modelled `RoleDetail`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleDetail {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: Timestamp,
    assume_role_policy_document: String,
    instance_profile_list: Vec<InstanceProfile>,
    role_policy_list: Vec<Inline>,
    attached_managed_policies: Vec<AttachedPolicy>,
    permissions_boundary: Option<Boundary>,
    tags: Vec<Tag>,
    role_last_used: RoleLastUsed,
}

/// The modelled `ManagedPolicyDetail`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyDetail {
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
    policy_version_list: Vec<Version>,
}

/// The modelled `PolicyVersion`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    document: String,
    version_id: String,
    is_default_version: bool,
    create_date: Timestamp,
}

/// One thing to show. They come in this order.
enum Item {
    User(Arc<store::User>),
    Group(Arc<store::Group>),
    Role(Arc<store::Role>),
    Policy(Managed),
}

impl Item {
    /// By what items are in order.
    fn key(&self) -> String {
        match self {
            Item::User(user) => format!("1{}", user.name.to_lowercase()),
            Item::Group(group) => format!("2{}", group.name.to_lowercase()),
            Item::Role(role) => format!("3{}", role.name.to_lowercase()),
            Item::Policy(Managed::Customer(policy)) => format!("4{}", policy.name.to_lowercase()),
            Item::Policy(policy) => format!("5{}", policy.arn()),
        }
    }

    /// Everything that the filter lets through; of AWS's policies those in use.
    fn all(world: &World, counts: &Counts, filter: &[String]) -> Vec<Item> {
        let wanted = |kind: &str| filter.is_empty() || filter.iter().any(|name| name == kind);
        let mut items = Vec::new();
        if wanted("User") {
            items.extend(world.all::<store::User>().map(|user| Item::User(Arc::clone(user))));
        }
        if wanted("Group") {
            items.extend(world.all::<store::Group>().map(|group| Item::Group(Arc::clone(group))));
        }
        if wanted("Role") {
            items.extend(world.all::<store::Role>().map(|role| Item::Role(Arc::clone(role))));
        }
        if wanted("LocalManagedPolicy") {
            let own = world.all::<store::ManagedPolicy>();
            items.extend(own.map(|policy| Item::Policy(Managed::Customer(Arc::clone(policy)))));
        }
        if wanted("AWSManagedPolicy") {
            let used = |arn: &str| counts.attached(arn) + counts.boundaries(arn) > 0;
            let used = aws_policies::all().iter().filter(|policy| used(&policy.arn));
            items.extend(used.map(|policy| Item::Policy(Managed::Aws(policy))));
        }
        items.sort_by_cached_key(Item::key);
        items
    }
}

fn inline(grants: &Grants) -> Vec<Inline> {
    let detail =
        |(name, text): (&String, &String)| Inline { policy_name: name.clone(), policy_document: encoded(text) };
    grants.inline.iter().map(detail).collect()
}

fn attached(grants: &Grants) -> Vec<AttachedPolicy> {
    grants.attached.iter().map(|arn| AttachedPolicy::of(arn)).collect()
}

fn user(world: &World, user: &store::User) -> UserDetail {
    UserDetail {
        path: user.path.clone(),
        user_name: user.name.clone(),
        user_id: user.id.clone(),
        arn: user.arn.clone(),
        create_date: user.created,
        user_policy_list: inline(&user.grants),
        group_list: world.groups_of(&user.id).map(|group| group.name.clone()).collect(),
        attached_managed_policies: attached(&user.grants),
        permissions_boundary: Boundary::of(user.boundary.as_deref()),
        tags: user.tags.clone(),
    }
}

fn group(group: &store::Group) -> GroupDetail {
    GroupDetail {
        path: group.path.clone(),
        group_name: group.name.clone(),
        group_id: group.id.clone(),
        arn: group.arn.clone(),
        create_date: group.created,
        group_policy_list: inline(&group.grants),
        attached_managed_policies: attached(&group.grants),
    }
}

fn role(iam: &Iam, world: &World, role: &store::Role) -> RoleDetail {
    let profiles = world.all::<store::InstanceProfile>().filter(|profile| profile.role.as_deref() == Some(&role.name));
    RoleDetail {
        path: role.path.clone(),
        role_name: role.name.clone(),
        role_id: role.id.clone(),
        arn: role.arn.clone(),
        create_date: role.created,
        assume_role_policy_document: encoded(&role.trust),
        instance_profile_list: profiles.map(|profile| InstanceProfile::listed(profile, world)).collect(),
        role_policy_list: inline(&role.grants),
        attached_managed_policies: attached(&role.grants),
        permissions_boundary: Boundary::of(role.boundary.as_deref()),
        tags: role.tags.clone(),
        role_last_used: RoleLastUsed::of(iam.last_use(&role.id)),
    }
}

fn policy(policy: &Managed, counts: &Counts) -> PolicyDetail {
    let (create_date, update_date) = policy.dates();
    let versions = match policy {
        Managed::Customer(policy) => {
            let newest_first = policy.versions.iter().rev();
            let version = |version: &store::Version| Version {
                document: encoded(&version.document),
                version_id: version.id(),
                is_default_version: version.number == policy.default,
                create_date: version.created,
            };
            newest_first.map(version).collect()
        }
        Managed::Aws(policy) => vec![Version {
            document: encoded(policy.document),
            version_id: policy.default_version.to_owned(),
            is_default_version: true,
            create_date: update_date,
        }],
    };
    PolicyDetail {
        policy_name: policy.name().to_owned(),
        policy_id: policy.id().to_owned(),
        arn: policy.arn().to_owned(),
        path: policy.path().to_owned(),
        default_version_id: policy.default_version(),
        attachment_count: counts.attached(policy.arn()),
        permissions_boundary_usage_count: counts.boundaries(policy.arn()),
        is_attachable: true,
        description: policy.description().map(str::to_owned),
        create_date,
        update_date,
        policy_version_list: versions,
    }
}

operation! {
    /// Everybody and everything that says what may be done.
    GetAccountAuthorizationDetails on "*"
    takes { #[serde(default)] filter: Vec<String>, max_items: Option<i64>, marker: Option<String> }
    gives {
        user_detail_list: Vec<UserDetail>,
        group_detail_list: Vec<GroupDetail>,
        role_detail_list: Vec<RoleDetail>,
        policies: Vec<PolicyDetail>,
        is_truncated: bool,
        marker: Option<String>,
    }
    |iam, _call, input| {
        iam.store.read(|world| {
            let counts = Counts::of(world);
            let items = Item::all(world, &counts, &input.filter);
            let (items, marker) = page(items, Item::key, input.marker.as_deref(), input.max_items)?;
            let mut output = Output {
                user_detail_list: Vec::new(),
                group_detail_list: Vec::new(),
                role_detail_list: Vec::new(),
                policies: Vec::new(),
                is_truncated: marker.is_some(),
                marker,
            };
            for item in &items {
                match item {
                    Item::User(of) => output.user_detail_list.push(user(world, of)),
                    Item::Group(of) => output.group_detail_list.push(group(of)),
                    Item::Role(of) => output.role_detail_list.push(role(iam, world, of)),
                    Item::Policy(of) => output.policies.push(policy(of, &counts)),
                }
            }
            Ok(output)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::ADMINISTRATOR_ACCESS;
    use crate::testing::World;

    #[tokio::test]
    async fn everything_is_shown_in_pages() {
        let world = World::new().await;
        world.call("CreateUser", json!({"UserName": "alice"})).await.unwrap();
        world.call("CreateUser", json!({"UserName": "bob"})).await.unwrap();
        world.call("CreateGroup", json!({"GroupName": "team"})).await.unwrap();
        world.call("AddUserToGroup", json!({"GroupName": "team", "UserName": "bob"})).await.unwrap();
        let attach = json!({"UserName": "alice", "PolicyArn": ADMINISTRATOR_ACCESS});
        world.call("AttachUserPolicy", attach).await.unwrap();
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
        let create = json!({"RoleName": "machine", "AssumeRolePolicyDocument": trust.to_string()});
        world.call("CreateRole", create).await.unwrap();
        let whole = world.call("GetAccountAuthorizationDetails", json!({})).await.unwrap();
        let names = |whole: &Value, list: &str, name: &str| -> Vec<String> {
            whole[list].as_array().unwrap().iter().map(|item| item[name].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&whole, "UserDetailList", "UserName"), ["alice", "bob"]);
        assert_eq!(whole["UserDetailList"][1]["GroupList"], json!(["team"]));
        assert_eq!(names(&whole, "RoleDetailList", "RoleName"), ["machine"]);
        assert_eq!(names(&whole, "Policies", "PolicyName"), ["AdministratorAccess"]);
        assert_eq!(whole["Policies"][0]["AttachmentCount"], 1);
        let filtered = world.call("GetAccountAuthorizationDetails", json!({"Filter": ["Group"]})).await.unwrap();
        assert_eq!(names(&filtered, "GroupDetailList", "GroupName"), ["team"]);
        assert_eq!(filtered["UserDetailList"], json!([]));
        let (mut marker, mut pages) = (Value::Null, 0);
        loop {
            let input =
                if marker.is_null() { json!({"MaxItems": 2}) } else { json!({"MaxItems": 2, "Marker": marker}) };
            let page = world.call("GetAccountAuthorizationDetails", input).await.unwrap();
            pages += 1;
            marker = page["Marker"].clone();
            if page["IsTruncated"] == false {
                break;
            }
        }
        assert_eq!(pages, 3);
    }
}
