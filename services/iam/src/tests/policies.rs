//! Inline and managed policies, versions, attachments, boundaries.

use super::*;

const MINE: &str = "arn:aws:iam::123456789012:policy/team/mine";

async fn with_policy() -> Arc<Iam> {
    let iam = fresh().await;
    check(&iam, &[
        ("CreatePolicy", json!({"PolicyName": "mine", "Path": "/team/", "PolicyDocument": policy("Allow", &["s3:*"]), "Description": "d"}), ""),
        ("CreateUser", json!({"UserName": "u"}), ""),
        ("CreateGroup", json!({"GroupName": "g"}), ""),
        ("CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": ec2()}), ""),
    ]).await;
    iam
}

#[tokio::test]
async fn inline_policies_belong_to_one() {
    let iam = with_policy().await;
    for (kind, member, name, max) in
        [("User", "UserName", "u", 2048), ("Group", "GroupName", "g", 5120), ("Role", "RoleName", "r", 10240)]
    {
        let lower = kind.to_lowercase();
        let with = |policy_name: &str, document: Option<String>| match document {
            Some(document) => json!({member: name, "PolicyName": policy_name, "PolicyDocument": document}),
            None => json!({member: name, "PolicyName": policy_name}),
        };
        let text = policy("Allow", &["s3:*"]);
        let (put, get) = (format!("Put{kind}Policy"), format!("Get{kind}Policy"));
        for policy_name in ["c", "a", "b"] {
            ok(&iam, &put, with(policy_name, Some(text.clone()))).await;
        }
        let list = format!("List{kind}Policies");
        assert_eq!(names(&iam, &list, json!({member: name}), "PolicyNames", "").await, ["a", "b", "c"]);
        let shown = ok(&iam, &get, with("a", None)).await;
        assert_eq!((&shown[member], &shown["PolicyName"]), (&json!(name), &json!("a")));
        assert_eq!(shown["PolicyDocument"], crate::documents::encoded(&text));
        let long = policy("Allow", &[&format!("s3:{}", "x".repeat(max))]);
        let missing = format!("NoSuchEntity: The {lower} policy with name no cannot be found.");
        let full = format!("LimitExceeded: Maximum policy size of {max} bytes exceeded for {lower} {name}");
        check(
            &iam,
            &[
                (&get, with("no", None), &missing),
                (&put, with("d", Some(long)), &full),
                (&put, with("d", Some("{".into())), "MalformedPolicyDocument: Syntax errors in policy."),
                (&format!("Delete{kind}Policy"), with("no", None), &missing),
                (&format!("Delete{kind}Policy"), with("a", None), ""),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn a_managed_policy_has_five_versions() {
    let iam = with_policy().await;
    let arn = json!({"PolicyArn": MINE});
    let version = |id: &str| json!({"PolicyArn": MINE, "VersionId": id});
    let new = |default: bool| json!({"PolicyArn": MINE, "PolicyDocument": policy("Allow", &["sqs:*"]), "SetAsDefault": default});
    let made = ok(&iam, "CreatePolicyVersion", new(true)).await["PolicyVersion"].clone();
    assert_eq!((&made["VersionId"], &made["IsDefaultVersion"]), (&json!("v2"), &json!(true)));
    let missing = |id: &str| format!("NoSuchEntity: Policy {MINE} version {id} does not exist or is not attachable.");
    check(&iam, &[
        ("CreatePolicyVersion", new(false), ""),
        ("CreatePolicyVersion", new(false), ""),
        ("CreatePolicyVersion", new(false), ""),
        ("CreatePolicyVersion", new(false), "LimitExceeded: A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."),
        ("DeletePolicyVersion", version("v2"), "DeleteConflict: Cannot delete the default version of a policy."),
        ("DeletePolicyVersion", version("v9"), &missing("v9")),
        ("SetDefaultPolicyVersion", version("v9"), &missing("v9")),
        ("GetPolicyVersion", version("v9"), &missing("v9")),
        ("SetDefaultPolicyVersion", version("v4"), ""),
        ("DeletePolicyVersion", version("v2"), ""),
        ("DeletePolicy", arn.clone(), "DeleteConflict: This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy."),
        ("CreatePolicyVersion", new(false), ""),
    ]).await;
    assert_eq!(
        names(&iam, "ListPolicyVersions", arn.clone(), "Versions", "VersionId").await,
        ["v6", "v5", "v4", "v3", "v1"]
    );
    let shown = ok(&iam, "GetPolicyVersion", version("v1")).await["PolicyVersion"].clone();
    assert_eq!(shown["Document"], crate::documents::encoded(&policy("Allow", &["s3:*"])));
    assert_eq!(ok(&iam, "GetPolicy", arn).await["Policy"]["DefaultVersionId"], "v4");
}

#[tokio::test]
async fn managed_policies_are_attached_and_counted() {
    let iam = with_policy().await;
    let own = json!({"PolicyArn": MINE});
    for (kind, member, name) in [("User", "UserName", "u"), ("Group", "GroupName", "g"), ("Role", "RoleName", "r")] {
        let with = |arn: &str| json!({member: name, "PolicyArn": arn});
        let (attach, detach) = (format!("Attach{kind}Policy"), format!("Detach{kind}Policy"));
        check(
            &iam,
            &[
                (&attach, with(MINE), ""),
                (&attach, with(MINE), ""),
                (&attach, with(crate::ADMINISTRATOR_ACCESS), ""),
                (&detach, with(crate::ADMINISTRATOR_ACCESS), ""),
                (
                    &detach,
                    with(crate::ADMINISTRATOR_ACCESS),
                    "NoSuchEntity: Policy arn:aws:iam::aws:policy/AdministratorAccess was not found.",
                ),
                (
                    &attach,
                    with("arn:aws:iam::123456789012:policy/no"),
                    "NoSuchEntity: Policy arn:aws:iam::123456789012:policy/no does not exist or is not attachable.",
                ),
                (&attach, with("longpolicynamebutnoarn"), "ValidationError: ARN longpolicynamebutnoarn is not valid."),
            ],
        )
        .await;
        let list = format!("ListAttached{kind}Policies");
        assert_eq!(
            names(&iam, &list, json!({member: name, "PathPrefix": "/team/"}), "AttachedPolicies", "PolicyName").await,
            ["mine"]
        );
        assert!(
            names(&iam, &list, json!({member: name, "PathPrefix": "/no/"}), "AttachedPolicies", "PolicyName")
                .await
                .is_empty()
        );
    }
    assert_eq!(ok(&iam, "GetPolicy", own.clone()).await["Policy"]["AttachmentCount"], 3);
    let entities = ok(&iam, "ListEntitiesForPolicy", own.clone()).await;
    assert_eq!(
        (&entities["PolicyGroups"][0]["GroupName"], &entities["PolicyUsers"][0]["UserName"]),
        (&json!("g"), &json!("u"))
    );
    let roles = ok(&iam, "ListEntitiesForPolicy", json!({"PolicyArn": MINE, "EntityFilter": "Role"})).await;
    assert_eq!((&roles["PolicyRoles"][0]["RoleName"], &roles["PolicyUsers"]), (&json!("r"), &json!([])));
    assert_eq!(names(&iam, "ListPolicies", json!({"OnlyAttached": true}), "Policies", "Arn").await, [MINE]);
    check(
        &iam,
        &[
            ("DeletePolicy", own.clone(), "DeleteConflict: Cannot delete a policy attached to entities."),
            ("DetachUserPolicy", json!({"UserName": "u", "PolicyArn": MINE}), ""),
            ("DetachGroupPolicy", json!({"GroupName": "g", "PolicyArn": MINE}), ""),
            ("DetachRolePolicy", json!({"RoleName": "r", "PolicyArn": MINE}), ""),
            ("PutRolePermissionsBoundary", json!({"RoleName": "r", "PermissionsBoundary": MINE}), ""),
            ("DeletePolicy", own.clone(), "DeleteConflict: Cannot delete a policy attached to entities."),
        ],
    )
    .await;
    let bounded = ok(&iam, "GetRole", json!({"RoleName": "r"})).await["Role"]["PermissionsBoundary"].clone();
    assert_eq!(bounded, json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": MINE}));
    assert_eq!(ok(&iam, "GetPolicy", own.clone()).await["Policy"]["PermissionsBoundaryUsageCount"], 1);
    let usage = json!({"PolicyUsageFilter": "PermissionsBoundary"});
    assert_eq!(names(&iam, "ListPolicies", usage, "Policies", "Arn").await, [MINE]);
    check(
        &iam,
        &[
            ("DeleteRolePermissionsBoundary", json!({"RoleName": "r"}), ""),
            ("DeletePolicy", own.clone(), ""),
            ("GetPolicy", own, &format!("NoSuchEntity: Policy {MINE} was not found.")),
        ],
    )
    .await;
}

#[tokio::test]
async fn policies_are_limited_and_aws_policies_are_not_ours() {
    let iam = with_policy().await;
    let long = policy("Allow", &[&format!("s3:{}", "x".repeat(6144))]);
    check(
        &iam,
        &[
            (
                "CreatePolicy",
                json!({"PolicyName": "MINE", "PolicyDocument": policy("Allow", &["s3:*"])}),
                "EntityAlreadyExists: A policy called MINE already exists. Duplicate names are not allowed.",
            ),
            (
                "CreatePolicy",
                json!({"PolicyName": "x", "PolicyDocument": long}),
                "LimitExceeded: Cannot exceed quota for PolicySize: 6144",
            ),
            (
                "DeletePolicy",
                json!({"PolicyArn": crate::ADMINISTRATOR_ACCESS}),
                "AccessDenied: Policy is outside your own account.",
            ),
            ("GetPolicyVersion", json!({"PolicyArn": crate::ADMINISTRATOR_ACCESS, "VersionId": "v1"}), ""),
        ],
    )
    .await;
    for number in 0..=10 {
        let arn = format!("arn:aws:iam::123456789012:policy/p{number}");
        ok(
            &iam,
            "CreatePolicy",
            json!({"PolicyName": format!("p{number}"), "PolicyDocument": policy("Allow", &["s3:*"])}),
        )
        .await;
        let full = if number == 10 { "LimitExceeded: Cannot exceed quota for PoliciesPerUser: 10" } else { "" };
        check(&iam, &[("AttachUserPolicy", json!({"UserName": "u", "PolicyArn": arn}), full)]).await;
    }
}
