//! The service as it runs: consumers in a crew, workers by themselves.

use std::sync::Arc;

use serde_json::json;
use worker::Crew;

use crate::CloudTrail;
use crate::testing::{World, run};

async fn started(world: &World) -> (Arc<CloudTrail>, Crew) {
    let ct = world.open().await;
    let deps = world.deps();
    let crew = Crew::new(deps.journal, deps.env);
    let (delivery, history, _logs) = ct.consumers().await.unwrap();
    crew.add(delivery);
    crew.add(history);
    (ct, crew)
}

fn keys(world: &World, part: &str) -> Vec<String> {
    let buckets = world.buckets.buckets.lock().unwrap();
    buckets["logs"].keys().filter(|key| key.contains(part)).cloned().collect()
}

const LOGS: &str =
    "AWSLogs/123456789012/CloudTrail/us-east-1/2026/03/01/123456789012_CloudTrail_us-east-1_20260301T1200Z_";
const DIGESTS: &str = "AWSLogs/123456789012/CloudTrail-Digest/us-east-1/2026/03/01/123456789012_CloudTrail-Digest_us-east-1_audit_us-east-1_2026";

#[tokio::test]
async fn a_flush_delivers_what_was_recorded_before_it() {
    let world = World::new();
    let (ct, crew) = started(&world).await;
    let call = async |op: &str, input| run(&ct, "us-east-1", op, input).await.unwrap();
    call("CreateTrail", json!({"Name": "audit", "S3BucketName": "logs", "EnableLogFileValidation": true})).await;
    call("StartLogging", json!({"Name": "audit"})).await;
    world.event("one", "us-east-1").await;
    let report = ct.flush(false).await.unwrap();
    assert_eq!((report.files_delivered, report.failed), (1, Vec::new()));
    assert_eq!(keys(&world, LOGS).len(), 1);
    assert!(keys(&world, DIGESTS).is_empty());
    assert_eq!(ct.flush(true).await.unwrap().files_delivered, 0);
    assert_eq!(keys(&world, DIGESTS).len(), 1);
    let found = call("LookupEvents", json!({})).await;
    assert_eq!(found["Events"][0]["EventId"], "one");
    world.event("two", "us-east-1").await;
    // What was recorded before a trail is deleted is delivered, then the record of that very call, then the last digest.
    call("DeleteTrail", json!({"Name": "audit"})).await;
    ct.flush(false).await.unwrap();
    assert_eq!((keys(&world, LOGS).len(), keys(&world, DIGESTS).len()), (3, 2));
    crew.stop().await;
}

#[tokio::test]
async fn a_stop_delivers_and_a_refusal_is_reported() {
    let world = World::new();
    let (ct, crew) = started(&world).await;
    let call = async |op: &str, input| run(&ct, "us-east-1", op, input).await.unwrap();
    for (name, bucket) in [("audit", "logs"), ("lost", "other")] {
        call("CreateTrail", json!({"Name": name, "S3BucketName": bucket})).await;
        call("StartLogging", json!({"Name": name})).await;
    }
    world.buckets.refuse("other", Some(ports::BucketError::NoSuchBucket));
    world.event("one", "us-east-1").await;
    let report = ct.flush(false).await.unwrap();
    assert_eq!(report.files_delivered, 1);
    assert_eq!(report.failed.len(), 1);
    assert!(report.failed[0].0.ends_with("trail/lost") && report.failed[0].1 == "NoSuchBucket", "{report:?}");
    let status = call("GetTrailStatus", json!({"Name": "lost"})).await;
    assert_eq!(status["LatestDeliveryError"], "NoSuchBucket");
    world.event("two", "us-east-1").await;
    world.buckets.refuse("other", None);
    crew.stop().await;
    assert_eq!(keys(&world, LOGS).len(), 2);
    assert_eq!(world.buckets.buckets.lock().unwrap()["other"].len(), 2);
}
