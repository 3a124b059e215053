//! What users, roles and sessions may: IAM's part of the decision, asked as the gateway asks.

use ports::identity::{Holder, Session, SessionPolicy};
use ports::{AccessRequest, Authorizer, Identities, RequestContext, ResourcePolicies, Roles};
use service::Access;

use super::*;

async fn decision(iam: &Arc<Iam>, caller: &Caller, action: &str, resource: &str, input: Json) -> String {
    decision_with(iam, caller, action, resource, input, &[]).await
}

async fn decision_with(
    iam: &Arc<Iam>,
    caller: &Caller,
    action: &str,
    resource: &str,
    input: Json,
    more: &[(&str, &str)],
) -> String {
    let access = Access::new();
    access.ask(Arc::clone(iam) as Arc<dyn Identities>, None, &[Arc::clone(iam) as Arc<dyn ResourcePolicies>]);
    let Value::Struct(input) = from_json(input) else { panic!("no object") };
    let context = RequestContext {
        time: NOW,
        region: Region::US_EAST_1,
        source_ip: "127.0.0.1",
        tls: None,
        headers: &http::HeaderMap::new(),
        query: "",
        input: Some(&input),
        more,
    };
    let decision = access.decide(&AccessRequest { caller, action, resource, context: &context }).await.unwrap();
    if decision.is_allow() { "yes".to_owned() } else { decision.reason(action) }
}

async fn user(iam: &Arc<Iam>, name: &str) -> Caller {
    let user = ok(iam, "GetUser", json!({"UserName": name})).await["User"].clone();
    let text = |member: &str| Arc::from(user[member].as_str().unwrap());
    Caller::User {
        account: ACCOUNT.into(),
        user_id: text("UserId"),
        user_name: text("UserName"),
        arn: text("Arn"),
        access_key_id: "AKIAUSER".into(),
    }
}

fn session(holder: Holder, policies: Vec<SessionPolicy>) -> Caller {
    Caller::Session(Arc::new(Session {
        account: ACCOUNT.into(),
        access_key_id: "ASIA1".into(),
        holder,
        created: NOW,
        expires: NOW.plus_ms(1),
        mfa_at: None,
        source_identity: None,
        tags: Vec::new(),
        transitive_tag_keys: Vec::new(),
        policies,
        federation: None,
        is_console: false,
        made_by: None,
    }))
}

const NO: &str = "because no identity-based policy allows the sqs:SendMessage action";

async fn may(iam: &Arc<Iam>, caller: &Caller) -> String {
    decision(iam, caller, "sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:q", json!({})).await
}

#[tokio::test]
async fn roles_are_passed_by_their_paths_to_their_services() {
    let iam = fresh().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    check(
        &iam,
        &[
            ("CreateUser", json!({"UserName": "u"}), ""),
            ("CreateRole", json!({"RoleName": "r", "Path": "/app/", "AssumeRolePolicyDocument": trust}), ""),
        ],
    )
    .await;
    let user = user(&iam, "u").await;
    let Caller::User { user_id, arn, .. } = &user else { panic!("{user:?}") };
    let session = session(Holder::User { id: user_id.clone(), name: "u".into(), arn: arn.clone() }, Vec::new());
    let (role, no) =
        ("arn:aws:iam::123456789012:role", "because no identity-based policy allows the iam:PassRole action");
    for (resource, condition, asked, expected) in [
        (format!("{role}/app/*"), json!({}), "app/r", "yes"),
        // A path that the role does not have is not believed.
        (format!("{role}/other/*"), json!({}), "other/r", no),
        (format!("{role}/r"), json!({}), "app/r", no),
        ("*".to_owned(), json!({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}), "app/r", "yes"),
        ("*".to_owned(), json!({"StringEquals": {"iam:PassedToService": "sns.amazonaws.com"}}), "app/r", no),
        (
            "*".to_owned(),
            json!({"ArnLike": {"iam:AssociatedResourceARN": "arn:aws:ec2:*:*:instance/*"}}),
            "app/r",
            "yes",
        ),
        ("*".to_owned(), json!({"ArnLike": {"iam:AssociatedResourceARN": "arn:aws:sns:*:*:t"}}), "app/r", no),
    ] {
        let statement =
            json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource, "Condition": condition});
        let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let put = json!({"UserName": "u", "PolicyName": "p", "PolicyDocument": document});
        check(&iam, &[("PutUserPolicy", put, "")]).await;
        let more = [
            ("iam:passedtoservice", "ec2.amazonaws.com"),
            ("iam:associatedresourcearn", "arn:aws:ec2:us-east-1:123456789012:instance/i"),
        ];
        let asked = format!("{role}/{asked}");
        // Credentials of GetSessionToken call nothing of IAM, but this is no call.
        for caller in [&user, &session] {
            let found = decision_with(&iam, caller, "iam:PassRole", &asked, json!({}), &more).await;
            assert_eq!(found, expected, "{document} {asked} {caller:?}");
        }
    }
}

#[tokio::test]
async fn a_user_may_what_its_groups_may_within_its_boundary() {
    let iam = fresh().await;
    check(
        &iam,
        &[
            ("CreateUser", json!({"UserName": "u"}), ""),
            ("CreateGroup", json!({"GroupName": "g"}), ""),
            (
                "PutGroupPolicy",
                json!({"GroupName": "g", "PolicyName": "p", "PolicyDocument": policy("Allow", &["sqs:*"])}),
                "",
            ),
        ],
    )
    .await;
    let caller = user(&iam, "u").await;
    assert_eq!(may(&iam, &caller).await, NO);
    check(&iam, &[("AddUserToGroup", json!({"UserName": "u", "GroupName": "g"}), "")]).await;
    assert_eq!(may(&iam, &caller).await, "yes");
    check(
        &iam,
        &[
            ("CreatePolicy", json!({"PolicyName": "b", "PolicyDocument": policy("Allow", &["s3:*"])}), ""),
            (
                "PutUserPermissionsBoundary",
                json!({"UserName": "u", "PermissionsBoundary": "arn:aws:iam::123456789012:policy/b"}),
                "",
            ),
        ],
    )
    .await;
    assert_eq!(may(&iam, &caller).await, "because no permissions boundary allows the sqs:SendMessage action");
    check(&iam, &[
        ("CreatePolicyVersion", json!({"PolicyArn": "arn:aws:iam::123456789012:policy/b", "PolicyDocument": policy("Allow", &["*"]), "SetAsDefault": true}), ""),
    ]).await;
    assert_eq!(may(&iam, &caller).await, "yes");
    check(
        &iam,
        &[(
            "PutUserPolicy",
            json!({"UserName": "u", "PolicyName": "p", "PolicyDocument": policy("Deny", &["sqs:Send*"])}),
            "",
        )],
    )
    .await;
    assert_eq!(may(&iam, &caller).await, "with an explicit deny in an identity-based policy");
    // Whoever comes by the name of one that is gone is somebody else.
    let Caller::User { user_name, arn, .. } = &caller else { panic!("a user") };
    let other = Caller::User {
        account: ACCOUNT.into(),
        user_id: "AIDAOTHER".into(),
        user_name: Arc::clone(user_name),
        arn: Arc::clone(arn),
        access_key_id: "AKIA".into(),
    };
    assert_eq!(may(&iam, &other).await, NO);
}

#[tokio::test]
async fn large_policies_of_aws_are_read() {
    let iam = fresh().await;
    check(&iam, &[("CreateUser", json!({"UserName": "u"}), "")]).await;
    let caller = user(&iam, "u").await;
    for policy in ["ReadOnlyAccess", "SecurityAudit", "PowerUserAccess"] {
        ok(
            &iam,
            "AttachUserPolicy",
            json!({"UserName": "u", "PolicyArn": format!("arn:aws:iam::aws:policy/{policy}")}),
        )
        .await;
    }
    assert_eq!(may(&iam, &caller).await, "yes");
}

#[tokio::test]
async fn sessions_may_what_holder_and_session_policies_may() {
    let iam = fresh().await;
    check(&iam, &[
        ("CreateUser", json!({"UserName": "u"}), ""),
        ("PutUserPolicy", json!({"UserName": "u", "PolicyName": "p", "PolicyDocument": policy("Allow", &["sqs:*"])}), ""),
        ("CreateRole", json!({"RoleName": "r", "Path": "/p/", "AssumeRolePolicyDocument": trust(json!({"AWS": ACCOUNT})), "Tags": [{"Key": "Team", "Value": "x"}]}), ""),
        ("AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/AmazonSQSFullAccess"}), ""),
    ]).await;
    let arn = "arn:aws:iam::123456789012:role/p/r";
    let role = iam.role(arn).await.unwrap().unwrap();
    assert_eq!((role.max_session_secs, role.tags.as_slice()), (3600, &[("Team".to_owned(), "x".to_owned())][..]));
    assert!(iam.role("arn:aws:iam::123456789012:role/r").await.unwrap().is_none());
    let of_role = || Holder::Role { id: role.id.clone(), name: "r".into(), arn: arn.into(), session_name: "s".into() };
    let (only_s3, sqs) = (
        || vec![SessionPolicy::Inline(policy("Allow", &["s3:*"]))],
        || vec![SessionPolicy::Managed("arn:aws:iam::aws:policy/AmazonSQSFullAccess".into())],
    );
    let bound = "because no session policy allows the sqs:SendMessage action";
    let caller = user(&iam, "u").await;
    let (id, name, user_arn) = caller.user().map(|(id, name, arn)| (id.clone(), name.clone(), arn.clone())).unwrap();
    let federated = || Holder::Federated { name: "f".into(), user: Some((id.clone(), name.clone(), user_arn.clone())) };
    for (holder, policies, expected) in [
        (of_role(), vec![], "yes"),
        (of_role(), only_s3(), bound),
        (of_role(), sqs(), "yes"),
        (of_role(), vec![SessionPolicy::Inline("{".into())], bound),
        (federated(), vec![], bound),
        (federated(), sqs(), "yes"),
        (Holder::Federated { name: "f".into(), user: None }, sqs(), "yes"),
        (Holder::Federated { name: "f".into(), user: None }, only_s3(), bound),
    ] {
        // Sets of sessions are kept by key; each of these is another.
        let iam = Arc::clone(&iam);
        ok(&iam, "TagUser", json!({"UserName": "u", "Tags": [{"Key": "k", "Value": "v"}]})).await;
        let text = format!("{holder:?} {policies:?}");
        assert_eq!(may(&iam, &session(holder, policies)).await, expected, "{text}");
    }
}

#[tokio::test]
async fn trust_policies_say_who_takes_on_a_role() {
    let iam = fresh().await;
    let arn = "arn:aws:iam::123456789012:user/u";
    check(
        &iam,
        &[
            ("CreateUser", json!({"UserName": "u"}), ""),
            ("CreateUser", json!({"UserName": "w"}), ""),
            ("CreateRole", json!({"RoleName": "direct", "AssumeRolePolicyDocument": trust(json!({"AWS": arn}))}), ""),
            (
                "CreateRole",
                json!({"RoleName": "account", "AssumeRolePolicyDocument": trust(json!({"AWS": ACCOUNT}))}),
                "",
            ),
        ],
    )
    .await;
    let assume = async |name: &str, role: &str| {
        let caller = user(&iam, name).await;
        let role = format!("arn:aws:iam::123456789012:role/{role}");
        decision(&iam, &caller, "sts:AssumeRole", &role, json!({})).await == "yes"
    };
    assert!(assume("u", "direct").await && !assume("w", "direct").await);
    assert!(!assume("u", "account").await);
    check(
        &iam,
        &[(
            "PutUserPolicy",
            json!({"UserName": "w", "PolicyName": "p", "PolicyDocument": policy("Allow", &["sts:*"])}),
            "",
        )],
    )
    .await;
    assert!(assume("w", "account").await && !assume("w", "direct").await);
    check(&iam, &[("DeleteUser", json!({"UserName": "u"}), ""), ("CreateUser", json!({"UserName": "u"}), "")]).await;
    assert!(!assume("u", "direct").await);
}

#[tokio::test]
async fn iams_own_things_are_named_with_their_paths_and_tags() {
    let iam = fresh().await;
    let statement = |action: &str, resource: &str, condition: Json| {
        let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition});
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    check(
        &iam,
        &[
            ("CreateUser", json!({"UserName": "u", "Path": "/me/"}), ""),
            ("CreateUser", json!({"UserName": "x", "Path": "/team/", "Tags": [{"Key": "owner", "Value": "u"}]}), ""),
            ("CreateUser", json!({"UserName": "y"}), ""),
        ],
    )
    .await;
    let caller = user(&iam, "u").await;
    let arn = |name: &str| format!("arn:aws:iam::123456789012:user/{name}");
    let team = statement("iam:*", "arn:aws:iam::123456789012:user/team/*", json!({}));
    let own = statement("iam:*AccessKey*", "arn:aws:iam::123456789012:user/me/${aws:username}", json!({}));
    let tagged =
        statement("iam:DeleteUser", "*", json!({"StringEquals": {"iam:ResourceTag/Owner": "${aws:username}"}}));
    let only = json!({"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}});
    let attach = statement("iam:AttachUserPolicy", "*", only);
    let bounded = json!({"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"}});
    let create = statement("iam:CreateUser", "*", bounded);
    for (text, action, resource, input, expected) in [
        (&team, "iam:GetUser", arn("x"), json!({"UserName": "x"}), true),
        (&team, "iam:GetUser", arn("y"), json!({"UserName": "y"}), false),
        (&team, "iam:CreateUser", arn("new"), json!({"UserName": "new", "Path": "/team/"}), true),
        (&team, "iam:CreateUser", arn("new"), json!({"UserName": "new"}), false),
        (&team, "iam:ListUsers", arn("*"), json!({"PathPrefix": "/team/a/"}), true),
        (&team, "iam:ListUsers", arn("*"), json!({}), false),
        (&own, "iam:CreateAccessKey", arn("*"), json!({}), true),
        (&own, "iam:CreateAccessKey", arn("x"), json!({"UserName": "x"}), false),
        (&tagged, "iam:DeleteUser", arn("x"), json!({"UserName": "x"}), true),
        (&tagged, "iam:DeleteUser", arn("y"), json!({"UserName": "y"}), false),
        (
            &attach,
            "iam:AttachUserPolicy",
            arn("y"),
            json!({"UserName": "y", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
            true,
        ),
        (
            &attach,
            "iam:AttachUserPolicy",
            arn("y"),
            json!({"UserName": "y", "PolicyArn": crate::ADMINISTRATOR_ACCESS}),
            false,
        ),
        (
            &create,
            "iam:CreateUser",
            arn("new"),
            json!({"UserName": "new", "PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
            true,
        ),
        (&create, "iam:CreateUser", arn("new"), json!({"UserName": "new"}), false),
    ] {
        ok(&iam, "PutUserPolicy", json!({"UserName": "u", "PolicyName": "p", "PolicyDocument": text})).await;
        let answer = decision(&iam, &caller, action, &resource, input.clone()).await;
        assert_eq!(answer == "yes", expected, "{action} {input}: {answer}");
    }
}
