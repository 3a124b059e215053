//! Trails and event data stores of an organization.

use std::sync::Arc;

use ports::BucketError;
use record::{Digest, LogKey};
use serde_json::{Value, json};
use service::ApiError;

use crate::CloudTrail;
use crate::fakes::ORGANIZATION;
use crate::stepped::Stepped;
use crate::testing::{ACCOUNT, World, run, run_as};

const MEMBER: &str = "222222222222";
const OTHER: &str = "333333333333";
const ARN: &str = "arn:aws:cloudtrail:us-east-1:123456789012:trail/all";

/// As the gateway: what names something by an ARN comes to the account in the ARN.
async fn call(ct: &Arc<CloudTrail>, operation: &str, input: Value) -> Result<Value, ApiError> {
    let named = ["Name", "TrailName", "ResourceId", "EventDataStore"].iter().find_map(|member| input[member].as_str());
    let owner = named.and_then(|named| named.split(':').nth(4)).map(str::to_owned);
    let instances = &ct.shared.organized.as_ref().unwrap().instances;
    match owner.and_then(|owner| instances.of(&owner)) {
        Some(owner) => run_as(&owner, &ct.shared.account, "us-east-1", operation, input).await,
        None => run(ct, "us-east-1", operation, input).await,
    }
}

async fn refused(ct: &Arc<CloudTrail>, operation: &str, input: Value, code: &str) {
    let error = call(ct, operation, input.clone()).await.expect_err(operation);
    assert_eq!(error.code, code, "{operation} {input}: {error}");
}

fn settings() -> Value {
    json!({"Name": "all", "S3BucketName": "logs", "IsOrganizationTrail": true, "IsMultiRegionTrail": true, "EnableLogFileValidation": true})
}

/// The accounts of the log files (or digests) in the bucket, in order.
fn accounts(world: &World, part: &str) -> Vec<String> {
    let buckets = world.buckets.buckets.lock().unwrap();
    let keys = buckets["logs"].keys().filter(|key| key.contains(part));
    let mut accounts: Vec<String> = keys
        .filter_map(|key| key.strip_prefix("AWSLogs/o-exampleorg/")?.split('/').next().map(str::to_owned))
        .collect();
    accounts.sort_unstable();
    accounts
}

#[tokio::test]
async fn who_may_make_a_trail_of_an_organization() {
    let world = World::new();
    let ct = world.open().await;
    let member = world.open_account(MEMBER).await;
    refused(&ct, "CreateTrail", settings(), "OrganizationsNotInUseException").await;
    world.organization.begin(&[ACCOUNT, MEMBER]);
    refused(&member, "CreateTrail", settings(), "NotOrganizationMasterAccountException").await;
    *world.organization.billing_only.lock().unwrap() = true;
    refused(&ct, "CreateTrail", settings(), "OrganizationNotInAllFeaturesModeException").await;
    *world.organization.billing_only.lock().unwrap() = false;
    *world.organization.trusts.lock().unwrap() = false;
    let error = call(&ct, "CreateTrail", settings()).await.unwrap_err();
    assert_eq!(error.code, "CloudTrailAccessNotEnabledException");
    assert!(error.message.ends_with("following AWS account ID: 123456789012"), "{error}");
    *world.organization.trusts.lock().unwrap() = true;
    // The bucket must let both the account's own files and those of the organization in.
    for part in ["logs:AWSLogs/123456789012/", "logs:AWSLogs/o-exampleorg/"] {
        world.buckets.refuse(part, Some(BucketError::AccessDenied));
        refused(&ct, "CreateTrail", settings(), "InsufficientS3BucketPolicyException").await;
        world.buckets.refuse(part, None);
    }
    let made = call(&ct, "CreateTrail", settings()).await.unwrap();
    assert_eq!((&made["TrailARN"], &made["IsOrganizationTrail"]), (&json!(ARN), &json!(true)));
    refused(&ct, "CreateTrail", settings(), "TrailAlreadyExistsException").await;
}

#[tokio::test]
async fn members_see_the_trail_and_do_not_change_it() {
    let world = World::new();
    let (ct, member, stranger) =
        (world.open().await, world.open_account(MEMBER).await, world.open_account(OTHER).await);
    world.organization.begin(&[ACCOUNT, MEMBER]);
    call(&ct, "CreateTrail", settings()).await.unwrap();
    call(&ct, "CreateTrail", json!({"Name": "own", "S3BucketName": "logs"})).await.unwrap();
    let by_arn = json!({"Name": ARN});
    assert_eq!(
        call(&member, "GetTrail", by_arn.clone()).await.unwrap(),
        call(&ct, "GetTrail", by_arn.clone()).await.unwrap()
    );
    assert_eq!(call(&member, "GetTrailStatus", by_arn.clone()).await.unwrap()["IsLogging"], json!(false));
    let described = call(&member, "DescribeTrails", json!({})).await.unwrap();
    assert_eq!(described["trailList"].as_array().unwrap().len(), 1);
    assert_eq!(described["trailList"][0]["TrailARN"], json!(ARN));
    let named = call(&member, "DescribeTrails", json!({"trailNameList": [ARN]})).await.unwrap();
    assert_eq!(named, described);
    assert_eq!(call(&member, "ListTrails", json!({})).await.unwrap()["Trails"][0]["TrailARN"], json!(ARN));
    refused(&member, "GetTrail", json!({"Name": "all"}), "TrailNotFoundException").await;
    refused(&member, "GetTrail", json!({"Name": ARN.replace("all", "own")}), "TrailNotFoundException").await;
    for operation in ["StartLogging", "StopLogging", "DeleteTrail", "UpdateTrail"] {
        refused(&member, operation, by_arn.clone(), "NotOrganizationMasterAccountException").await;
    }
    let selectors = json!({"TrailName": ARN, "EventSelectors": [{"ReadWriteType": "All"}]});
    refused(&member, "PutEventSelectors", selectors, "NotOrganizationMasterAccountException").await;
    let tags = json!({"ResourceId": ARN, "TagsList": [{"Key": "k", "Value": "v"}]});
    refused(&member, "AddTags", tags, "NotOrganizationMasterAccountException").await;
    refused(&stranger, "GetTrail", by_arn.clone(), "TrailNotFoundException").await;
    for (account, action, resource, expected) in [
        (MEMBER, "cloudtrail:GetTrail", ARN, true),
        (MEMBER, "cloudtrail:StopLogging", ARN, true),
        (MEMBER, "cloudtrail:GetChannel", ARN, false),
        (MEMBER, "cloudtrail:GetEventDataStore", "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/x", false),
        (OTHER, "cloudtrail:GetTrail", ARN, false),
        (ACCOUNT, "cloudtrail:GetTrail", ARN, false),
    ] {
        assert_eq!(ct.is_lent(action, resource, account).await.unwrap(), expected, "{account} {action}");
    }
    // Operations whose resource is not in their name's ARN run where they are called.
    let tags = run(&member, "us-east-1", "ListTags", json!({"ResourceIdList": [ARN]})).await.unwrap();
    assert_eq!(tags["ResourceTagList"][0]["ResourceId"], json!(ARN));
    let error = run(&stranger, "us-east-1", "ListTags", json!({"ResourceIdList": [ARN]})).await.unwrap_err();
    assert_eq!(error.code, "CloudTrailARNInvalidException");
    assert_eq!(call(&stranger, "DescribeTrails", json!({})).await.unwrap()["trailList"], json!([]));
}

#[tokio::test]
async fn a_delegated_administrator_does_what_the_management_account_does() {
    let world = World::new();
    let (ct, member) = (world.open().await, world.open_account(MEMBER).await);
    let register = json!({"MemberAccountId": MEMBER});
    refused(&ct, "RegisterOrganizationDelegatedAdmin", register.clone(), "OrganizationsNotInUseException").await;
    world.organization.begin(&[ACCOUNT, MEMBER]);
    refused(
        &member,
        "RegisterOrganizationDelegatedAdmin",
        register.clone(),
        "NotOrganizationManagementAccountException",
    )
    .await;
    for (account, code) in [(ACCOUNT, "CannotDelegateManagementAccountException"), (OTHER, "AccountNotFoundException")]
    {
        refused(&ct, "RegisterOrganizationDelegatedAdmin", json!({"MemberAccountId": account}), code).await;
    }
    call(&ct, "RegisterOrganizationDelegatedAdmin", register.clone()).await.unwrap();
    refused(&ct, "RegisterOrganizationDelegatedAdmin", register, "AccountRegisteredException").await;
    let made = call(&member, "CreateTrail", settings()).await.unwrap();
    assert_eq!(made["TrailARN"], json!(ARN), "it is the management account's");
    refused(&member, "StartLogging", json!({"Name": "all"}), "TrailNotFoundException").await;
    call(&member, "StartLogging", json!({"Name": ARN})).await.unwrap();
    assert_eq!(call(&ct, "GetTrailStatus", json!({"Name": "all"})).await.unwrap()["IsLogging"], json!(true));
    // Its own trails stay its own.
    call(&member, "CreateTrail", json!({"Name": "mine", "S3BucketName": "logs"})).await.unwrap();
    let change = json!({"Name": "mine", "IsOrganizationTrail": true});
    refused(&member, "UpdateTrail", change, "NotOrganizationMasterAccountException").await;
    let store =
        call(&member, "CreateEventDataStore", json!({"Name": "store", "OrganizationEnabled": true})).await.unwrap();
    let store = store["EventDataStoreArn"].as_str().unwrap();
    assert!(store.contains(ACCOUNT), "{store}");
    call(&member, "GetEventDataStore", json!({"EventDataStore": store})).await.unwrap();
    assert!(ct.is_lent("cloudtrail:DeleteEventDataStore", store, MEMBER).await.unwrap());
    let end = json!({"DelegatedAdminAccountId": MEMBER});
    call(&ct, "DeregisterOrganizationDelegatedAdmin", end.clone()).await.unwrap();
    refused(&ct, "DeregisterOrganizationDelegatedAdmin", end, "AccountNotRegisteredException").await;
    refused(&member, "StopLogging", json!({"Name": ARN}), "NotOrganizationMasterAccountException").await;
}

#[tokio::test]
async fn one_trail_has_files_and_digests_of_every_member() {
    let world = World::new();
    let mut stepped = Stepped::open(&world).await;
    let member = world.open_account(MEMBER).await;
    world.organization.begin(&[ACCOUNT, MEMBER]);
    stepped.call("CreateTrail", settings()).await;
    stepped.call("StartLogging", json!({"Name": "all"})).await;
    for account in [ACCOUNT, MEMBER, OTHER] {
        world.event_of(account, "one", "eu-west-1").await;
    }
    assert_eq!(stepped.round(&world).await, []);
    assert_eq!(accounts(&world, "/CloudTrail/"), [ACCOUNT, MEMBER]);
    // Who joins and who leaves is noticed, from there on.
    world.organization.begin(&[ACCOUNT, OTHER]);
    stepped.ct.catch_up().await.unwrap();
    let end = journal::Journal::durable_end(&world.journal);
    stepped.ct.catch_up().await.unwrap();
    assert_eq!(journal::Journal::durable_end(&world.journal), end, "nothing changed, nothing is written");
    for account in [MEMBER, OTHER] {
        world.event_of(account, "two", "eu-west-1").await;
    }
    assert_eq!(stepped.round(&world).await, []);
    assert_eq!(accounts(&world, "/CloudTrail/"), [ACCOUNT, MEMBER, OTHER]);
    for _ in 0..3 {
        world.clock.advance(21_000);
        assert_eq!(stepped.round(&world).await, []);
    }
    let mut with_digests = accounts(&world, "/CloudTrail-Digest/");
    with_digests.dedup();
    assert_eq!(with_digests, [ACCOUNT, MEMBER, OTHER]);
    {
        let buckets = world.buckets.buckets.lock().unwrap();
        let mut chained = 0;
        for (key, (body, _)) in buckets["logs"].iter().filter(|(key, _)| key.contains("/CloudTrail-Digest/")) {
            let digest = Digest::parse(&record::file::inflate(body, 1 << 20).unwrap()).unwrap();
            assert!(key.starts_with(&format!("AWSLogs/{ORGANIZATION}/{}/", digest.aws_account_id)), "{key}");
            for file in &digest.log_files {
                assert_eq!(LogKey::parse(&file.s3_object).unwrap().place.account_id, digest.aws_account_id);
            }
            if let Some(before) = &digest.previous_digest_s3_object {
                assert!(before.contains(&format!("/{}/", digest.aws_account_id)), "{key} follows {before}");
                chained += 1;
            }
        }
        assert!(chained > 3);
    }
    // Members hold the keys of their digests too.
    let keys = call(&member, "ListPublicKeys", json!({})).await.unwrap();
    world.organization.begin(&[ACCOUNT, MEMBER]);
    let with_managers = call(&member, "ListPublicKeys", json!({})).await.unwrap();
    let count = |keys: &Value| keys["PublicKeyList"].as_array().unwrap().len();
    assert_eq!(count(&keys) + 1, count(&with_managers));
    stepped.call("DeleteTrail", json!({"Name": "all"})).await;
    assert_eq!(stepped.round(&world).await, []);
}

#[tokio::test]
async fn without_trust_members_are_left_out() {
    let world = World::new();
    let mut stepped = Stepped::open(&world).await;
    world.organization.begin(&[ACCOUNT, MEMBER]);
    stepped.call("CreateTrail", settings()).await;
    stepped.call("StartLogging", json!({"Name": "all"})).await;
    *world.organization.trusts.lock().unwrap() = false;
    stepped.ct.catch_up().await.unwrap();
    for account in [ACCOUNT, MEMBER] {
        world.event_of(account, "one", "us-east-1").await;
    }
    assert_eq!(stepped.round(&world).await, []);
    assert_eq!(accounts(&world, "/CloudTrail/"), [ACCOUNT]);
}

#[tokio::test]
async fn a_store_of_an_organization_takes_records_of_every_member() {
    let world = World::new();
    let ct = world.open().await;
    world.organization.begin(&[ACCOUNT, MEMBER]);
    let made = call(&ct, "CreateEventDataStore", json!({"Name": "store", "OrganizationEnabled": true})).await.unwrap();
    assert_eq!(made["OrganizationEnabled"], json!(true));
    let mut selection = ct.selection();
    let mut position = 0;
    let mut takes = |selection: &mut Box<dyn ports::Selection>, account: &str| {
        for entry in journal::Journal::read(&world.journal, journal::Seq::FIRST, journal::ReadLimit::default()).unwrap()
        {
            if let Ok(worker::EntryKind::Control(control)) = worker::EntryKind::read(&entry) {
                position += 1;
                selection.control(position, &control.topic, &control.document);
            }
        }
        let record = format!(
            r#"{{"eventID":"1","awsRegion":"eu-west-1","eventName":"DescribeThings","eventSource":"ec2.amazonaws.com","readOnly":true,"recipientAccountId":"{account}","managementEvent":true,"eventCategory":"Management"}}"#
        );
        let mut into = Vec::new();
        selection.select(position, record.as_bytes(), &mut into);
        !into.is_empty()
    };
    assert!(takes(&mut selection, ACCOUNT) && takes(&mut selection, MEMBER) && !takes(&mut selection, OTHER));
    world.organization.begin(&[ACCOUNT, OTHER]);
    ct.catch_up().await.unwrap();
    assert!(!takes(&mut selection, MEMBER) && takes(&mut selection, OTHER));
    let saved = selection.save();
    let mut restored = ct.selection();
    restored.restore(&saved).unwrap();
    assert!(takes(&mut restored, OTHER));
}
