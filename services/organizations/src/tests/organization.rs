//! The life of an organization: accounts that come, are closed, go; who may call what.

use base::time::DAY_MS;
use ports::{Accounts, Memberships};
use serde_json::{Value, json};

use super::{FIRST, Server};

/// A tag.
fn tag(key: &str, value: &str) -> Value {
    json!({"Key": key, "Value": value})
}

#[tokio::test]
async fn an_organization_begins_and_ends() {
    let server = Server::new().await;
    assert_eq!(server.err(FIRST, "DescribeOrganization", json!({})).await, "AWSOrganizationsNotInUseException");
    let root = server.organization().await;
    assert_eq!(server.err(FIRST, "CreateOrganization", json!({})).await, "AlreadyInOrganizationException");
    let shown = server.ok(FIRST, "DescribeOrganization", json!({})).await;
    let id = shown.text("Organization.Id");
    assert_eq!(shown.text("Organization.Arn"), format!("arn:aws:organizations::{FIRST}:organization/{id}"));
    assert_eq!(shown.text("Organization.FeatureSet"), "ALL");
    assert_eq!(shown.text("Organization.MasterAccountId"), FIRST);
    let account = server.account("one").await;
    server.unit(&root, "left behind").await;
    assert_eq!(server.err(FIRST, "DeleteOrganization", json!({})).await, "OrganizationNotEmptyException");
    assert_eq!(server.err(&account, "DeleteOrganization", json!({})).await, "AccessDeniedException");
    server.ok(FIRST, "RemoveAccountFromOrganization", json!({"AccountId": account})).await;
    server.ok(FIRST, "DeleteOrganization", json!({})).await;
    assert!(server.organizations.store.world().units.is_empty());
    assert_eq!(server.err(FIRST, "ListAccounts", json!({})).await, "AWSOrganizationsNotInUseException");
    assert!(server.organizations.exists(&account) && server.organizations.exists(FIRST));
    // Both are free to have one of their own.
    server.ok(&account, "CreateOrganization", json!({"FeatureSet": "CONSOLIDATED_BILLING"})).await;
    server.organization().await;
}

#[tokio::test]
async fn accounts_are_made_closed_and_removed() {
    let server = Server::new().await;
    let root = server.organization().await;
    let input = json!({"AccountName": "Prod", "Email": "prod@example.com", "Tags": [tag("stage", "prod")]});
    let status = server.ok(FIRST, "CreateAccount", input.clone()).await;
    assert_eq!(status.text("CreateAccountStatus.State"), "SUCCEEDED");
    let account = status.text("CreateAccountStatus.AccountId");
    let request = status.text("CreateAccountStatus.Id");
    let again = server.ok(FIRST, "CreateAccount", input).await;
    assert_eq!(again.text("CreateAccountStatus.State"), "FAILED");
    assert_eq!(again.text("CreateAccountStatus.FailureReason"), "EMAIL_ALREADY_EXISTS");
    let input = json!({"CreateAccountRequestId": request});
    let shown = server.ok(FIRST, "DescribeCreateAccountStatus", input).await;
    assert_eq!(shown.text("CreateAccountStatus.AccountName"), "Prod");
    let failed = server.ok(FIRST, "ListCreateAccountStatus", json!({"States": ["FAILED"]})).await;
    assert_eq!(failed.texts("CreateAccountStatuses", "Id"), [again.text("CreateAccountStatus.Id")]);
    let shown = server.ok(FIRST, "DescribeAccount", json!({"AccountId": account})).await;
    for (member, expected) in [
        ("Name", "Prod"),
        ("Email", "prod@example.com"),
        ("Status", "ACTIVE"),
        ("State", "ACTIVE"),
        ("JoinedMethod", "CREATED"),
    ] {
        assert_eq!(shown.text(&format!("Account.{member}")), expected);
    }
    let tags = server.ok(FIRST, "ListTagsForResource", json!({"ResourceId": account})).await;
    assert_eq!(tags.texts("Tags", "Key"), ["stage"]);
    let parents = server.ok(FIRST, "ListParents", json!({"ChildId": account})).await;
    assert_eq!((parents.text("Parents.0.Id"), parents.text("Parents.0.Type")), (root, "ROOT".into()));

    let id = json!({"AccountId": account});
    assert_eq!(server.err(&account, "CloseAccount", id.clone()).await, "AccessDeniedException");
    let own = json!({"AccountId": FIRST});
    assert_eq!(
        server.err(FIRST, "CloseAccount", own.clone()).await,
        "ConstraintViolationException/CANNOT_CLOSE_MANAGEMENT_ACCOUNT"
    );
    server.ok(FIRST, "CloseAccount", id.clone()).await;
    assert_eq!(server.err(FIRST, "CloseAccount", id.clone()).await, "AccountAlreadyClosedException");
    assert_eq!(server.organizations.status(&account), Some(ports::AccountStatus::Suspended));
    let state = async || server.ok(FIRST, "DescribeAccount", id.clone()).await.text("Account.State");
    assert_eq!(state().await, "SUSPENDED");
    server.clock.advance_ms(u64::try_from(90 * DAY_MS).unwrap());
    assert_eq!(state().await, "CLOSED");

    assert_eq!(server.err(FIRST, "RemoveAccountFromOrganization", own).await, "MasterCannotLeaveOrganizationException");
    server.ok(FIRST, "RemoveAccountFromOrganization", id.clone()).await;
    assert_eq!(server.err(FIRST, "RemoveAccountFromOrganization", id.clone()).await, "AccountNotFoundException");
    assert_eq!(server.err(FIRST, "DescribeAccount", id).await, "AccountNotFoundException");
}

#[tokio::test]
async fn invitations() {
    let server = Server::new().await;
    let root = server.organization().await;
    let other = server.account("other").await;
    server.ok(FIRST, "RemoveAccountFromOrganization", json!({"AccountId": other})).await;
    let by =
        |id: &str, kind: &str| json!({"Target": {"Id": id, "Type": kind}, "Notes": "come", "Tags": [tag("a", "b")]});
    let invite = "InviteAccountToOrganization";
    for (id, kind, expected) in [
        (FIRST, "ACCOUNT", "HandshakeConstraintViolationException/ALREADY_IN_AN_ORGANIZATION"),
        ("o-1234567890", "ORGANIZATION", "InvalidInputException/INVALID_PARTY_TYPE_TARGET"),
        ("nobody", "EMAIL", "InvalidInputException/INVALID_EMAIL_ADDRESS_TARGET"),
        ("99", "ACCOUNT", "InvalidInputException/INVALID_PATTERN_TARGET_ID"),
    ] {
        assert_eq!(server.err(FIRST, invite, by(id, kind)).await, expected, "{id}");
    }
    let handshake = server.ok(FIRST, invite, by(&other, "ACCOUNT")).await;
    let id = json!({"HandshakeId": handshake.text("Handshake.Id")});
    assert_eq!(server.err(FIRST, invite, by(&other, "ACCOUNT")).await, "DuplicateHandshakeException");
    assert_eq!(server.err(FIRST, "AcceptHandshake", id.clone()).await, "AccessDeniedException");
    assert_eq!(server.err(&other, "CancelHandshake", id.clone()).await, "AccessDeniedException");
    let seen = server.ok(&other, "ListHandshakesForAccount", json!({})).await;
    assert_eq!(seen.texts("Handshakes", "State"), ["OPEN"]);
    server.ok(&other, "DeclineHandshake", id.clone()).await;
    assert_eq!(server.err(&other, "DeclineHandshake", id.clone()).await, "HandshakeAlreadyInStateException");
    assert_eq!(server.err(&other, "AcceptHandshake", id.clone()).await, "InvalidHandshakeTransitionException");

    let handshake = server.ok(FIRST, invite, by("OTHER@example.com", "EMAIL")).await;
    let id = json!({"HandshakeId": handshake.text("Handshake.Id")});
    server.ok(FIRST, "CancelHandshake", id.clone()).await;
    assert_eq!(server.err(&other, "AcceptHandshake", id).await, "InvalidHandshakeTransitionException");
    let handshake = server.ok(FIRST, invite, by("OTHER@example.com", "EMAIL")).await;
    server.clock.advance_ms(u64::try_from(15 * DAY_MS).unwrap());
    let id = json!({"HandshakeId": handshake.text("Handshake.Id")});
    assert_eq!(server.err(&other, "AcceptHandshake", id.clone()).await, "InvalidHandshakeTransitionException");
    assert_eq!(server.ok(&other, "DescribeHandshake", id).await.text("Handshake.State"), "EXPIRED");

    let handshake = server.ok(FIRST, invite, by("OTHER@example.com", "EMAIL")).await;
    let id = json!({"HandshakeId": handshake.text("Handshake.Id")});
    assert_eq!(server.ok(&other, "AcceptHandshake", id).await.text("Handshake.State"), "ACCEPTED");
    let shown = server.ok(FIRST, "DescribeAccount", json!({"AccountId": other})).await;
    assert_eq!(shown.text("Account.JoinedMethod"), "INVITED");
    let tags = server.ok(FIRST, "ListTagsForResource", json!({"ResourceId": other})).await;
    assert_eq!(tags.texts("Tags", "Value"), ["b"]);
    let place = server.organizations.organization_of(&other).unwrap();
    assert_eq!(place.path, format!("{}/{root}/", place.organization_id));
    server.ok(&other, "LeaveOrganization", json!({})).await;
    assert_eq!(server.err(&other, "LeaveOrganization", json!({})).await, "AWSOrganizationsNotInUseException");
    assert_eq!(server.err(FIRST, "LeaveOrganization", json!({})).await, "MasterCannotLeaveOrganizationException");
    server.clock.advance_ms(u64::try_from(30 * DAY_MS).unwrap());
    server.organizations.catch_up().await.unwrap();
    assert!(server.organizations.store.world().handshakes.is_empty());
}

#[tokio::test]
async fn all_features_wait_for_those_who_were_invited() {
    let server = Server::new().await;
    server.ok(FIRST, "CreateOrganization", json!({"FeatureSet": "CONSOLIDATED_BILLING"})).await;
    let (one, two) = (server.account("one").await, server.account("two").await);
    for account in [&one, &two] {
        server.ok(FIRST, "RemoveAccountFromOrganization", json!({"AccountId": account})).await;
        let invited = json!({"Target": {"Id": account, "Type": "ACCOUNT"}});
        let id = server.ok(FIRST, "InviteAccountToOrganization", invited).await.text("Handshake.Id");
        server.ok(account, "AcceptHandshake", json!({"HandshakeId": id})).await;
    }
    let root = server.ok(FIRST, "ListRoots", json!({})).await.text("Roots.0.Id");
    let kind = json!({"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"});
    assert_eq!(
        server.err(FIRST, "EnablePolicyType", kind.clone()).await,
        "PolicyTypeNotAvailableForOrganizationException"
    );
    assert_eq!(
        server.err(FIRST, "CloseAccount", json!({"AccountId": one})).await,
        "ConstraintViolationException/ORGANIZATION_NOT_IN_ALL_FEATURES_MODE"
    );
    let handshake = server.ok(FIRST, "EnableAllFeatures", json!({})).await;
    assert_eq!(handshake.text("Handshake.State"), "REQUESTED");
    let parent = json!({"HandshakeId": handshake.text("Handshake.Id")});
    assert_eq!(
        server.err(FIRST, "EnableAllFeatures", json!({})).await,
        "HandshakeConstraintViolationException/ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION"
    );
    assert_eq!(server.err(FIRST, "AcceptHandshake", parent.clone()).await, "InvalidHandshakeTransitionException");
    let filter = json!({"Filter": {"ActionType": "APPROVE_ALL_FEATURES"}});
    let mine = server.ok(&one, "ListHandshakesForAccount", filter).await.text("Handshakes.0.Id");
    server.ok(&one, "AcceptHandshake", json!({"HandshakeId": mine})).await;
    assert_eq!(server.err(FIRST, "AcceptHandshake", parent.clone()).await, "InvalidHandshakeTransitionException");
    // Who leaves need not consent.
    server.ok(&two, "LeaveOrganization", json!({})).await;
    server.ok(FIRST, "AcceptHandshake", parent).await;
    let shown = server.ok(FIRST, "DescribeOrganization", json!({})).await;
    assert_eq!(shown.text("Organization.FeatureSet"), "ALL");
    server.ok(FIRST, "EnablePolicyType", kind).await;
    assert_eq!(
        server.err(FIRST, "EnableAllFeatures", json!({})).await,
        "HandshakeConstraintViolationException/ORGANIZATION_ALREADY_HAS_ALL_FEATURES"
    );
}

#[tokio::test]
async fn who_may_call() {
    let server = Server::new().await;
    let root = server.organization().await;
    let (admin, member) = (server.account("admin").await, server.account("member").await);
    let service = json!({"ServicePrincipal": "cloudtrail.amazonaws.com"});
    let register = json!({"AccountId": admin, "ServicePrincipal": "cloudtrail.amazonaws.com"});
    assert_eq!(
        server.err(FIRST, "RegisterDelegatedAdministrator", register.clone()).await,
        "ConstraintViolationException/SERVICE_ACCESS_NOT_ENABLED"
    );
    assert_eq!(
        server.err(FIRST, "EnableAWSServiceAccess", json!({"ServicePrincipal": "example.com"})).await,
        "InvalidInputException/UNRECOGNIZED_SERVICE_PRINCIPAL"
    );
    server.ok(FIRST, "EnableAWSServiceAccess", service.clone()).await;
    server.ok(FIRST, "EnableAWSServiceAccess", service.clone()).await;
    assert!(server.organizations.trusts(&member, "cloudtrail.amazonaws.com"));
    assert_eq!(server.err(&admin, "ListAccounts", json!({})).await, "AccessDeniedException");
    server.ok(FIRST, "RegisterDelegatedAdministrator", register.clone()).await;
    assert_eq!(
        server.err(FIRST, "RegisterDelegatedAdministrator", register.clone()).await,
        "AccountAlreadyRegisteredException"
    );
    assert_eq!(
        server.err(FIRST, "DisableAWSServiceAccess", service.clone()).await,
        "ConstraintViolationException/DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE"
    );
    assert_eq!(
        server.err(FIRST, "RemoveAccountFromOrganization", json!({"AccountId": admin})).await,
        "ConstraintViolationException/CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
    );
    assert!(server.organizations.delegated_for("cloudtrail.amazonaws.com", &admin));
    let unit = json!({"ParentId": root, "Name": "u"});
    let account = json!({"AccountId": member});
    for (operation, input, may_admin, may_member) in [
        ("DescribeOrganization", json!({}), true, true),
        ("ListAccounts", json!({}), true, false),
        ("DescribeAccount", account.clone(), true, false),
        ("ListDelegatedAdministrators", json!({}), true, false),
        ("ListDelegatedServicesForAccount", json!({"AccountId": admin}), true, false),
        ("ListAWSServiceAccessForOrganization", json!({}), true, false),
        ("CreateOrganizationalUnit", unit.clone(), false, false),
        (
            "MoveAccount",
            json!({"AccountId": member, "SourceParentId": root, "DestinationParentId": root}),
            false,
            false,
        ),
        ("RegisterDelegatedAdministrator", register.clone(), false, false),
        ("RemoveAccountFromOrganization", account.clone(), false, false),
    ] {
        for (who, may) in [(&admin, may_admin), (&member, may_member)] {
            let done = server.call(who, operation, input.clone()).await;
            assert_eq!(done.is_ok(), may, "{operation} by {who}: {done:?}");
            assert!(done.is_ok() || done.unwrap_err().code == "AccessDeniedException", "{operation}");
        }
    }
    server.ok(FIRST, "DeregisterDelegatedAdministrator", register.clone()).await;
    assert_eq!(server.err(FIRST, "DeregisterDelegatedAdministrator", register).await, "AccountNotRegisteredException");
    server.ok(FIRST, "DisableAWSServiceAccess", service).await;
}

#[tokio::test]
async fn the_organizations_own_policy_lets_members_in() {
    let server = Server::new().await;
    let root = server.organization().await;
    let (member, other) = (server.account("member").await, server.account("other").await);
    let kind = |kind: &str| json!({"RootId": root, "PolicyType": kind});
    for name in ["TAG_POLICY", "BACKUP_POLICY"] {
        server.ok(FIRST, "EnablePolicyType", kind(name)).await;
    }
    let policy = |action: &str| {
        let statement = json!([{
            "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{member}:root")}, "Action": action, "Resource": "*",
            "Condition": {"StringLikeIfExists": {"organizations:PolicyType": ["TAG_POLICY"]}},
        }]);
        json!({"Content": json!({"Version": "2012-10-17", "Statement": statement}).to_string()})
    };
    assert_eq!(
        server.err(FIRST, "PutResourcePolicy", policy("s3:*")).await,
        "InvalidInputException/UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"
    );
    assert_eq!(
        server.err(FIRST, "PutResourcePolicy", json!({"Content": "{}"})).await,
        "InvalidInputException/INVALID_RESOURCE_POLICY_JSON"
    );
    assert_eq!(server.err(FIRST, "DescribeResourcePolicy", json!({})).await, "ResourcePolicyNotFoundException");
    let put = server.ok(FIRST, "PutResourcePolicy", policy("organizations:*")).await;
    let id = put.text("ResourcePolicy.ResourcePolicySummary.Id");
    let again = server.ok(FIRST, "PutResourcePolicy", policy("organizations:*")).await;
    assert_eq!(again.text("ResourcePolicy.ResourcePolicySummary.Id"), id);
    server.ok(FIRST, "TagResource", json!({"ResourceId": id, "Tags": [tag("a", "b")]})).await;
    let make = |kind: &str, top: &str| {
        let content = format!(r#"{{"{top}":{{"x":{{"tag_key":{{"@@assign":"X"}}}}}}}}"#);
        json!({"Name": "p", "Description": "", "Type": kind, "Content": content})
    };
    let made = server.ok(&member, "CreatePolicy", make("TAG_POLICY", "tags")).await;
    let made = made.text("Policy.PolicySummary.Id");
    server.ok(&member, "AttachPolicy", json!({"PolicyId": made, "TargetId": root})).await;
    server.ok(&member, "ListAccounts", json!({})).await;
    assert_eq!(server.err(&member, "CreatePolicy", make("BACKUP_POLICY", "plans")).await, "AccessDeniedException");
    assert_eq!(server.err(&other, "CreatePolicy", make("TAG_POLICY", "tags")).await, "AccessDeniedException");
    // What no such policy can give away.
    assert_eq!(
        server.err(&member, "CreateOrganizationalUnit", json!({"ParentId": root, "Name": "u"})).await,
        "AccessDeniedException"
    );
    server.ok(FIRST, "DeleteResourcePolicy", json!({})).await;
    assert_eq!(server.err(&member, "ListAccounts", json!({})).await, "AccessDeniedException");
}
