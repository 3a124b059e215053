//! What a bucket refuses for 30 days is given up, and the loss is in the journal, once.

use std::sync::Arc;

use base::time::{DAY_MS, HOUR_MS};
use journal::{Journal, ReadLimit, Seq};
use ports::BucketError;
use record::RecordView;
use serde_json::{Value, json};
use worker::{Consumer, EntryKind};

use super::worker::Stuck;
use crate::CloudTrail;
use crate::stepped::Stepped;
use crate::testing::{START_MS, World};

/// The events of this name in the journal.
fn events(world: &World, name: &str) -> Vec<Value> {
    let all = ReadLimit { max_bytes: usize::MAX, max_entries: usize::MAX };
    let entries = world.journal.read(Seq::FIRST, all).unwrap();
    let records = entries.iter().filter_map(|entry| match EntryKind::read(entry).unwrap() {
        EntryKind::Finish { record, .. } => Some(record),
        _ => None,
    });
    let named = records.filter(|record| RecordView::parse(record).unwrap().event_name() == name);
    named.map(|record| serde_json::from_slice(&record).unwrap()).collect()
}

const LOST: &str = "LogFilesNotDelivered";
const LOST_DIGEST: &str = "DigestFileNotDelivered";

async fn start(world: &World, validation: bool) -> Stepped {
    let stepped = Stepped::open(world).await;
    let settings = json!({"Name": "audit", "S3BucketName": "logs", "EnableLogFileValidation": validation});
    stepped.call("CreateTrail", settings).await;
    stepped.call("StartLogging", json!({"Name": "audit"})).await;
    stepped
}

async fn outbox(world: &World) -> usize {
    use state::State;
    world.state.scan(crate::rows::OUTBOX, state::Range::all(), 100).await.unwrap().len()
}

#[tokio::test]
async fn files_are_given_up_after_30_days_and_the_loss_is_an_event() {
    let world = World::new();
    let mut stepped = start(&world, false).await;
    world.buckets.refuse("logs", Some(BucketError::AccessDenied));
    world.event("one", "us-east-1").await;
    world.event("two", "us-east-1").await;
    assert_eq!(stepped.round(&world).await, [Stuck::Bucket(BucketError::AccessDenied)]);
    stepped.days(&world, 10).await;
    world.event("three", "us-east-1").await;
    stepped.days(&world, 19).await;
    assert_eq!((outbox(&world).await, events(&world, LOST).len()), (2, 0));
    stepped.days(&world, 1).await;
    let lost = events(&world, LOST);
    assert_eq!(lost.len(), 1);
    let event = &lost[0];
    let details = &event["serviceEventDetails"];
    assert_eq!(event["eventType"], "AwsServiceEvent");
    assert_eq!(event["awsRegion"], "us-east-1");
    assert_eq!(event["resources"][0]["ARN"], "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit");
    assert_eq!(details["trailARN"], "arn:aws:cloudtrail:us-east-1:123456789012:trail/audit");
    assert_eq!((&details["s3Bucket"], &details["errorCode"]), (&json!("logs"), &json!("AccessDenied")));
    assert_eq!((&details["logFileCount"], &details["recordCount"]), (&json!(1), &json!(2)));
    assert_eq!(details["oldestEventTime"], "2026-03-01T12:00:00Z");
    let key = details["logFiles"][0]["s3Object"].as_str().unwrap();
    assert!(key.starts_with("AWSLogs/123456789012/CloudTrail/us-east-1/2026/03/01/"), "{key}");
    let status = stepped.call("GetTrailStatus", json!({"Name": "audit"})).await;
    assert_eq!(status["LatestDeliveryError"], "AccessDenied");
    use objects::Objects;
    assert_eq!(world.objects.list("delivery/", None, 10).await.unwrap().len(), outbox(&world).await);
    // What is younger waits on, and the event itself is delivered with it.
    world.buckets.refuse("logs", None);
    assert_eq!(stepped.round(&world).await, []);
    let stored: Vec<String> = world.buckets.buckets.lock().unwrap()["logs"]
        .values()
        .map(|(body, _)| String::from_utf8(record::file::inflate(body, 1 << 20).unwrap()).unwrap())
        .collect();
    assert!(!stored.iter().any(|text| text.contains("\"two\"")));
    assert!(stored.iter().any(|text| text.contains("\"three\"")));
    assert!(stored.iter().any(|text| text.contains(LOST)));
    let mut figures = Vec::new();
    ports::Figures::figures(&*stepped.ct, &mut figures);
    let value = |name: &str| figures.iter().find(|figure| figure.name == name).unwrap().value.clone();
    assert_eq!(value("cairn_trail_log_files_given_up_total"), ports::FigureValue::Counter(1.0));
    assert_eq!(value("cairn_trail_log_files_waiting"), ports::FigureValue::Gauge(0.0));
    assert_eq!(value("cairn_trail_records_selected_total"), ports::FigureValue::Counter(4.0));
    assert_eq!(value("cairn_trail_records_delivered_total"), ports::FigureValue::Counter(2.0));
}

#[tokio::test]
async fn a_clock_that_jumps_or_a_server_that_was_off_makes_nothing_old() {
    let world = World::new();
    let mut stepped = start(&world, false).await;
    world.buckets.refuse("logs", Some(BucketError::NoSuchBucket));
    world.event("one", "us-east-1").await;
    stepped.round(&world).await;
    world.clock.advance(365 * DAY_MS);
    stepped.round(&world).await;
    world.clock.advance(365 * DAY_MS);
    stepped = Stepped::open(&world).await;
    stepped.days(&world, 20).await;
    assert_eq!((outbox(&world).await, events(&world, LOST).len()), (1, 0));
    // Storage of our own that fails may have done what it was asked for: nothing is given up for that.
    world.buckets.refuse("logs", Some(BucketError::Unavailable("disk".to_owned())));
    stepped.days(&world, 40).await;
    assert_eq!((outbox(&world).await, events(&world, LOST).len()), (1, 0));
    world.buckets.refuse("logs", None);
    assert_eq!(stepped.round(&world).await, []);
    assert_eq!(outbox(&world).await, 0);
}

#[tokio::test]
async fn a_deleted_trail_whose_bucket_is_gone_ends() {
    let world = World::new();
    let mut stepped = start(&world, true).await;
    world.event("one", "us-east-1").await;
    assert_eq!(stepped.round(&world).await, []);
    world.buckets.refuse("logs", Some(BucketError::NoSuchBucket));
    world.event("two", "us-east-1").await;
    stepped.call("DeleteTrail", json!({"Name": "audit"})).await;
    stepped.days(&world, 32).await;
    assert_eq!((outbox(&world).await, events(&world, LOST).len()), (0, 1));
    // Its last digest goes the same way, later.
    stepped.days(&world, 32).await;
    let lost = events(&world, LOST_DIGEST);
    assert_eq!(lost.len(), 1);
    let digest = lost[0]["serviceEventDetails"]["digestS3Object"].as_str().unwrap();
    assert!(digest.contains("/CloudTrail-Digest/us-east-1/"), "{digest}");
    assert_eq!(stepped.round(&world).await, []);
    world.clock.advance(2 * HOUR_MS);
    stepped.delivery.idle().await.unwrap();
    use crate::rows::{CHAIN_ENDS, CHAINS, DELIVERED, GIVEN_UP, OUTBOX, STATUS};
    use state::State;
    for table in [CHAIN_ENDS, CHAINS, DELIVERED, GIVEN_UP, OUTBOX, STATUS] {
        assert_eq!(world.state.scan(table, state::Range::all(), 10).await.unwrap(), [], "{table}");
    }
}

#[tokio::test]
async fn a_digest_that_is_given_up_leaves_a_chain_that_goes_on() {
    let world = World::new();
    let mut stepped = start(&world, true).await;
    let digests = || {
        let buckets = world.buckets.buckets.lock().unwrap();
        let stored = buckets["logs"].iter().filter(|(key, _)| key.contains("/CloudTrail-Digest/"));
        let read =
            stored.map(|(_, (body, _))| record::Digest::parse(&record::file::inflate(body, 1 << 20).unwrap()).unwrap());
        read.collect::<Vec<_>>()
    };
    stepped.days(&world, 1).await;
    let first = digests().pop().unwrap();
    world.buckets.refuse("logs:/CloudTrail-Digest/", Some(BucketError::AccessDenied));
    world.event("one", "us-east-1").await;
    stepped.days(&world, 31).await;
    let lost = events(&world, LOST_DIGEST);
    assert_eq!(lost.len(), 1);
    let named = &lost[0]["serviceEventDetails"]["logFiles"][0]["s3Object"];
    assert!(world.buckets.buckets.lock().unwrap()["logs"].contains_key(named.as_str().unwrap()));
    world.buckets.refuse("logs:/CloudTrail-Digest/", None);
    stepped.days(&world, 1).await;
    let after = digests();
    assert_eq!(after[1].previous_digest_s3_object, Some(first.digest_s3_object));
    assert_ne!(after[1].digest_start_time, first.digest_end_time, "what was lost shows as a gap");
}

#[tokio::test]
async fn a_loss_is_recorded_once_whatever_crashes() {
    for step in 1.. {
        let world = World::new();
        let mut stepped = start(&world, false).await;
        world.buckets.refuse("logs", Some(BucketError::NoSuchBucket));
        world.event("one", "us-east-1").await;
        world.event("two", "eu-west-1").await;
        stepped.round(&world).await;
        stepped.days(&world, 29).await;
        assert!(events(&world, LOST).is_empty());
        world.fuse.set(step);
        let crashed = tokio::select! {
            biased;
            () = world.fuse.blown.notified() => true,
            () = stepped.days(&world, 2) => false,
        };
        world.fuse.set(0);
        let mut again = Stepped::open(&world).await;
        again.days(&world, 2).await;
        let lost = events(&world, LOST);
        assert_eq!(lost.len(), 1, "a crash at step {step}");
        assert_eq!(lost[0]["serviceEventDetails"]["recordCount"], 1);
        use objects::Objects;
        let waiting = outbox(&world).await;
        assert_eq!(world.objects.list("delivery/", None, 10).await.unwrap().len(), waiting, "a crash at step {step}");
        if !crashed {
            assert!(step > 6, "{step} steps");
            break;
        }
    }
}

#[tokio::test]
async fn what_waits_goes_where_the_trail_points_today() {
    let world = World::new();
    let mut stepped = start(&world, false).await;
    world.buckets.refuse("logs", Some(BucketError::NoSuchBucket));
    world.event("one", "us-east-1").await;
    stepped.round(&world).await;
    stepped.days(&world, 29).await;
    stepped.call("UpdateTrail", json!({"Name": "audit", "S3BucketName": "other", "S3KeyPrefix": "new"})).await;
    assert_eq!(stepped.round(&world).await, []);
    assert_eq!(outbox(&world).await, 0);
    let key = world.buckets.buckets.lock().unwrap()["other"].keys().next().unwrap().clone();
    // The name keeps the time at which the file was finished.
    assert!(key.starts_with("new/AWSLogs/123456789012/CloudTrail/us-east-1/2026/03/01/"), "{key}");
    assert!(world.clock.now_plus_day().ms() > START_MS + 29 * DAY_MS);
    assert!(events(&world, LOST).is_empty());
}

#[tokio::test]
async fn without_recording_a_stopped_trail_ends_at_once() {
    let world = World::new();
    world.options.lock().unwrap().recording = false;
    let mut stepped = start(&world, true).await;
    let (_, stopped) =
        crate::testing::run_unrecorded(&stepped.ct, "us-east-1", "StopLogging", json!({"Name": "audit"})).await;
    stopped.unwrap();
    assert_eq!(stepped.round(&world).await, []);
    assert_eq!(world.buckets.buckets.lock().unwrap()["logs"].len(), 1);
    // One that was left by a run with records: the next start knows that no record will come.
    let world = World::new();
    let mut stepped = start(&world, true).await;
    let (_, stopped) =
        crate::testing::run_unrecorded(&stepped.ct, "us-east-1", "StopLogging", json!({"Name": "audit"})).await;
    stopped.unwrap();
    assert_eq!(stepped.round(&world).await, []);
    assert_eq!(world.buckets.buckets.lock().unwrap()["logs"].len(), 0);
    let mut stepped = Stepped::open(&world).await;
    assert_eq!(stepped.round(&world).await, []);
    assert_eq!(world.buckets.buckets.lock().unwrap()["logs"].len(), 1);
}

#[tokio::test]
async fn a_journal_older_than_the_tables_is_refused() {
    let world = World::new();
    let mut stepped = start(&world, false).await;
    world.event("one", "us-east-1").await;
    stepped.round(&world).await;
    let older = World::new();
    let mut deps = world.deps();
    deps.journal = Arc::new(older.journal.reopen());
    let refused = CloudTrail::new(deps).await.unwrap().consumers().await;
    let error = refused.err().unwrap();
    assert!(error.to_string().contains("the journal ends before 1"), "{error}");
}

#[tokio::test]
async fn a_bucket_that_is_gone_holds_up_no_file_for_another() {
    let world = World::new();
    let mut stepped = start(&world, true).await;
    // An old file waits for a bucket that is gone, a newer one for one that is there; the trail itself is deleted.
    world.event("one", "us-east-1").await;
    world.buckets.refuse("logs", Some(BucketError::NoSuchBucket));
    let entries = world.journal.read(stepped.delivery.needs(), ReadLimit::default()).unwrap();
    stepped.delivery.take(&entries).await.unwrap();
    stepped.call("UpdateTrail", json!({"Name": "audit", "S3BucketName": "other"})).await;
    world.event("two", "us-east-1").await;
    stepped.call("DeleteTrail", json!({"Name": "audit"})).await;
    let entries = world.journal.read(stepped.delivery.needs(), ReadLimit::default()).unwrap();
    stepped.delivery.take(&entries).await.unwrap();
    assert!(outbox(&world).await >= 2);
    stepped.round(&world).await;
    let texts: Vec<String> = world.buckets.buckets.lock().unwrap()["other"]
        .iter()
        .filter(|(key, _)| key.contains("/CloudTrail/"))
        .map(|(_, (body, _))| String::from_utf8(record::file::inflate(body, 1 << 20).unwrap()).unwrap())
        .collect();
    assert!(texts.iter().any(|text| text.contains("\"two\"")), "{texts:?}");
    assert!(!texts.iter().any(|text| text.contains("\"one\"")), "{texts:?}");
    assert_eq!(outbox(&world).await, 1);
}

#[tokio::test]
async fn a_worker_that_was_woken_does_not_go() {
    let world = World::new();
    let ct = world.open().await;
    ct.shared.wake("arn");
    let worker = ct.shared.workers().remove(0);
    assert!(!ct.shared.retire(&worker), "it has something to do");
    assert_eq!(ct.shared.workers().len(), 1);
    // Another one for the same trail is left alone by the first.
    let other = Arc::new(super::worker::TrailWorker::new(Arc::clone(&ct.shared), "arn"));
    assert!(ct.shared.retire(&other));
    assert!(Arc::ptr_eq(&ct.shared.workers()[0], &worker));
}
