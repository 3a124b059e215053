//! Users, groups, roles, instance profiles, keys, tags.

use super::*;

#[tokio::test]
async fn users_are_renamed_and_removed_last() {
    let state = state::Memory::new();
    let iam = open(&state).await;
    let user = json!({"UserName": "Alice"});
    check(&iam, &[
        ("CreateUser", json!({"UserName": "Alice", "Path": "/a/", "Tags": [{"Key": "k", "Value": "v"}]}), ""),
        ("CreateUser", json!({"UserName": "alice"}), "EntityAlreadyExists: User with name alice already exists."),
        ("CreateUser", json!({"UserName": "b/c"}), "ValidationError: The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"),
        ("CreateUser", json!({"UserName": "bob", "PermissionsBoundary": "arn:aws:iam::aws:policy/No"}), "NoSuchEntity: Scope ARN: arn:aws:iam::aws:policy/No does not exist or is not attachable."),
        ("CreateUser", json!({"UserName": "bob"}), ""),
        ("UpdateUser", json!({"UserName": "bob", "NewUserName": "ALICE"}), "EntityAlreadyExists: User with name ALICE already exists."),
        ("CreateGroup", json!({"GroupName": "g"}), ""),
        ("AddUserToGroup", json!({"UserName": "alice", "GroupName": "g"}), ""),
        ("AddUserToGroup", json!({"UserName": "alice", "GroupName": "g"}), ""),
        ("CreateAccessKey", user.clone(), ""),
    ]).await;
    let id = ok(&iam, "GetUser", user.clone()).await["User"]["UserId"].clone();
    let key =
        ok(&iam, "ListAccessKeys", user).await["AccessKeyMetadata"][0]["AccessKeyId"].as_str().unwrap().to_owned();
    check(&iam, &[("UpdateUser", json!({"UserName": "alice", "NewUserName": "carol", "NewPath": "/b/"}), "")]).await;
    // After a restart as well.
    let iam = open(&state).await;
    let carol = ok(&iam, "GetUser", json!({"UserName": "carol"})).await["User"].clone();
    assert_eq!(carol["UserId"], id);
    assert_eq!(carol["Arn"], "arn:aws:iam::123456789012:user/b/carol");
    assert_eq!(carol["Tags"], json!([{"Key": "k", "Value": "v"}]));
    let caller = iam.store.credential(&key).unwrap().caller.clone();
    assert_eq!(caller.arn().unwrap(), "arn:aws:iam::123456789012:user/b/carol");
    assert_eq!(names(&iam, "GetGroup", json!({"GroupName": "g"}), "Users", "UserName").await, ["carol"]);
    let carol = json!({"UserName": "carol"});
    let conflict = |what: &str| format!("DeleteConflict: Cannot delete entity, must {what} first.");
    check(
        &iam,
        &[
            ("GetUser", json!({"UserName": "alice"}), "NoSuchEntity: The user with name alice cannot be found."),
            (
                "PutUserPolicy",
                json!({"UserName": "carol", "PolicyName": "p", "PolicyDocument": policy("Allow", &["s3:*"])}),
                "",
            ),
            ("AttachUserPolicy", json!({"UserName": "carol", "PolicyArn": crate::ADMINISTRATOR_ACCESS}), ""),
            ("DeleteUser", carol.clone(), &conflict("remove users from group")),
            ("DeleteGroup", json!({"GroupName": "g"}), &conflict("remove users from group")),
            ("RemoveUserFromGroup", json!({"UserName": "carol", "GroupName": "g"}), ""),
            ("RemoveUserFromGroup", json!({"UserName": "carol", "GroupName": "g"}), ""),
            ("DeleteUser", carol.clone(), &conflict("detach all policies")),
            ("DetachUserPolicy", json!({"UserName": "carol", "PolicyArn": crate::ADMINISTRATOR_ACCESS}), ""),
            ("DeleteUser", carol.clone(), &conflict("delete policies")),
            ("DeleteUserPolicy", json!({"UserName": "carol", "PolicyName": "p"}), ""),
            ("DeleteUser", carol.clone(), &conflict("delete access keys")),
            ("DeleteAccessKey", json!({"UserName": "carol", "AccessKeyId": key}), ""),
            ("DeleteUser", carol.clone(), ""),
            ("DeleteUser", carol, "NoSuchEntity: The user with name carol cannot be found."),
        ],
    )
    .await;
    assert!(iam.store.credential(&key).is_none());
}

#[tokio::test]
async fn users_of_the_first_version_are_read() {
    let state = state::Memory::new();
    let old = json!({"v": 1, "name": "Old", "path": "/", "id": "AIDAOLD", "arn": "arn:aws:iam::123456789012:user/Old", "created": NOW, "tags": [],
        "keys": [{"id": "AKIAOLD", "secret": "s", "active": true, "created": NOW}], "policies": [crate::ADMINISTRATOR_ACCESS]});
    let put = state::Op::Put {
        table: "iam/users",
        key: state::key::key(&["old"]),
        value: old.to_string().into(),
        expect: state::Expect::Absent,
    };
    state::State::commit(&state, vec![put]).await.unwrap();
    let iam = open(&state).await;
    assert!(iam.store.credential("AKIAOLD").is_some());
    let attached =
        names(&iam, "ListAttachedUserPolicies", json!({"UserName": "old"}), "AttachedPolicies", "PolicyArn").await;
    assert_eq!(attached, [crate::ADMINISTRATOR_ACCESS]);
}

#[tokio::test]
async fn lists_come_in_pages_under_a_path() {
    let iam = fresh().await;
    for name in ["e", "B", "a", "D", "c"] {
        let path = if name == "a" { "/other/" } else { "/x/y/" };
        check(
            &iam,
            &[
                ("CreateUser", json!({"UserName": name, "Path": path}), ""),
                ("CreateGroup", json!({"GroupName": name, "Path": path}), ""),
                ("CreateRole", json!({"RoleName": name, "Path": path, "AssumeRolePolicyDocument": ec2()}), ""),
                ("CreateInstanceProfile", json!({"InstanceProfileName": name, "Path": path}), ""),
                (
                    "CreatePolicy",
                    json!({"PolicyName": name, "Path": path, "PolicyDocument": policy("Allow", &["s3:*"])}),
                    "",
                ),
            ],
        )
        .await;
    }
    for (operation, list, name) in [
        ("ListUsers", "Users", "UserName"),
        ("ListGroups", "Groups", "GroupName"),
        ("ListRoles", "Roles", "RoleName"),
        ("ListInstanceProfiles", "InstanceProfiles", "InstanceProfileName"),
    ] {
        assert_eq!(names(&iam, operation, json!({}), list, name).await, ["a", "B", "c", "D", "e"], "{operation}");
        let under = names(&iam, operation, json!({"PathPrefix": "/x"}), list, name).await;
        assert_eq!(under, ["B", "c", "D", "e"], "{operation}");
    }
    let local =
        names(&iam, "ListPolicies", json!({"Scope": "Local", "PathPrefix": "/x/"}), "Policies", "PolicyName").await;
    assert_eq!(local, ["B", "c", "D", "e"]);
    let error = run(&iam, "ListUsers", json!({"Marker": "zz"})).await.unwrap_err();
    assert_eq!(error.code, "ValidationError");
}

#[tokio::test]
async fn a_group_has_members_and_a_user_ten_groups() {
    let iam = fresh().await;
    for name in ["u1", "u2", "u3"] {
        ok(&iam, "CreateUser", json!({"UserName": name})).await;
    }
    for number in 0..=10 {
        ok(&iam, "CreateGroup", json!({"GroupName": format!("g{number:02}")})).await;
        let full = if number == 10 { "LimitExceeded: Cannot exceed quota for GroupsPerUser: 10" } else { "" };
        check(&iam, &[("AddUserToGroup", json!({"UserName": "u1", "GroupName": format!("g{number:02}")}), full)]).await;
    }
    check(
        &iam,
        &[
            ("AddUserToGroup", json!({"UserName": "u2", "GroupName": "g00"}), ""),
            ("AddUserToGroup", json!({"UserName": "u3", "GroupName": "g00"}), ""),
            (
                "AddUserToGroup",
                json!({"UserName": "u3", "GroupName": "no"}),
                "NoSuchEntity: The group with name no cannot be found.",
            ),
            (
                "AddUserToGroup",
                json!({"UserName": "no", "GroupName": "g00"}),
                "NoSuchEntity: The user with name no cannot be found.",
            ),
            (
                "RemoveUserFromGroup",
                json!({"UserName": "no", "GroupName": "no"}),
                "NoSuchEntity: The user with name no cannot be found.",
            ),
            (
                "UpdateGroup",
                json!({"GroupName": "g00", "NewGroupName": "G01"}),
                "EntityAlreadyExists: Group with name G01 already exists.",
            ),
            ("UpdateGroup", json!({"GroupName": "g00", "NewGroupName": "all", "NewPath": "/p/"}), ""),
            ("GetGroup", json!({"GroupName": "g00"}), "NoSuchEntity: The group with name g00 cannot be found."),
        ],
    )
    .await;
    let all = json!({"GroupName": "all"});
    assert_eq!(ok(&iam, "GetGroup", all.clone()).await["Group"]["Arn"], "arn:aws:iam::123456789012:group/p/all");
    assert_eq!(names(&iam, "GetGroup", all, "Users", "UserName").await, ["u1", "u2", "u3"]);
    assert_eq!(names(&iam, "ListGroupsForUser", json!({"UserName": "u1"}), "Groups", "GroupName").await.len(), 10);
}

#[tokio::test]
async fn a_roles_life() {
    let iam = fresh().await;
    let role = json!({"RoleName": "r"});
    let made = json!({"RoleName": "r", "Path": "/p/", "AssumeRolePolicyDocument": ec2(), "Description": "d", "Tags": [{"Key": "k", "Value": "v"}]});
    let answer = ok(&iam, "CreateRole", made.clone()).await["Role"].clone();
    assert_eq!(answer["Arn"], "arn:aws:iam::123456789012:role/p/r");
    assert!(answer["AssumeRolePolicyDocument"].as_str().unwrap().starts_with("%7B%22"));
    assert!(answer.get("MaxSessionDuration").is_none());
    check(
        &iam,
        &[
            ("CreateRole", made, "EntityAlreadyExists: Role with name r already exists."),
            (
                "CreateRole",
                json!({"RoleName": "s", "AssumeRolePolicyDocument": policy("Allow", &["sts:AssumeRole"])}),
                "MalformedPolicyDocument: Has prohibited field Resource",
            ),
            ("UpdateRole", json!({"RoleName": "r", "MaxSessionDuration": 7200}), ""),
            ("UpdateRole", json!({"RoleName": "r", "Description": "e"}), ""),
            ("UpdateAssumeRolePolicy", json!({"RoleName": "r", "PolicyDocument": trust(json!({"AWS": ACCOUNT}))}), ""),
            (
                "UpdateAssumeRolePolicy",
                json!({"RoleName": "r", "PolicyDocument": trust(json!({"AWS": "arn:aws:iam::123456789012:user/no"}))}),
                "MalformedPolicyDocument: Invalid principal in policy: \"AWS\":\"arn:aws:iam::123456789012:user/no\"",
            ),
        ],
    )
    .await;
    let shown = ok(&iam, "GetRole", role.clone()).await["Role"].clone();
    assert_eq!((&shown["MaxSessionDuration"], &shown["Description"]), (&json!(7200), &json!("e")));
    assert_eq!(shown["RoleLastUsed"], json!({}));
    iam.note_role_use(shown["RoleId"].as_str().unwrap(), NOW.plus_ms(5000), "eu-west-1");
    let used = ok(&iam, "GetRole", role.clone()).await["Role"]["RoleLastUsed"].clone();
    assert_eq!(used, json!({"LastUsedDate": "1970-01-01T00:00:05Z", "Region": "eu-west-1"}));
    let described = ok(&iam, "UpdateRoleDescription", json!({"RoleName": "r", "Description": "f"})).await;
    assert_eq!(described["Role"]["Description"], "f");
    let profile = json!({"InstanceProfileName": "ip"});
    let both = json!({"InstanceProfileName": "ip", "RoleName": "r"});
    check(
        &iam,
        &[
            ("CreateInstanceProfile", profile.clone(), ""),
            ("CreateInstanceProfile", profile.clone(), "EntityAlreadyExists: Instance Profile ip already exists."),
            (
                "RemoveRoleFromInstanceProfile",
                both.clone(),
                "NoSuchEntity: Role r in Instance Profile ip cannot be found.",
            ),
            ("AddRoleToInstanceProfile", both.clone(), ""),
            (
                "AddRoleToInstanceProfile",
                both.clone(),
                "LimitExceeded: Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
            ),
            (
                "DeleteRole",
                role.clone(),
                "DeleteConflict: Cannot delete entity, must remove roles from instance profile first.",
            ),
            (
                "DeleteInstanceProfile",
                profile.clone(),
                "DeleteConflict: Cannot delete entity, must remove roles from instance profile first.",
            ),
        ],
    )
    .await;
    let shown = ok(&iam, "GetInstanceProfile", profile.clone()).await["InstanceProfile"].clone();
    assert_eq!((&shown["Roles"][0]["RoleName"], &shown["Tags"]), (&json!("r"), &json!([])));
    let of_role =
        names(&iam, "ListInstanceProfilesForRole", role.clone(), "InstanceProfiles", "InstanceProfileName").await;
    assert_eq!(of_role, ["ip"]);
    check(
        &iam,
        &[
            ("RemoveRoleFromInstanceProfile", both, ""),
            ("DeleteInstanceProfile", profile.clone(), ""),
            ("GetInstanceProfile", profile, "NoSuchEntity: Instance Profile ip cannot be found."),
            ("DeleteRole", role, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_trust_policy_means_who_was_there_when_it_was_written() {
    let iam = fresh().await;
    let arn = "arn:aws:iam::123456789012:user/u";
    check(
        &iam,
        &[
            ("CreateUser", json!({"UserName": "u"}), ""),
            ("CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": trust(json!({"AWS": arn}))}), ""),
        ],
    )
    .await;
    let shown = async || {
        let role = ok(&iam, "GetRole", json!({"RoleName": "r"})).await;
        role["Role"]["AssumeRolePolicyDocument"].as_str().unwrap().to_owned()
    };
    assert!(shown().await.contains("user%2Fu%22"));
    check(&iam, &[("UpdateUser", json!({"UserName": "u", "NewUserName": "w"}), "")]).await;
    assert!(shown().await.contains("user%2Fw%22"));
    check(&iam, &[("DeleteUser", json!({"UserName": "w"}), ""), ("CreateUser", json!({"UserName": "u"}), "")]).await;
    assert!(shown().await.contains("%22AWS%22%3A%22AIDA"));
}

#[tokio::test]
async fn services_have_roles_of_their_own() {
    let iam = fresh().await;
    let made = json!({"AWSServiceName": "ecs.amazonaws.com"});
    let role = ok(&iam, "CreateServiceLinkedRole", made.clone()).await["Role"].clone();
    assert_eq!(role["Arn"], "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS");
    let name = json!({"RoleName": "AWSServiceRoleForECS"});
    let protected = "UnmodifiableEntity: Cannot perform the operation on the protected role 'AWSServiceRoleForECS' - this role is only modifiable by AWS";
    check(&iam, &[
        ("CreateServiceLinkedRole", made.clone(), "InvalidInput: Service role name AWSServiceRoleForECS has been taken in this account, please try a different suffix."),
        ("CreateServiceLinkedRole", json!({"AWSServiceName": "ecs.amazonaws.com", "CustomSuffix": "x"}), "InvalidInput: Custom suffix is not allowed for ecs.amazonaws.com"),
        ("CreateServiceLinkedRole", json!({"AWSServiceName": "autoscaling.amazonaws.com", "CustomSuffix": "x"}), ""),
        ("GetRole", json!({"RoleName": "AWSServiceRoleForAutoScaling_x"}), ""),
        ("DeleteRole", name.clone(), protected),
        ("AttachRolePolicy", json!({"RoleName": "AWSServiceRoleForECS", "PolicyArn": crate::ADMINISTRATOR_ACCESS}), protected),
        ("PutRolePolicy", json!({"RoleName": "AWSServiceRoleForECS", "PolicyName": "p", "PolicyDocument": policy("Allow", &["s3:*"])}), protected),
        ("UpdateAssumeRolePolicy", json!({"RoleName": "AWSServiceRoleForECS", "PolicyDocument": ec2()}), protected),
        ("CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": ec2()}), ""),
        ("AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"}), "PolicyNotAttachable: Cannot attach a Service Role Policy to a Customer Role."),
    ]).await;
    let task = ok(&iam, "DeleteServiceLinkedRole", name.clone()).await["DeletionTaskId"].clone();
    assert!(task.as_str().unwrap().starts_with("task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/"));
    let status = ok(&iam, "GetServiceLinkedRoleDeletionStatus", json!({"DeletionTaskId": task})).await;
    assert_eq!(status["Status"], "SUCCEEDED");
    check(
        &iam,
        &[
            ("GetRole", name, "NoSuchEntity: The role with name AWSServiceRoleForECS cannot be found."),
            (
                "GetServiceLinkedRoleDeletionStatus",
                json!({"DeletionTaskId": "task/x"}),
                "NoSuchEntity: Deletion task task/x cannot be found.",
            ),
            ("CreateServiceLinkedRole", made, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn everything_is_tagged() {
    let iam = fresh().await;
    let arn = "arn:aws:iam::123456789012:policy/t";
    check(
        &iam,
        &[
            ("CreateUser", json!({"UserName": "t"}), ""),
            ("CreateRole", json!({"RoleName": "t", "AssumeRolePolicyDocument": ec2()}), ""),
            ("CreateInstanceProfile", json!({"InstanceProfileName": "t"}), ""),
            ("CreatePolicy", json!({"PolicyName": "t", "PolicyDocument": policy("Allow", &["s3:*"])}), ""),
        ],
    )
    .await;
    let tags = json!([{"Key": "c", "Value": "1"}, {"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]);
    for (kind, list, member, name) in [
        ("User", "ListUserTags", "UserName", "t"),
        ("Role", "ListRoleTags", "RoleName", "t"),
        ("InstanceProfile", "ListInstanceProfileTags", "InstanceProfileName", "t"),
        ("Policy", "ListPolicyTags", "PolicyArn", arn),
    ] {
        let with = |more: Json| {
            let mut input = json!({member: name});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        ok(&iam, &format!("Tag{kind}"), with(json!({"Tags": tags}))).await;
        assert_eq!(names(&iam, list, with(json!({})), "Tags", "Key").await, ["a", "b", "c"], "{kind}");
        ok(&iam, &format!("Untag{kind}"), with(json!({"TagKeys": ["b", "no"]}))).await;
        assert_eq!(names(&iam, list, with(json!({})), "Tags", "Key").await, ["a", "c"], "{kind}");
    }
    check(
        &iam,
        &[
            (
                "TagPolicy",
                json!({"PolicyArn": "arn:aws:iam::123456789012:policy/No", "Tags": []}),
                "NoSuchEntity: Policy arn:aws:iam::123456789012:policy/No was not found.",
            ),
            (
                "TagRole",
                json!({"RoleName": "t", "Tags": [{"Key": "A", "Value": ""}, {"Key": "a", "Value": ""}]}),
                "InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ),
            ("ListRoleTags", json!({"RoleName": "no"}), "NoSuchEntity: The role with name no cannot be found."),
        ],
    )
    .await;
}

#[tokio::test]
async fn keys_are_two_and_tell_when_they_were_used() {
    let iam = fresh().await;
    let user = json!({"UserName": "u"});
    ok(&iam, "CreateUser", user.clone()).await;
    let key = ok(&iam, "CreateAccessKey", user.clone()).await["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    let of_key = json!({"AccessKeyId": key});
    let last = ok(&iam, "GetAccessKeyLastUsed", of_key.clone()).await;
    assert_eq!(last, json!({"UserName": "u", "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}));
    iam.note_use(&key, NOW.plus_ms(1000), "us-east-1", "s3");
    let last = ok(&iam, "GetAccessKeyLastUsed", of_key).await["AccessKeyLastUsed"].clone();
    assert_eq!(last, json!({"LastUsedDate": "1970-01-01T00:00:01Z", "ServiceName": "s3", "Region": "us-east-1"}));
    check(&iam, &[
        ("CreateAccessKey", user.clone(), ""),
        ("CreateAccessKey", user, "LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2"),
        ("CreateAccessKey", json!({}), "ValidationError: Must specify userName when calling with non-User credentials"),
        ("UpdateAccessKey", json!({"UserName": "u", "AccessKeyId": key, "Status": "Inactive"}), ""),
        ("UpdateAccessKey", json!({"UserName": "u", "AccessKeyId": "AKIANO", "Status": "Active"}), "NoSuchEntity: The Access Key with id AKIANO cannot be found."),
        ("GetAccessKeyLastUsed", json!({"AccessKeyId": "AKIANO"}), "AccessDenied: User: arn:aws:iam::123456789012:root is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key AKIANO"),
    ]).await;
    assert!(!iam.store.credential(&key).unwrap().active);
}

#[tokio::test]
async fn inputs_are_those_of_the_model() {
    let Some(model) = model::catalog().get("iam") else {
        eprintln!("skipped: the catalog has no model of iam");
        return;
    };
    for (name, handler) in crate::definition(fresh().await).operations {
        let operation = model.operations.get(name).unwrap_or_else(|| panic!("{name} is not modelled"));
        let mut ours = handler.input_fields();
        ours.extend(handler.ignores());
        ours.sort_unstable();
        let shape = operation.input.as_ref().map(|input| &model.shapes[input.shape]);
        let mut modelled: Vec<&str> = match shape.map(|shape| &shape.kind) {
            Some(model::ShapeKind::Structure(structure)) => {
                structure.members.iter().map(|member| &*member.name).collect()
            }
            _ => Vec::new(),
        };
        modelled.sort_unstable();
        assert_eq!(ours, modelled, "{name}");
    }
}
