//! Event data stores: their life by the API, and which records they take as the journal tells it.

use std::sync::Arc;

use base::time::DAY_MS;
use journal::{Journal, ReadLimit, Seq};
use ports::{Selection, StoreId};
use serde_json::{Value, json};

use super::selection::StoreSelection;
use crate::CloudTrail;
use crate::testing::{World, run};

const EAST: &str = "us-east-1";
const WEST: &str = "eu-west-1";

pub(super) async fn ok(cloudtrail: &Arc<CloudTrail>, operation: &str, input: Value) -> Value {
    run(cloudtrail, EAST, operation, input.clone()).await.unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
}

#[track_caller]
fn said(error: service::ApiError, expected: &str) {
    let (code, part) = expected.split_once(": ").unwrap_or((expected, ""));
    assert!(error.code == code && error.message.contains(part), "{error}, not {expected}");
}

pub(super) async fn refused(cloudtrail: &Arc<CloudTrail>, operation: &str, input: Value, expected: &str) {
    match run(cloudtrail, EAST, operation, input.clone()).await {
        Ok(answer) => panic!("{operation} {input}: {answer}, not {expected}"),
        Err(error) => said(error, expected),
    }
}

/// Makes a store and returns its ARN and UUID.
pub(super) async fn make(cloudtrail: &Arc<CloudTrail>, input: Value) -> (String, String) {
    let made = ok(cloudtrail, "CreateEventDataStore", input).await;
    let arn = made["EventDataStoreArn"].as_str().unwrap().to_owned();
    let id = arn.rsplit('/').next().unwrap().to_owned();
    (arn, id)
}

#[tokio::test]
async fn a_store_lives() {
    let world = World::new();
    let ct = world.open().await;
    let made =
        ok(&ct, "CreateEventDataStore", json!({"Name": "audit", "TagsList": [{"Key": "team", "Value": "x"}]})).await;
    let arn = made["EventDataStoreArn"].as_str().unwrap().to_owned();
    let id = arn.strip_prefix("arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/").unwrap().to_owned();
    let selectors = json!([{"Name": "Default management events",
        "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]);
    let mut expected = json!({
        "EventDataStoreArn": arn, "Name": "audit", "Status": "CREATED", "AdvancedEventSelectors": selectors,
        "MultiRegionEnabled": true, "OrganizationEnabled": false, "RetentionPeriod": 366,
        "TerminationProtectionEnabled": true, "TagsList": [{"Key": "team", "Value": "x"}],
        "CreatedTimestamp": "2026-03-01T12:00:00Z", "UpdatedTimestamp": "2026-03-01T12:00:00Z",
        "BillingMode": "EXTENDABLE_RETENTION_PRICING",
    });
    assert_eq!(made, expected);
    assert_eq!(world.event_stores.retention(), [366]);
    refused(&ct, "CreateEventDataStore", json!({"Name": "audit"}), "EventDataStoreAlreadyExistsException: audit").await;

    // It is found by ARN and by UUID, in its region alone.
    expected.as_object_mut().unwrap().remove("TagsList");
    expected["Status"] = json!("ENABLED");
    expected["FederationStatus"] = json!("DISABLED");
    expected["PartitionKeys"] = json!([{"Name": "eventTime", "Type": "timestamp"}]);
    for named in [&arn, &id] {
        assert_eq!(ok(&ct, "GetEventDataStore", json!({"EventDataStore": named})).await, expected);
    }
    let elsewhere = run(&ct, WEST, "GetEventDataStore", json!({"EventDataStore": id})).await.unwrap_err();
    said(elsewhere, "EventDataStoreNotFoundException");
    refused(&ct, "GetEventDataStore", json!({"EventDataStore": "audit"}), "EventDataStoreARNInvalidException").await;

    // Settings.
    world.clock.advance(1_000);
    let change = json!({"EventDataStore": id, "Name": "audit-2", "RetentionPeriod": 30, "MultiRegionEnabled": false});
    let changed = ok(&ct, "UpdateEventDataStore", change).await;
    assert_eq!((&changed["Name"], &changed["RetentionPeriod"]), (&json!("audit-2"), &json!(30)));
    assert_eq!(changed["UpdatedTimestamp"], "2026-03-01T12:00:01Z");
    assert_eq!(world.event_stores.retention(), [30]);
    let fixed = json!({"EventDataStore": id, "BillingMode": "FIXED_RETENTION_PRICING"});
    refused(&ct, "UpdateEventDataStore", fixed, "InvalidParameterException: cannot be changed").await;

    // Tags.
    let tags = json!({"ResourceId": arn, "TagsList": [{"Key": "env", "Value": "prod"}]});
    ok(&ct, "AddTags", tags).await;
    ok(&ct, "RemoveTags", json!({"ResourceId": arn, "TagsList": [{"Key": "team"}]})).await;
    let listed = ok(&ct, "ListTags", json!({"ResourceIdList": [arn]})).await;
    assert_eq!(listed["ResourceTagList"][0]["TagsList"], json!([{"Key": "env", "Value": "prod"}]));

    // Ingestion.
    let one = json!({"EventDataStore": id});
    refused(&ct, "StartEventDataStoreIngestion", one.clone(), "InvalidEventDataStoreStatusException").await;
    ok(&ct, "StopEventDataStoreIngestion", one.clone()).await;
    assert_eq!(ok(&ct, "GetEventDataStore", one.clone()).await["Status"], "STOPPED_INGESTION");
    ok(&ct, "StartEventDataStoreIngestion", one.clone()).await;

    // Deletion.
    refused(&ct, "RestoreEventDataStore", one.clone(), "InvalidEventDataStoreStatusException").await;
    refused(&ct, "DeleteEventDataStore", one.clone(), "EventDataStoreTerminationProtectedException").await;
    let unprotect = json!({"EventDataStore": id, "TerminationProtectionEnabled": false});
    ok(&ct, "UpdateEventDataStore", unprotect.clone()).await;
    ok(&ct, "DeleteEventDataStore", one.clone()).await;
    assert_eq!(ok(&ct, "GetEventDataStore", one.clone()).await["Status"], "PENDING_DELETION");
    refused(&ct, "UpdateEventDataStore", unprotect, "InactiveEventDataStoreException").await;
    refused(&ct, "DeleteEventDataStore", one.clone(), "InactiveEventDataStoreException").await;
    world.clock.advance(7 * DAY_MS - 1_000);
    ct.catch_up().await.unwrap();
    assert_eq!(ok(&ct, "RestoreEventDataStore", one.clone()).await["Status"], "ENABLED");
    ok(&ct, "DeleteEventDataStore", one.clone()).await;
    world.clock.advance(7 * DAY_MS);
    ct.catch_up().await.unwrap();
    refused(&ct, "GetEventDataStore", one, "EventDataStoreNotFoundException").await;
    assert!(world.event_stores.retention().is_empty(), "its records are gone too");
}

#[tokio::test]
async fn settings_of_stores_are_checked() {
    let world = World::new();
    let ct = world.open().await;
    for (name, value, expected) in [
        ("Name", json!("a/b"), "InvalidParameterException: Name"),
        ("RetentionPeriod", json!(6), "InvalidParameterException: from 7 to 3653"),
        ("RetentionPeriod", json!(3_654), "InvalidParameterException"),
        ("BillingMode", json!("FREE"), "InvalidParameterException: BillingMode"),
        ("KmsKeyId", json!("alias/k"), "KmsKeyNotFoundException"),
        ("OrganizationEnabled", json!(true), "OrganizationsNotInUseException"),
        ("AdvancedEventSelectors", json!([]), "InvalidEventSelectorsException"),
        ("TagsList", json!([{"Key": "aws:x", "Value": "v"}]), "InvalidTagParameterException"),
    ] {
        let mut input = json!({"Name": "audit"});
        input[name] = value;
        refused(&ct, "CreateEventDataStore", input, expected).await;
    }
    let fixed = json!({"Name": "fixed", "BillingMode": "FIXED_RETENTION_PRICING", "RetentionPeriod": 2_558});
    refused(&ct, "CreateEventDataStore", fixed, "InvalidParameterException: from 7 to 2557").await;
    let audit = json!([{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["ActivityAuditLog"]}]}]);
    let (_, id) = make(&ct, json!({"Name": "outside", "AdvancedEventSelectors": audit})).await;
    let one = json!({"EventDataStore": id});
    refused(&ct, "StopEventDataStoreIngestion", one.clone(), "InvalidEventDataStoreCategoryException").await;
    refused(&ct, "GetEventConfiguration", one, "InvalidEventDataStoreCategoryException").await;
}

#[tokio::test]
async fn a_region_has_room_for_ten_and_pages_list_them() {
    let world = World::new();
    let ct = world.open().await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(make(&ct, json!({"Name": format!("store-{number}"), "TerminationProtectionEnabled": false})).await.1);
    }
    refused(&ct, "CreateEventDataStore", json!({"Name": "eleventh"}), "EventDataStoreMaxLimitExceededException: 10")
        .await;
    assert!(run(&ct, WEST, "CreateEventDataStore", json!({"Name": "store-0"})).await.is_ok());
    let first = ok(&ct, "ListEventDataStores", json!({"MaxResults": 7})).await;
    let second = ok(&ct, "ListEventDataStores", json!({"MaxResults": 7, "NextToken": first["NextToken"]})).await;
    let count = |page: &Value| page["EventDataStores"].as_array().unwrap().len();
    assert_eq!((count(&first), count(&second), &second["NextToken"]), (7, 3, &Value::Null));
    refused(&ct, "ListEventDataStores", json!({"NextToken": "zzzz"}), "InvalidNextTokenException").await;
    // One that is pending deletion leaves its room, and needs it again.
    ok(&ct, "DeleteEventDataStore", json!({"EventDataStore": ids[0]})).await;
    make(&ct, json!({"Name": "eleventh"})).await;
    let restore = json!({"EventDataStore": ids[0]});
    refused(&ct, "RestoreEventDataStore", restore, "EventDataStoreMaxLimitExceededException").await;
}

#[tokio::test]
async fn event_configuration_is_kept_and_enrichment_refused() {
    let world = World::new();
    let ct = world.open().await;
    let (arn, id) = make(&ct, json!({"Name": "audit"})).await;
    let one = json!({"EventDataStore": id});
    let shown = |size: &str| json!({"EventDataStoreArn": arn, "MaxEventSize": size, "ContextKeySelectors": []});
    assert_eq!(ok(&ct, "GetEventConfiguration", one.clone()).await, shown("Standard"));
    let large = json!({"EventDataStore": id, "MaxEventSize": "Large"});
    assert_eq!(ok(&ct, "PutEventConfiguration", large).await, shown("Large"));
    assert_eq!(ok(&ct, "GetEventConfiguration", one).await, shown("Large"));
    let enrich = json!({"EventDataStore": id, "MaxEventSize": "Large",
        "ContextKeySelectors": [{"Type": "TagContext", "Equals": ["team"]}]});
    refused(&ct, "PutEventConfiguration", enrich, "UnsupportedOperationException: TagContext").await;
    refused(&ct, "GetEventConfiguration", json!({}), "InvalidParameterCombinationException").await;
    ok(&ct, "CreateTrail", json!({"Name": "audit", "S3BucketName": "logs"})).await;
    let of_trail = ok(&ct, "GetEventConfiguration", json!({"TrailName": "audit"})).await;
    assert_eq!(of_trail["TrailARN"], "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit");
}

/// Feeds a selection all of the journal from `from`, and says which records each store took, by the event's ID.
fn replay(world: &World, selection: &mut StoreSelection, from: u64) -> Vec<(String, Vec<StoreId>)> {
    let mut taken = Vec::new();
    for entry in world.journal.read(Seq::new(from), ReadLimit::default()).unwrap() {
        match worker::EntryKind::read(&entry).unwrap() {
            worker::EntryKind::Control(control) => {
                selection.control(entry.seq.get(), &control.topic, &control.document);
            }
            worker::EntryKind::Finish { record, .. } => {
                let mut into = Vec::new();
                selection.select(entry.seq.get(), &record, &mut into);
                let view = record::RecordView::parse(&record).unwrap();
                taken.push((view.event_id.as_deref().unwrap().to_owned(), into));
            }
            worker::EntryKind::Begin { .. } | worker::EntryKind::Data(_) => {}
        }
    }
    taken
}

#[tokio::test]
async fn stores_take_what_they_select_by_place_in_the_journal() {
    let world = World::new();
    let ct = world.open().await;
    world.event("before", EAST).await;
    let (_, all) = make(&ct, json!({"Name": "all", "TerminationProtectionEnabled": false})).await;
    let (_, home) = make(&ct, json!({"Name": "home", "MultiRegionEnabled": false})).await;
    let only = json!([{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]},
        {"Field": "eventSource", "Equals": ["iam.amazonaws.com"]}]}]);
    make(&ct, json!({"Name": "iam", "AdvancedEventSelectors": only})).await;
    make(&ct, json!({"Name": "idle", "StartIngestion": false})).await;
    world.event("east", EAST).await;
    world.event("west", WEST).await;
    let middle = world.journal.durable_end().get();
    ok(&ct, "StopEventDataStoreIngestion", json!({"EventDataStore": home})).await;
    world.event("stopped", EAST).await;
    ok(&ct, "DeleteEventDataStore", json!({"EventDataStore": all})).await;
    world.event("deleted", EAST).await;

    let (all, home) = (StoreId::parse(&all).unwrap(), StoreId::parse(&home).unwrap());
    let mut both = vec![all.clone(), home];
    both.sort();
    let expected: Vec<(&str, Vec<StoreId>)> = vec![
        ("before", Vec::new()),
        ("east", both),
        ("west", vec![all.clone()]),
        ("stopped", vec![all]),
        ("deleted", Vec::new()),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(id, stores)| (id.to_owned(), stores)).collect();
    assert_eq!(replay(&world, &mut StoreSelection::new("123456789012".into()), 1), expected);

    // Saved in between and restored, it goes on as if nothing had been; entries that come twice change nothing.
    let mut first = StoreSelection::new("123456789012".into());
    let end = world.journal.durable_end().get();
    for entry in world.journal.read(Seq::new(1), ReadLimit::default()).unwrap().iter().filter(|e| e.seq.get() < middle)
    {
        if let worker::EntryKind::Control(control) = worker::EntryKind::read(entry).unwrap() {
            first.control(entry.seq.get(), &control.topic, &control.document);
        }
    }
    let mut second = StoreSelection::new("123456789012".into());
    second.restore(&first.save()).unwrap();
    assert_eq!(replay(&world, &mut second, middle), expected[3..]);
    let saved = second.save();
    assert!(end > middle);
    replay(&world, &mut second, 1);
    assert_eq!(second.save(), saved, "old changes are passed over");
    assert!(StoreSelection::new("123456789012".into()).restore(b"{").is_err());
}

#[tokio::test]
async fn a_crash_at_any_step_leaves_a_store_whole_or_absent() {
    for step in 1..12 {
        let world = World::new();
        let ct = world.open().await;
        world.fuse.set(step);
        let create = json!({"Name": "audit"});
        let done = tokio::select! {
            biased;
            done = run(&ct, EAST, "CreateEventDataStore", create.clone()) => Some(done.unwrap()),
            () = world.fuse.blown.notified() => None,
        };
        world.fuse.set(0);
        let ct = world.open().await;
        let listed = ok(&ct, "ListEventDataStores", json!({})).await;
        let count = listed["EventDataStores"].as_array().unwrap().len();
        assert_eq!(world.event_stores.retention().len(), count, "step {step}: no store of records without an owner");
        assert!(done.is_none() || count == 1, "step {step}");
        // What is listed is in the journal.
        world.event("e", EAST).await;
        let taken = replay(&world, &mut StoreSelection::new("123456789012".into()), 1);
        assert_eq!(taken[0].1.len(), count, "step {step}");
        if count == 0 {
            ok(&ct, "CreateEventDataStore", create).await;
        }
    }
}
