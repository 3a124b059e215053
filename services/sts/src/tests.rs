//! The operations, in a world of a few roles.

use ports::{AuthorizationMessages as _, Caller, Credentials as _, Holder, SessionPolicy};
use serde_json::{Value as Json, json};

use crate::testing::{ACCOUNT, CODE, ISSUER, Issuer, OTHER, PHONE, Server, root, user};

const ASSUME: &str = "AssumeRole";

fn trusts(principal: &Json, actions: &Json, condition: &Json) -> Json {
    json!([{"Effect": "Allow", "Principal": principal, "Action": actions, "Condition": condition}])
}

fn trusts_account() -> Json {
    trusts(&json!({"AWS": ACCOUNT}), &json!("sts:*"), &json!({}))
}

fn asking(role: &str) -> Json {
    json!({"RoleArn": role, "RoleSessionName": "work"})
}

fn with(mut input: Json, name: &str, value: Json) -> Json {
    input[name] = value;
    input
}

#[tokio::test]
async fn a_role_is_assumed_by_whom_it_trusts() {
    let server = Server::new().await;
    let role = server.world.role(OTHER, "deploy", 7_200, &trusts_account());
    let alice = user("alice");
    let call = server.call(&alice, ASSUME);
    let output = server.run(&call, asking(&role)).await.unwrap();
    assert_eq!(
        output["AssumedRoleUser"],
        json!({"AssumedRoleId": "AROADEPLOY:work", "Arn": "arn:aws:sts::222222222222:assumed-role/deploy/work"})
    );
    assert_eq!(output["Credentials"]["Expiration"], "2023-11-14T23:13:20Z");
    assert_eq!(output["Credentials"]["SecretAccessKey"].as_str().unwrap().len(), 40);
    assert!(output["Credentials"]["SessionToken"].as_str().unwrap().len() > 300);
    assert!(output.get("PackedPolicySize").is_none() && output.get("SourceIdentity").is_none());
    let (resources, owners) = {
        let notes = call.notes.lock().unwrap();
        (notes.resources.len(), notes.owners.clone())
    };
    assert_eq!((resources, &*owners), (1, &[OTHER.into()][..]));

    let Caller::Session(session) = server.holder(&output).await else { panic!() };
    assert_eq!((&*session.account, session.expires.since_ms(session.created)), (OTHER, 3_600_000));
    assert_eq!(session.made_by.as_deref(), Some("arn:aws:iam::111111111111:user/alice"));

    let denied = |who: &str, role: &str| {
        format!(
            "AccessDenied: User: arn:aws:iam::111111111111:user/{who} is not authorized to perform: sts:AssumeRole on resource: {role}"
        )
    };
    assert_eq!(server.refused(&user("bob"), ASSUME, asking(&role)).await, denied("bob", &role));
    let nowhere = "arn:aws:iam::222222222222:role/nowhere";
    assert_eq!(server.refused(&alice, ASSUME, asking(nowhere)).await, denied("alice", nowhere));
    let refused = server.refused(&root(), ASSUME, asking(&role)).await;
    assert_eq!(refused, "AccessDenied: Roles may not be assumed by root accounts.");
}

#[tokio::test]
async fn trust_may_ask_for_more() {
    let server = Server::new().await;
    let (alice, account) = (user("alice"), json!({"AWS": ACCOUNT}));
    let cases = [
        (json!({"StringEquals": {"sts:ExternalId": "x7"}}), json!({"ExternalId": "x7"}), json!({"ExternalId": "x8"})),
        (
            json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "10"}}),
            json!({"SerialNumber": PHONE, "TokenCode": CODE}),
            json!({}),
        ),
        (
            json!({"StringEquals": {"sts:RoleSessionName": "work", "aws:RequestTag/Team": "red"},
                "ForAllValues:StringEquals": {"aws:TagKeys": ["Team", "Cost"], "sts:TransitiveTagKeys": ["Cost"]}}),
            json!({"Tags": [{"Key": "Team", "Value": "red"}, {"Key": "Cost", "Value": "1"}], "TransitiveTagKeys": ["Cost"]}),
            json!({"Tags": [{"Key": "Team", "Value": "red"}], "TransitiveTagKeys": ["Team"]}),
        ),
        (
            json!({"StringLike": {"sts:SourceIdentity": "al*"}}),
            json!({"SourceIdentity": "alice"}),
            json!({"SourceIdentity": "bob"}),
        ),
    ];
    for (at, (condition, good, bad)) in cases.into_iter().enumerate() {
        let role = server.world.role(ACCOUNT, &format!("r{at}"), 3_600, &trusts(&account, &json!("sts:*"), &condition));
        let join = |more: Json| {
            let mut input = asking(&role);
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        server.ok(&alice, ASSUME, join(good)).await;
        assert!(server.refused(&alice, ASSUME, join(bad)).await.contains("sts:AssumeRole on resource"), "{condition}");
    }
}

#[tokio::test]
async fn tags_and_source_identity_need_permission_of_their_own() {
    let server = Server::new().await;
    let alice = user("alice");
    let role =
        server.world.role(ACCOUNT, "r", 3_600, &trusts(&json!({"AWS": ACCOUNT}), &json!("sts:AssumeRole"), &json!({})));
    // In one account either policy is enough, but for roles the trust policy must allow.
    let tagged = with(asking(&role), "Tags", json!([{"Key": "a", "Value": "b"}]));
    assert!(server.refused(&alice, ASSUME, tagged).await.contains("perform: sts:TagSession on resource"));
    let named = with(asking(&role), "SourceIdentity", json!("me"));
    assert!(server.refused(&alice, ASSUME, named).await.contains("perform: sts:SetSourceIdentity on resource"));
}

#[tokio::test]
async fn requests_that_are_refused() {
    let server = Server::new().await;
    let alice = user("alice");
    let role = server.world.role(ACCOUNT, "r", 3_600, &trusts_account());
    let rng = testkit::SeededRng::new(3);
    let buckets = (0..100).map(|_| format!("\"arn:aws:s3:::{}/*\"", base::ids::alphanumeric(&rng, 40)));
    let long = buckets.collect::<Vec<_>>().join(",");
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":[{long}]}}]}}"#
    );
    for (name, value, expected) in [
        (
            "DurationSeconds",
            json!(3_601),
            "ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
        (
            "TokenCode",
            json!("123456"),
            "AccessDenied: MultiFactorAuthentication failed, must provide both MFA serial number",
        ),
        ("Policy", json!("{"), "MalformedPolicyDocument: Syntax errors in policy."),
        (
            "Policy",
            json!(
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}"#
            ),
            "MalformedPolicyDocument: Policy document should not specify a principal.",
        ),
        ("Policy", json!(long), "PackedPolicyTooLarge: Packed policy consumes 1"),
        (
            "PolicyArns",
            json!([{"arn": "arn:aws:iam::222222222222:policy/x"}]),
            "ValidationError: ARN arn:aws:iam::222222222222:policy/x is not valid.",
        ),
        (
            "PolicyArns",
            json!(vec![json!({"arn": "arn:aws:iam::aws:policy/x"}); 11]),
            "ValidationError: The number of managed",
        ),
        (
            "Tags",
            json!([{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]),
            "InvalidParameterValue: Duplicate tag keys found.",
        ),
        ("Tags", json!([{"Key": "aws:x", "Value": "1"}]), "InvalidParameterValue: Tag keys that begin with aws:"),
        ("TransitiveTagKeys", json!(["a"]), "InvalidParameterValue: The specified transitive tag key must be included"),
        (
            "ProvidedContexts",
            json!([{"ProviderArn": "arn:aws:iam::aws:contextProvider/x", "ContextAssertion": "abcd"}]),
            "InvalidParameterValue: ",
        ),
    ] {
        let refused = server.refused(&alice, ASSUME, with(asking(&role), name, value)).await;
        assert!(refused.starts_with(expected), "{name}: {refused}");
    }
    let wrong = with(with(asking(&role), "SerialNumber", json!(PHONE)), "TokenCode", json!("000000"));
    let refused = server.refused(&alice, ASSUME, wrong).await;
    assert!(refused.starts_with("AccessDenied: MultiFactorAuthentication failed with invalid MFA one time pass code."));
}

#[tokio::test]
async fn a_chain_of_roles_keeps_what_goes_along() {
    let server = Server::new().await;
    let first = server.world.role(ACCOUNT, "first", 43_200, &trusts_account());
    let second = server.world.role(ACCOUNT, "second", 43_200, &trusts_account());
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let mut input = asking(&first);
    let more = json!({
        "Tags": [{"Key": "Cost", "Value": "1"}, {"Key": "Team", "Value": "red"}], "TransitiveTagKeys": ["Cost"],
        "SourceIdentity": "alice", "DurationSeconds": 43_200, "Policy": policy,
        "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
    });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let output = server.ok(&user("alice"), ASSUME, input).await;
    assert_eq!(output["SourceIdentity"], "alice");
    let percent = output["PackedPolicySize"].as_i64().unwrap();
    assert!((1..20).contains(&percent), "{percent}");
    let holder = server.holder(&output).await;
    let session = holder.session().unwrap();
    let managed = SessionPolicy::Managed("arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned());
    assert_eq!(session.policies, [SessionPolicy::Inline(policy.to_owned()), managed]);
    assert_eq!(session.tags.len(), 2);

    let hour = "ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    assert_eq!(server.refused(&holder, ASSUME, with(asking(&second), "DurationSeconds", json!(3_601))).await, hour);
    let again = with(asking(&second), "Tags", json!([{"Key": "cost", "Value": "2"}]));
    assert!(server.refused(&holder, ASSUME, again).await.starts_with("InvalidParameterValue: "));
    let other = with(asking(&second), "SourceIdentity", json!("bob"));
    assert!(server.refused(&holder, ASSUME, other).await.contains("sts:SetSourceIdentity"));

    let output = server.ok(&holder, ASSUME, asking(&second)).await;
    let next = server.holder(&output).await;
    let session = next.session().unwrap();
    assert_eq!(
        (&session.tags[..], &session.transitive_tag_keys[..]),
        (&[("Cost".to_owned(), "1".to_owned())][..], &["Cost".to_owned()][..])
    );
    assert_eq!(session.source_identity.as_deref(), Some("alice"));
    let refused = server.refused(&next, "GetSessionToken", json!({})).await;
    assert_eq!(refused, "AccessDenied: Cannot call GetSessionToken with session credentials");
}

#[tokio::test]
async fn sessions_outlive_a_restart_and_are_forgotten_a_day_after_their_end() {
    let server = Server::new().await;
    let output = server.ok(&user("alice"), "GetSessionToken", json!({"DurationSeconds": 900})).await;
    let id = output["Credentials"]["AccessKeyId"].as_str().unwrap().to_owned();
    let server = server.restarted().await;
    let found = server.sts.find(&id).await.unwrap().unwrap();
    assert_eq!(&*found.secret.0, output["Credentials"]["SecretAccessKey"].as_str().unwrap());
    assert_eq!(&*found.session_token.as_ref().unwrap().0, output["Credentials"]["SessionToken"].as_str().unwrap());
    assert!(!format!("{found:?}").contains(&*found.secret.0));
    let account = server.ok(&user("alice"), "GetAccessKeyInfo", json!({"AccessKeyId": id})).await;
    assert_eq!(account["Account"], ACCOUNT);
    for (secs, swept) in [(900, 0), (24 * 60 * 60, 0), (1, 1)] {
        server.clock.advance_ms(secs * 1_000);
        let now = base::Clock::now(&*server.clock);
        assert_eq!(server.sts.sweep(now).await.unwrap(), swept);
        assert_eq!(server.sts.find(&id).await.unwrap().is_none(), swept == 1);
    }
    assert!(server.sts.find("AKIAALICEALICEALICE").await.unwrap().is_none());
    let info = server.ok(&user("alice"), "GetAccessKeyInfo", json!({"AccessKeyId": "AKIAALICEALICEALICE"})).await;
    assert_eq!(info["Account"], ACCOUNT);
    assert!(
        server
            .refused(&user("alice"), "GetAccessKeyInfo", json!({"AccessKeyId": "ASIANOBODYNOBODYNOBODY"}))
            .await
            .starts_with("ValidationError")
    );
}

#[tokio::test]
async fn sessions_of_users_and_root() {
    let server = Server::new().await;
    let secs = async |caller: &Caller, input: Json| {
        let output = server.ok(caller, "GetSessionToken", input).await;
        let holder = server.holder(&output).await;
        let session = holder.session().unwrap();
        (session.expires.since_ms(session.created) / 1_000, session.mfa_at.is_some(), session.arn())
    };
    let alice = "arn:aws:iam::111111111111:user/alice".to_owned();
    assert_eq!(secs(&user("alice"), json!({})).await, (43_200, false, alice.clone()));
    let both = json!({"DurationSeconds": 129_600, "SerialNumber": PHONE, "TokenCode": CODE});
    assert_eq!(secs(&user("alice"), both).await, (129_600, true, alice));
    let whole = "arn:aws:iam::111111111111:root".to_owned();
    assert_eq!(secs(&root(), json!({})).await, (3_600, false, whole.clone()));
    assert_eq!(secs(&root(), json!({"DurationSeconds": 7_200})).await, (3_600, false, whole.clone()));
    assert_eq!(secs(&root(), json!({"DurationSeconds": 900})).await, (900, false, whole));
}

#[tokio::test]
async fn sessions_for_others() {
    let server = Server::new().await;
    let input = json!({"Name": "carol", "Tags": [{"Key": "a", "Value": "b"}]});
    let output = server.ok(&user("alice"), "GetFederationToken", input.clone()).await;
    let arn = "arn:aws:sts::111111111111:federated-user/carol";
    assert_eq!(output["FederatedUser"], json!({"FederatedUserId": "111111111111:carol", "Arn": arn}));
    assert!(output["PackedPolicySize"].as_i64().unwrap() >= 1);
    let carol = server.holder(&output).await;
    assert!(matches!(&carol.session().unwrap().holder, Holder::Federated { user: Some(_), .. }));
    let refused = server.refused(&user("bob"), "GetFederationToken", input.clone()).await;
    assert!(refused.ends_with(&format!("sts:GetFederationToken on resource: {arn}")), "{refused}");
    let refused = server.refused(&carol, "GetFederationToken", input).await;
    assert_eq!(refused, "AccessDenied: Cannot call GetFederationToken with session credentials");
    let role = server.world.role(ACCOUNT, "r", 3_600, &trusts_account());
    let refused = server.refused(&carol, ASSUME, asking(&role)).await;
    assert!(refused.starts_with(&format!("AccessDenied: User: {arn} is not authorized")), "{refused}");
}

fn claims() -> Json {
    json!({"iss": format!("https://{ISSUER}"), "sub": "carol", "aud": "app", "iat": 1_699_999_990, "exp": 1_700_000_060})
}

fn web(role: &str, token: &str) -> Json {
    with(asking(role), "WebIdentityToken", json!(token))
}

#[tokio::test]
async fn a_providers_word_counts_for_roles_that_trust_it() {
    const OPERATION: &str = "AssumeRoleWithWebIdentity";
    let server = Server::new().await;
    let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}");
    let condition = json!({"StringEquals": {format!("{ISSUER}:sub"): "carol", format!("{ISSUER}:aud"): "app"}});
    let actions = json!(["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]);
    let role = server.world.role(ACCOUNT, "web", 3_600, &trusts(&json!({"Federated": provider}), &actions, &condition));
    let issuer = Issuer::new("ES256", "k");
    *server.world.key_set.lock().unwrap() = Some(issuer.key_set());
    let call = server.call(&Caller::Anonymous, OPERATION);
    let tagged = with(
        claims(),
        "https://aws.amazon.com/tags",
        json!({"principal_tags": {"Team": ["red"]}, "transitive_tag_keys": ["Team"]}),
    );
    let output = server.run(&call, web(&role, &issuer.token(&tagged))).await.unwrap();
    assert_eq!(output["SubjectFromWebIdentityToken"], "carol");
    assert_eq!((&output["Provider"], &output["Audience"]), (&json!(provider), &json!("app")));
    assert!(matches!(call.notes.lock().unwrap().caller, Some(Caller::External(_))));
    let holder = server.holder(&output).await;
    let session = holder.session().unwrap();
    assert_eq!(session.federation.as_ref().unwrap().provider, provider);
    assert_eq!(session.tags, [("Team".to_owned(), "red".to_owned())]);

    let check = async |claims: Json, expected: &str| {
        let call = server.call(&Caller::Anonymous, OPERATION);
        let refused = server.run(&call, web(&role, &issuer.token(&claims))).await.unwrap_err().to_string();
        assert!(refused.starts_with(expected), "{refused}");
    };
    check(with(claims(), "aud", json!("other")), "InvalidIdentityToken: Incorrect token audience").await;
    let expired = "ExpiredTokenException: Token expired: current date/time 1700000000 must be before the expiration date/time 1699999699";
    check(with(claims(), "exp", json!(1_699_999_699)), expired).await;
    check(with(claims(), "nbf", json!(1_700_000_301)), "InvalidIdentityToken: Token is not valid yet").await;
    check(
        with(claims(), "iss", json!("https://other.example.com")),
        "InvalidIdentityToken: No OpenIDConnect provider found in your account for https://other.example.com",
    )
    .await;
    check(with(claims(), "sub", json!(7)), "InvalidIdentityToken: Missing a required claim: sub").await;
    check(
        with(claims(), "sub", json!("mallory")),
        "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
    )
    .await;
    check(
        with(claims(), "https://aws.amazon.com/source_identity", json!("carol")),
        "AccessDenied: Not authorized to perform sts:SetSourceIdentity",
    )
    .await;
    // Clocks may differ.
    server
        .ok(&Caller::Anonymous, OPERATION, web(&role, &issuer.token(&with(claims(), "exp", json!(1_699_999_701)))))
        .await;

    let forged = Issuer::new("ES256", "k").token(&claims());
    let refused = server.refused(&Caller::Anonymous, OPERATION, web(&role, &forged)).await;
    assert!(
        refused.starts_with("InvalidIdentityToken: The web identity token that was passed could not be validated"),
        "{refused}"
    );
    let refused = server.refused(&Caller::Anonymous, OPERATION, web(&role, "abcd")).await;
    assert!(refused.starts_with("InvalidIdentityToken: The ID Token provided is not a valid JWT."), "{refused}");
    let oauth = with(web(&role, "abcd"), "ProviderId", json!("www.amazon.com"));
    assert!(server.refused(&Caller::Anonymous, OPERATION, oauth).await.starts_with("IDPCommunicationError: "));
    *server.world.key_set.lock().unwrap() = None;
    check(claims(), "InvalidIdentityToken: Couldn't retrieve verification key").await;
}

#[tokio::test]
async fn refusals_are_told_in_sealed_texts() {
    let server = Server::new().await;
    let alice = user("alice");
    let call = server.call(&alice, "x");
    let context = call.context(&[]);
    let request =
        ports::AccessRequest { caller: &alice, action: "ec2:StopInstances", resource: "*", context: &context };
    let message = server.sts.encoded(&request, &ports::Decision::ImplicitDeny(ports::Layer::Identity));
    assert!(!message.contains("alice"));
    let server = server.restarted().await;
    let decoded = server.ok(&alice, "DecodeAuthorizationMessage", json!({"EncodedMessage": message})).await;
    let decoded: Json = serde_json::from_str(decoded["DecodedMessage"].as_str().unwrap()).unwrap();
    assert_eq!((&decoded["allowed"], &decoded["context"]["principal"]["name"]), (&json!(false), &json!("alice")));
    let bad = "InvalidAuthorizationMessageException: Message is not valid";
    for wrong in ["x".to_owned(), message.to_lowercase(), message[..20].to_owned()] {
        assert_eq!(server.refused(&alice, "DecodeAuthorizationMessage", json!({"EncodedMessage": wrong})).await, bad);
    }
    let stranger = Caller::Root { account: OTHER.into(), access_key_id: "AKIA".into() };
    assert_eq!(server.refused(&stranger, "DecodeAuthorizationMessage", json!({"EncodedMessage": message})).await, bad);
}

#[tokio::test]
async fn services_act_as_roles_that_trust_them() {
    use ports::{HandOver, OnBehalf, ServiceRoles};
    let server = Server::new().await;
    let trail = format!("arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/t");
    let by =
        OnBehalf { principal: "cloudtrail.amazonaws.com", source_arn: trail.clone(), source_account: ACCOUNT.into() };
    let service = json!({"Service": "cloudtrail.amazonaws.com"});
    let when =
        |source: &str| json!({"ArnEquals": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": ACCOUNT}});
    let good = server.world.role(ACCOUNT, "good", 3_600, &trusts(&service, &json!("sts:AssumeRole"), &when(&trail)));
    let other = server.world.role(ACCOUNT, "other", 3_600, &trusts(&service, &json!("sts:AssumeRole"), &when("arn:x")));
    let none = server.world.role(ACCOUNT, "none", 3_600, &trusts_account());
    let act = async |role: &str| ServiceRoles::act_as(&*server.sts, &by, role, "delivery").await;
    let caller = act(&good).await.unwrap();
    assert_eq!(caller.arn().unwrap(), format!("arn:aws:sts::{ACCOUNT}:assumed-role/good/delivery"));
    assert!(matches!(act(&other).await, Err(HandOver::Denied(_))));
    assert!(matches!(act(&none).await, Err(HandOver::Denied(_))));
    assert!(matches!(act(&format!("{good}x")).await, Err(HandOver::NotFound(_))));
}
