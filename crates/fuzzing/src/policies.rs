//! Any text as a policy: an error that can be shown, or a policy that decides, the same each time and compiled as read; a denial beats
//! any permission, in whatever kind of policy.

use policy::{
    Context, Decision, Layers, Policy, PolicySet, Principal, Request, ResourceLayer, Said, authorize, evaluate,
    parse_bucket_policy, parse_control_policy, parse_identity_policy, parse_key_policy, parse_resource_control_policy,
    parse_trust_policy,
};

const ACCOUNT: &str = "123456789012";
const DENY_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// See the module.
pub fn policy_document(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err(message) = parse_bucket_policy(&text, "logs") {
        assert!(!message.is_empty());
    }
    let kinds = [
        parse_identity_policy,
        parse_trust_policy,
        parse_key_policy,
        parse_control_policy,
        parse_resource_control_policy,
    ];
    for parse in kinds {
        match parse(&text) {
            Ok(policy) => assert!(!policy.statements.is_empty()),
            Err(message) => assert!(!message.is_empty()),
        }
    }
    let policy = match Policy::parse(&text) {
        Ok(policy) => policy,
        Err(error) => return assert!(!policy::bucket::message(&error).is_empty() && !error.to_string().is_empty()),
    };
    let deny = Policy::parse(DENY_ALL).expect("it is a policy");
    let context = Context::new()
        .with("aws:SourceIp", "203.0.113.7")
        .with("aws:SourceArn", "arn:aws:cloudtrail:us-east-1:123456789012:trail/t")
        .with("aws:SecureTransport", "false")
        .with("aws:CurrentTime", "2023-11-14T22:13:20Z")
        .with("aws:username", "alice")
        .with("s3:x-amz-acl", "bucket-owner-full-control")
        .with("s3:max-keys", "10")
        .with_all("aws:TagKeys", vec!["a".to_owned(), "b".to_owned()]);
    let lookup = |key: &str| context.get(key);
    let named = |policy: &Policy| PolicySet::new([("p".to_owned(), policy.clone())]);
    let (set, denies) = (named(&policy), named(&deny));
    let user = Principal::User { account: ACCOUNT, arn: "arn:aws:iam::123456789012:user/alice", id: "AIDAEXAMPLE" };
    for principal in [
        Principal::Anonymous,
        Principal::Root { account: ACCOUNT },
        Principal::Service { name: "cloudtrail.amazonaws.com" },
        user,
    ] {
        for (action, resource) in [
            ("s3:PutObject", "arn:aws:s3:::logs/AWSLogs/123456789012/CloudTrail/a.json.gz"),
            ("s3:GetBucketAcl", "arn:aws:s3:::logs"),
            ("cloudtrail:StopLogging", "arn:aws:cloudtrail:us-east-1:123456789012:trail/t"),
            ("iam:ListUsers", "*"),
        ] {
            let request = Request { principal: principal.clone(), action, resource, context: &lookup };
            let decision = evaluate(&[&policy], &request);
            assert_eq!(decision, evaluate(&[&policy], &request));
            if let Said::Allow(because) | Said::ExplicitDeny(because) = &decision {
                assert!(because.policy == 0 && because.statement < policy.statements.len());
            }
            assert!(!evaluate(&[&policy, &deny], &request).is_allow());
            let alone = Layers { identity: Some(&set), ..Layers::default() };
            let said = authorize(&alone, &request);
            if matches!(principal, Principal::User { .. }) {
                assert_eq!(said.is_allow(), decision.is_allow());
                assert_eq!(matches!(said, Decision::ExplicitDeny(..)), matches!(decision, Said::ExplicitDeny(_)));
            }
            let resource = ResourceLayer { policies: &set, account: ACCOUNT, must_allow: true, granted: None };
            let all = Layers { resource: Some(resource), session: Some(&set), boundary: Some(&set), ..alone };
            assert_eq!(authorize(&all, &request), authorize(&all, &request));
            for denied in [
                Layers { identity: Some(&denies), ..all },
                Layers { boundary: Some(&denies), ..all },
                Layers { session: Some(&denies), ..all },
                Layers { resource: Some(ResourceLayer { policies: &denies, ..resource }), ..all },
            ] {
                assert!(matches!(authorize(&denied, &request), Decision::ExplicitDeny(..)));
            }
        }
    }
}
