//! Policies: made, attached, enabled, and what they come to.

use ports::ControlPolicies;
use serde_json::json;

use super::{FIRST, Server};

const SCP: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#;

async fn policy(server: &Server, name: &str, kind: &str, content: &str) -> String {
    let input = json!({"Name": name, "Description": "d", "Type": kind, "Content": content});
    server.ok(FIRST, "CreatePolicy", input).await.text("Policy.PolicySummary.Id")
}

async fn on(server: &Server, target: &str, kind: &str) -> Vec<String> {
    let input = json!({"TargetId": target, "Filter": kind});
    server.ok(FIRST, "ListPoliciesForTarget", input).await.texts("Policies", "Id")
}

#[tokio::test]
async fn types_are_enabled_and_disabled() {
    let server = Server::new().await;
    let root = server.organization().await;
    let (unit, account) = (server.unit(&root, "u").await, server.account("a").await);
    let scp = json!({"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"});
    assert!(on(&server, &root, "SERVICE_CONTROL_POLICY").await.is_empty());
    assert_eq!(server.err(FIRST, "DisablePolicyType", scp.clone()).await, "PolicyTypeNotEnabledException");
    let unknown = json!({"RootId": "r-none", "PolicyType": "TAG_POLICY"});
    assert_eq!(server.err(FIRST, "EnablePolicyType", unknown).await, "RootNotFoundException");
    let shown = server.ok(FIRST, "EnablePolicyType", scp.clone()).await;
    assert_eq!(shown.texts("Root.PolicyTypes", "Type"), ["SERVICE_CONTROL_POLICY"]);
    assert_eq!(server.err(FIRST, "EnablePolicyType", scp.clone()).await, "PolicyTypeAlreadyEnabledException");
    for target in [&root, &unit, &account] {
        assert_eq!(on(&server, target, "SERVICE_CONTROL_POLICY").await, ["p-FullAWSAccess"]);
    }
    let own = policy(&server, "own", "SERVICE_CONTROL_POLICY", SCP).await;
    server.ok(FIRST, "AttachPolicy", json!({"PolicyId": own, "TargetId": unit})).await;
    assert_eq!(server.err(FIRST, "DeletePolicy", json!({"PolicyId": own})).await, "PolicyInUseException");
    server.ok(FIRST, "DisablePolicyType", scp.clone()).await;
    assert!(on(&server, &unit, "SERVICE_CONTROL_POLICY").await.is_empty());
    assert_eq!(
        server.err(FIRST, "AttachPolicy", json!({"PolicyId": own, "TargetId": unit})).await,
        "PolicyTypeNotEnabledException"
    );
    server.ok(FIRST, "EnablePolicyType", scp).await;
    assert_eq!(on(&server, &unit, "SERVICE_CONTROL_POLICY").await, ["p-FullAWSAccess"]);
    server.ok(FIRST, "DeletePolicy", json!({"PolicyId": own})).await;
    assert_eq!(server.err(FIRST, "DeletePolicy", json!({"PolicyId": own})).await, "PolicyNotFoundException");
}

#[tokio::test]
async fn policies_are_attached_within_limits() {
    let server = Server::new().await;
    let root = server.organization().await;
    for kind in ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"] {
        server.ok(FIRST, "EnablePolicyType", json!({"RootId": root, "PolicyType": kind})).await;
    }
    let at = |policy: &str, target: &str| json!({"PolicyId": policy, "TargetId": target});
    let mut made = Vec::new();
    for n in 0..5 {
        made.push(policy(&server, &format!("p{n}"), "SERVICE_CONTROL_POLICY", SCP).await);
    }
    for id in &made[..4] {
        server.ok(FIRST, "AttachPolicy", at(id, &root)).await;
    }
    for (operation, policy, target, expected) in [
        (
            "AttachPolicy",
            made[4].as_str(),
            root.as_str(),
            "ConstraintViolationException/MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
        ),
        ("AttachPolicy", &made[0], &root, "DuplicatePolicyAttachmentException"),
        ("AttachPolicy", "p-00000000", &root, "PolicyNotFoundException"),
        ("AttachPolicy", &made[0], "ou-0000-00000000", "TargetNotFoundException"),
        ("DetachPolicy", &made[4], &root, "PolicyNotAttachedException"),
        (
            "DetachPolicy",
            "p-FullAWSAccess",
            FIRST,
            "ConstraintViolationException/MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
        ),
        ("DetachPolicy", "p-RCPFullAWSAccess", &root, "InvalidInputException/NON_DETACHABLE_POLICY"),
    ] {
        assert_eq!(server.err(FIRST, operation, at(policy, target)).await, expected, "{operation} {policy}");
    }
    server.ok(FIRST, "DetachPolicy", at("p-FullAWSAccess", &root)).await;
    let targets = server.ok(FIRST, "ListTargetsForPolicy", json!({"PolicyId": made[0]})).await;
    assert_eq!(targets.texts("Targets", "TargetId"), [root]);
    let managed = json!({"PolicyId": "p-FullAWSAccess"});
    assert_eq!(server.err(FIRST, "UpdatePolicy", managed.clone()).await, "InvalidInputException/IMMUTABLE_POLICY");
    assert_eq!(server.err(FIRST, "DeletePolicy", managed).await, "InvalidInputException/IMMUTABLE_POLICY");
    let again = json!({"Name": "p0", "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": SCP});
    assert_eq!(server.err(FIRST, "CreatePolicy", again).await, "DuplicatePolicyException");
    let bad = json!({"PolicyId": made[0], "Content": "{}"});
    assert_eq!(server.err(FIRST, "UpdatePolicy", bad).await, "MalformedPolicyDocumentException");
    let renamed = json!({"PolicyId": made[0], "Name": "p1"});
    assert_eq!(server.err(FIRST, "UpdatePolicy", renamed).await, "DuplicatePolicyException");
    let listed = server.ok(FIRST, "ListPolicies", json!({"Filter": "SERVICE_CONTROL_POLICY"})).await;
    assert_eq!(listed.texts("Policies", "Id").len(), 6);
}

#[tokio::test]
async fn levels_go_from_the_root_to_the_account() {
    let server = Server::new().await;
    let root = server.organization().await;
    let account = server.account("a").await;
    let (one, two) = (server.unit(&root, "one").await, "two");
    let two = server.unit(&one, two).await;
    let to = json!({"AccountId": account, "SourceParentId": root, "DestinationParentId": two});
    server.ok(FIRST, "MoveAccount", to).await;
    let levels = |account: &str| server.organizations.service_control(account).len();
    assert_eq!((levels(&account), levels(FIRST)), (0, 0));
    server.ok(FIRST, "EnablePolicyType", json!({"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"})).await;
    assert_eq!((levels(&account), levels(FIRST)), (4, 0));
    assert!(server.organizations.resource_control(&account).is_empty());
    // The same set as long as nothing changes, another one afterwards.
    let before = server.organizations.service_control(&account);
    let same = server.organizations.service_control(&account);
    assert!(before.iter().zip(&same).all(|(a, b)| std::sync::Arc::ptr_eq(a, b)));
    let own = policy(&server, "own", "SERVICE_CONTROL_POLICY", SCP).await;
    server.ok(FIRST, "AttachPolicy", json!({"PolicyId": own, "TargetId": two})).await;
    server.ok(FIRST, "DetachPolicy", json!({"PolicyId": "p-FullAWSAccess", "TargetId": two})).await;
    let looks = format!("{:?}", server.organizations.service_control(&account)[2]);
    assert!(looks.contains(&own) && !looks.contains("FullAWSAccess"), "{looks}");
}

#[tokio::test]
async fn effective_policies() {
    let server = Server::new().await;
    let root = server.organization().await;
    let account = server.account("a").await;
    let describe = json!({"PolicyType": "TAG_POLICY", "TargetId": account});
    assert_eq!(
        server.err(FIRST, "DescribeEffectivePolicy", describe.clone()).await,
        "EffectivePolicyNotFoundException"
    );
    server.ok(FIRST, "EnablePolicyType", json!({"RootId": root, "PolicyType": "TAG_POLICY"})).await;
    let upper = policy(&server, "u", "TAG_POLICY", r#"{"tags":{"t":{"tag_value":{"@@assign":["a"]}}}}"#).await;
    let lower = policy(&server, "l", "TAG_POLICY", r#"{"tags":{"t":{"tag_value":{"@@append":["b"]}}}}"#).await;
    server.ok(FIRST, "AttachPolicy", json!({"PolicyId": upper, "TargetId": root})).await;
    server.ok(FIRST, "AttachPolicy", json!({"PolicyId": lower, "TargetId": account})).await;
    let own = json!({"PolicyType": "TAG_POLICY"});
    for (who, input, expected) in [
        (FIRST, describe.clone(), r#"{"tags":{"t":{"tag_value":["a","b"]}}}"#),
        (account.as_str(), own.clone(), r#"{"tags":{"t":{"tag_value":["a","b"]}}}"#),
        (FIRST, own, r#"{"tags":{"t":{"tag_value":["a"]}}}"#),
    ] {
        let shown = server.ok(who, "DescribeEffectivePolicy", input).await;
        assert_eq!(shown.text("EffectivePolicy.PolicyContent"), expected);
    }
    let of_first = json!({"PolicyType": "TAG_POLICY", "TargetId": FIRST});
    assert_eq!(server.err(&account, "DescribeEffectivePolicy", of_first).await, "AccessDeniedException");
}
