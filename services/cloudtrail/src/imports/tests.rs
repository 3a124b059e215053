//! The operations of imports as a client sees them, over generated files in a bucket.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::{Region, Timestamp};
use bytes::Bytes;
use generate::{Plan, World as Generated};
use ports::lake::{Appended, EventStores, Find, Found, NewRecord, StoreStats};
use ports::{Buckets, ServicePut, StoreId, Unavailable};
use serde_json::{Value, json};
use service::ApiError;
use tokio::sync::watch;

use super::{Destination, Destinations, parse_uri};
use crate::CloudTrail;
use crate::testing::{ACCOUNT, World, run};

const STORE: &str = "f85bd3a4-1c5e-4b8c-9d2f-0123456789ab";
const ARN: &str = "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/f85bd3a4-1c5e-4b8c-9d2f-0123456789ab";
const RECORDS: u64 = 600;

/// One store of records, which can be held up.
struct Kept {
    records: Mutex<BTreeSet<Bytes>>,
    open: watch::Sender<bool>,
}

impl Kept {
    fn new(open: bool) -> Arc<Kept> {
        Arc::new(Kept { records: Mutex::default(), open: watch::Sender::new(open) })
    }

    fn count(&self) -> u64 {
        self.records.lock().unwrap().len() as u64
    }
}

#[async_trait]
impl EventStores for Kept {
    async fn create(&self, _: &StoreId, _: u32) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn set_retention(&self, _: &StoreId, _: u32) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn remove(&self, _: &StoreId) -> Result<(), Unavailable> {
        Ok(())
    }

    fn stores(&self) -> Vec<StoreId> {
        Vec::new()
    }

    async fn append(&self, store: &StoreId, records: Vec<NewRecord>) -> Result<Appended, Unavailable> {
        assert_eq!(store.as_str(), STORE);
        let _ = self.open.subscribe().wait_for(|open| *open).await;
        let (mut appended, mut kept) = (Appended::default(), self.records.lock().unwrap());
        for record in records {
            let is_new = kept.insert(record.json);
            appended.kept += u64::from(is_new);
            appended.duplicate += u64::from(!is_new);
        }
        Ok(appended)
    }

    async fn visible(&self, _: u64) {}

    fn durable(&self) -> u64 {
        0
    }

    async fn flush(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn find(&self, _: &StoreId, _: Find) -> Result<Found, Unavailable> {
        Ok(Found::default())
    }

    fn stats(&self, _: &StoreId) -> Option<StoreStats> {
        None
    }
}

/// Knows one event data store.
struct One;

#[async_trait]
impl Destinations for One {
    async fn import_destination(&self, named: &str, _: Region) -> Result<Destination, ApiError> {
        if named != ARN && named != STORE {
            return Err(ApiError::new("EventDataStoreNotFoundException", 400, "not found"));
        }
        Ok(Destination { arn: ARN.to_owned(), store: StoreId::parse(STORE).unwrap() })
    }
}

fn plan() -> Plan {
    Plan {
        records: RECORDS,
        days: 1,
        start: Timestamp::parse_iso8601("2025-03-03T00:00:00Z").unwrap(),
        seed: 11,
        accounts: 1,
        attack: false,
        organization: None,
        digest_bucket: Some("logs".to_owned()),
    }
}

async fn put(world: &World, key: &str, body: Bytes) {
    let put = ServicePut {
        principal: "cloudtrail.amazonaws.com".to_owned(),
        source_arn: String::new(),
        source_account: ACCOUNT.to_owned(),
        bucket: "other".to_owned(),
        key: key.to_owned(),
        body,
        acl: "bucket-owner-full-control".to_owned(),
        content_type: None,
        content_encoding: None,
        metadata: Vec::new(),
        kms_key: None,
    };
    world.buckets.put(put).await.unwrap();
}

/// A bucket with files; how many.
async fn filled(world: &World) -> u64 {
    let generated = Generated::new(plan()).unwrap();
    let mut files = Vec::new();
    for cell in generated.cells() {
        let made = generated.make(cell, |file| -> Result<(), Infallible> {
            files.push(file);
            Ok(())
        });
        made.unwrap();
    }
    for file in &files {
        put(world, &file.key, Bytes::from(file.gzip.clone())).await;
    }
    // What is not imported: Insights, other services, digests.
    let day = "us-east-1/2025/03/03";
    for key in [
        format!(
            "AWSLogs/{ACCOUNT}/CloudTrail-Insight/{day}/{ACCOUNT}_CloudTrail-Insight_us-east-1_20250303T1000Z_9nYN7gp2eWAJHIfT.json.gz"
        ),
        format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest/{day}/x.json.gz"),
        format!("AWSLogs/{ACCOUNT}/Config/{day}/x.json.gz"),
    ] {
        put(world, &key, Bytes::from_static(b"{}")).await;
    }
    files.len() as u64
}

async fn opened(world: &World, kept: &Arc<Kept>) -> Arc<CloudTrail> {
    let cloudtrail = world.open().await;
    cloudtrail.imports().provide(Arc::new(One), Arc::clone(kept) as Arc<dyn EventStores>).await.unwrap();
    cloudtrail
}

fn source(uri: &str) -> Value {
    json!({"S3": {"S3LocationUri": uri, "S3BucketRegion": "us-east-1",
        "S3BucketAccessRoleArn": "arn:aws:iam::123456789012:role/import"}})
}

fn new_import() -> Value {
    json!({"Destinations": [ARN], "ImportSource": source("s3://other/AWSLogs/")})
}

async fn ask(cloudtrail: &Arc<CloudTrail>, operation: &str, input: Value) -> Value {
    run(cloudtrail, "us-east-1", operation, input).await.unwrap()
}

async fn refusal(cloudtrail: &Arc<CloudTrail>, operation: &str, input: Value) -> String {
    run(cloudtrail, "us-east-1", operation, input).await.unwrap_err().code.into_owned()
}

/// The import when it has this status.
async fn when(cloudtrail: &Arc<CloudTrail>, id: &Value, status: &str) -> Value {
    for _ in 0..100_000 {
        let import = ask(cloudtrail, "GetImport", json!({"ImportId": id})).await;
        if import["ImportStatus"] == status {
            return import;
        }
        tokio::task::yield_now().await;
    }
    panic!("the import does not become {status}");
}

#[tokio::test]
async fn an_import_brings_every_event_of_the_trail_and_says_so() {
    let (world, kept) = (World::new(), Kept::new(true));
    let files = filled(&world).await;
    let cloudtrail = opened(&world, &kept).await;
    let started = ask(&cloudtrail, "StartImport", new_import()).await;
    assert_eq!(started["ImportStatus"], "INITIALIZING");
    assert_eq!(started["Destinations"], json!([ARN]));
    assert_eq!(started["ImportSource"], source("s3://other/AWSLogs/"));
    let done = when(&cloudtrail, &started["ImportId"], "COMPLETED").await;
    assert_eq!(kept.count(), RECORDS);
    let statistics = &done["ImportStatistics"];
    assert_eq!(statistics["FilesCompleted"], files);
    assert_eq!(statistics["EventsCompleted"], RECORDS);
    assert_eq!((&statistics["PrefixesFound"], &statistics["PrefixesCompleted"]), (&json!(4), &json!(4)));
    assert_eq!(statistics["FailedEntries"], 0);
    let listed = ask(&cloudtrail, "ListImports", json!({"ImportStatus": "COMPLETED", "Destination": ARN})).await;
    assert_eq!(listed["Imports"][0]["ImportId"], started["ImportId"]);
    assert_eq!(ask(&cloudtrail, "ListImports", json!({"ImportStatus": "FAILED"})).await["Imports"], json!([]));
    let failures = ask(&cloudtrail, "ListImportFailures", json!({"ImportId": started["ImportId"]})).await;
    assert_eq!(failures["Failures"], json!([]));
    let code = refusal(&cloudtrail, "StopImport", json!({"ImportId": started["ImportId"]})).await;
    assert_eq!(code, "InvalidParameterException");
}

#[tokio::test]
async fn files_that_fail_are_listed_and_a_retry_reads_them_alone() {
    let (world, kept) = (World::new(), Kept::new(true));
    let files = filled(&world).await;
    let bad = ["a", "b"].map(|name| format!("AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2025/03/03/{name}.json.gz"));
    for key in &bad {
        put(&world, key, Bytes::from_static(b"damaged")).await;
    }
    let cloudtrail = opened(&world, &kept).await;
    let id = ask(&cloudtrail, "StartImport", new_import()).await["ImportId"].clone();
    let failed = when(&cloudtrail, &id, "FAILED").await;
    assert_eq!(failed["ImportStatistics"]["FailedEntries"], 2);
    assert_eq!(failed["ImportStatistics"]["FilesCompleted"], files);
    let page = ask(&cloudtrail, "ListImportFailures", json!({"ImportId": id, "MaxResults": 1})).await;
    assert_eq!(page["Failures"][0]["Location"], format!("s3://other/{}", bad[0]));
    assert_eq!(page["Failures"][0]["Status"], "FAILED");
    assert!(page["Failures"][0]["ErrorMessage"].as_str().unwrap().contains("JSON"));
    let next = json!({"ImportId": id, "MaxResults": 1, "NextToken": page["NextToken"]});
    let page = ask(&cloudtrail, "ListImportFailures", next).await;
    assert_eq!(page["Failures"][0]["Location"], format!("s3://other/{}", bad[1]));
    assert_eq!(page.get("NextToken"), None);

    // One is repaired.
    world.buckets.repair("other", &bad[0], Bytes::from_static(br#"{"Records":[{"eventID":"repaired"}]}"#));
    ask(&cloudtrail, "StartImport", json!({"ImportId": id})).await;
    when(&cloudtrail, &id, "FAILED").await;
    assert_eq!(kept.count(), RECORDS + 1);
    let all = ask(&cloudtrail, "ListImportFailures", json!({"ImportId": id})).await;
    assert_eq!((&all["Failures"][0]["Status"], &all["Failures"][1]["Status"]), (&json!("SUCCEEDED"), &json!("FAILED")));
}

#[tokio::test]
async fn there_is_one_import_at_a_time_and_stopping_ends_it() {
    let (world, kept) = (World::new(), Kept::new(false));
    filled(&world).await;
    let cloudtrail = opened(&world, &kept).await;
    let id = ask(&cloudtrail, "StartImport", new_import()).await["ImportId"].clone();
    when(&cloudtrail, &id, "IN_PROGRESS").await;
    assert_eq!(refusal(&cloudtrail, "StartImport", new_import()).await, "AccountHasOngoingImportException");
    let retry = json!({"ImportId": id});
    assert_eq!(refusal(&cloudtrail, "StartImport", retry.clone()).await, "AccountHasOngoingImportException");
    let (stopping, asked) = (Arc::clone(&cloudtrail), retry.clone());
    let stop = tokio::spawn(async move { ask(&stopping, "StopImport", asked).await });
    tokio::task::yield_now().await;
    kept.open.send_replace(true);
    let stopped = stop.await.unwrap();
    assert!(matches!(stopped["ImportStatus"].as_str(), Some("STOPPED" | "COMPLETED")), "{stopped}");
    ask(&cloudtrail, "StartImport", retry).await;
    when(&cloudtrail, &id, "COMPLETED").await;
    assert_eq!(kept.count(), RECORDS);
}

#[tokio::test]
async fn what_a_crash_cut_off_goes_on_by_itself() {
    let (world, kept) = (World::new(), Kept::new(false));
    filled(&world).await;
    let id = {
        let cloudtrail = opened(&world, &kept).await;
        let id = ask(&cloudtrail, "StartImport", new_import()).await["ImportId"].clone();
        when(&cloudtrail, &id, "IN_PROGRESS").await;
        id
    };
    // The task of the first run waits for ever: another store has nothing of it.
    let other = Kept::new(true);
    let cloudtrail = opened(&world, &other).await;
    when(&cloudtrail, &id, "COMPLETED").await;
    assert_eq!(other.count(), RECORDS);
}

#[tokio::test]
async fn what_a_failure_of_the_tables_cut_off_goes_on_in_the_next_round() {
    // Whichever commit of an import is done but answered with a failure: its beginning, its files, its end.
    for commit in 1.. {
        let (world, kept) = (World::new(), Kept::new(true));
        let files = filled(&world).await;
        let cloudtrail = opened(&world, &kept).await;
        world.fuse.deny_commit(commit);
        let _ = run(&cloudtrail, "us-east-1", "StartImport", new_import()).await;
        let import = async {
            for _ in 0..1_000 {
                // As it is called every few seconds.
                cloudtrail.imports().go_on().await.unwrap();
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                let import = ask(&cloudtrail, "ListImports", json!({})).await["Imports"][0].clone();
                if matches!(import["ImportStatus"].as_str(), Some("COMPLETED" | "FAILED")) {
                    return import;
                }
            }
            panic!("after a failure of commit {commit} the import does not end");
        };
        let import = import.await;
        if import["ImportStatus"] == "FAILED" {
            // The import itself met the failure: it says so, and can be tried again.
            ask(&cloudtrail, "StartImport", json!({"ImportId": import["ImportId"]})).await;
        }
        let done = when(&cloudtrail, &import["ImportId"], "COMPLETED").await;
        assert_eq!((kept.count(), &done["ImportStatistics"]["FilesCompleted"]), (RECORDS, &json!(files)));
        if world.fuse.denies() {
            assert!(commit > 3, "{commit} commits");
            break;
        }
        world.fuse.deny_commit(0);
    }
}

#[tokio::test]
async fn times_bound_what_is_imported() {
    let (world, kept) = (World::new(), Kept::new(true));
    filled(&world).await;
    let cloudtrail = opened(&world, &kept).await;
    let noon = Timestamp::parse_iso8601("2025-03-03T12:00:00Z").unwrap();
    let mut input = new_import();
    input["StartEventTime"] = json!(noon.ms());
    let id = ask(&cloudtrail, "StartImport", input).await["ImportId"].clone();
    let done = when(&cloudtrail, &id, "COMPLETED").await;
    assert_eq!(done["ImportStatistics"]["EventsCompleted"], kept.count());
    assert!((1..RECORDS).contains(&kept.count()));
    let early = noon.iso8601_secs();
    for record in kept.records.lock().unwrap().iter() {
        let record: Value = serde_json::from_slice(record).unwrap();
        assert!(record["eventTime"].as_str().unwrap() >= early.as_str());
    }
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused_in_the_words_of_aws() {
    let (world, kept) = (World::new(), Kept::new(true));
    let unready = world.open().await;
    assert_eq!(refusal(&unready, "StartImport", new_import()).await, "UnsupportedOperationException");
    let cloudtrail = opened(&world, &kept).await;
    let with = |uri: &str, name: &str, value: &str| {
        let mut input = new_import();
        input["ImportSource"] = source(uri);
        if !name.is_empty() {
            input["ImportSource"]["S3"][name] = json!(value);
        }
        input
    };
    let unknown = json!({"ImportId": STORE});
    for (operation, input, code) in [
        ("StartImport", json!({}), "InvalidParameterException"),
        ("StartImport", json!({"Destinations": [ARN]}), "InvalidParameterException"),
        ("StartImport", json!({"ImportSource": source("s3://other")}), "InvalidParameterException"),
        ("StartImport", json!({"ImportId": STORE, "Destinations": [ARN]}), "InvalidParameterException"),
        ("StartImport", with("s3://nowhere/", "", ""), "InvalidImportSourceException"),
        ("StartImport", with("other/AWSLogs", "", ""), "InvalidImportSourceException"),
        ("StartImport", with("s3://other", "S3BucketRegion", "moon-1"), "InvalidImportSourceException"),
        ("StartImport", with("s3://other", "S3BucketRegion", "eu-west-1"), "InvalidImportSourceException"),
        ("StartImport", with("s3://other", "S3BucketAccessRoleArn", "role"), "InvalidImportSourceException"),
        (
            "StartImport",
            json!({"Destinations": ["arn:x"], "ImportSource": source("s3://other")}),
            "EventDataStoreNotFoundException",
        ),
        ("StartImport", unknown.clone(), "ImportNotFoundException"),
        ("GetImport", unknown.clone(), "ImportNotFoundException"),
        ("StopImport", unknown.clone(), "ImportNotFoundException"),
        ("ListImports", json!({"NextToken": "nope"}), "InvalidNextTokenException"),
        ("ListImports", json!({"NextToken": "6162"}), "InvalidNextTokenException"),
        ("ListImportFailures", json!({"ImportId": STORE, "NextToken": "nope"}), "InvalidNextTokenException"),
    ] {
        assert_eq!(refusal(&cloudtrail, operation, input.clone()).await, code, "{operation} {input}");
    }
    let mut backwards = new_import();
    (backwards["StartEventTime"], backwards["EndEventTime"]) = (json!(2_000), json!(1_000));
    assert_eq!(refusal(&cloudtrail, "StartImport", backwards).await, "InvalidParameterException");
    assert_eq!(ask(&cloudtrail, "ListImports", json!({})).await["Imports"], json!([]));
}

#[test]
fn uris_name_a_bucket_and_a_folder() {
    let check = |uri: &str, expected: Option<(&str, &str)>| {
        let parsed = parse_uri(uri);
        assert_eq!(parsed.as_ref().map(|(bucket, prefix)| (*bucket, prefix.as_str())), expected, "{uri}");
    };
    check("s3://b", Some(("b", "")));
    check("s3://b/", Some(("b", "")));
    check("s3://b/p/q", Some(("b", "p/q/")));
    check("s3://b/p//", Some(("b", "p/")));
    for bad in ["", "b", "s3://", "s3:///p", "https://b/p", "s3://b//p"] {
        check(bad, None);
    }
}
