//! Trails that tell log groups and topics, over groups and topics of a test's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use journal::{Journal, ReadLimit};
use ports::{HandOver, LogGroups, LogTarget, LogsTaken, Notice, OnBehalf, Topics};
use serde_json::{Value, json};
use worker::Consumer;

use super::LogDelivery;
use crate::testing::{ACCOUNT, World, record_call, run, run_unrecorded};
use crate::{CloudTrail, Watch};

const GROUP: &str = "arn:aws:logs:us-east-1:123456789012:log-group:audit:*";
const ROLE: &str = "arn:aws:iam::123456789012:role/logs";

/// What is in groups, by group and stream; a position that was reached is dropped, as the port says.
#[derive(Default)]
struct Groups {
    events: Mutex<BTreeMap<(String, String), Vec<String>>>,
    reached: Mutex<BTreeMap<(String, String), u64>>,
    refuse: Mutex<Option<HandOver>>,
    refused_groups: Mutex<BTreeSet<String>>,
}

impl Groups {
    fn names(&self, group: &str, stream: &str) -> Vec<String> {
        let key = (group.to_owned(), stream.to_owned());
        self.events.lock().unwrap().get(&key).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl LogGroups for Groups {
    async fn check(&self, _: &LogTarget) -> Result<(), HandOver> {
        self.refuse.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    async fn make(&self, _: &LogTarget) -> Result<(), HandOver> {
        Ok(())
    }

    async fn put(&self, target: &LogTarget, position: u64, events: Vec<(i64, Bytes)>) -> Result<LogsTaken, HandOver> {
        if self.refused_groups.lock().unwrap().contains(&target.group_arn) {
            return Err(HandOver::Denied("no".to_owned()));
        }
        let taken = LogsTaken { taken: events.len(), too_large: 0 };
        let key = (target.by.source_arn.clone(), target.stream.clone());
        let mut reached = self.reached.lock().unwrap();
        if reached.get(&key).is_some_and(|reached| *reached >= position) {
            return Ok(taken);
        }
        reached.insert(key, position);
        let ids = events.iter().map(|(_, record)| {
            let record: Value = serde_json::from_slice(record).unwrap();
            record["eventID"].as_str().unwrap().to_owned()
        });
        let key = (target.group_arn.clone(), target.stream.clone());
        self.events.lock().unwrap().entry(key).or_default().extend(ids);
        Ok(taken)
    }
}

#[derive(Default)]
struct Published {
    notices: Mutex<Vec<Notice>>,
    refuse: Mutex<Option<HandOver>>,
}

#[async_trait]
impl Topics for Published {
    async fn check(&self, _: &OnBehalf, _: &str) -> Result<(), HandOver> {
        self.refuse.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    async fn publish(&self, notice: Notice) -> Result<String, HandOver> {
        if let Some(refused) = self.refuse.lock().unwrap().clone() {
            return Err(refused);
        }
        self.notices.lock().unwrap().push(notice);
        Ok("id".to_owned())
    }
}

async fn world() -> (World, Arc<Groups>, Arc<Published>) {
    let world = World::new();
    let (groups, topics) = (Arc::new(Groups::default()), Arc::new(Published::default()));
    *world.watch.lock().unwrap() = Watch {
        log_groups: Some(Arc::clone(&groups) as Arc<dyn LogGroups>),
        roles: None,
        topics: Some(Arc::clone(&topics) as Arc<dyn Topics>),
    };
    (world, groups, topics)
}

async fn trail(ct: &Arc<CloudTrail>, name: &str, more: Value) {
    let mut input = json!({"Name": name, "S3BucketName": "logs"});
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    run(ct, "us-east-1", "CreateTrail", input).await.unwrap();
    run(ct, "us-east-1", "StartLogging", json!({"Name": name})).await.unwrap();
}

fn to_group(group: &str) -> Value {
    json!({"CloudWatchLogsLogGroupArn": group, "CloudWatchLogsRoleArn": ROLE, "IsMultiRegionTrail": true})
}

/// The keys of the log files in the bucket.
fn log_files(world: &World) -> Vec<String> {
    let buckets = world.buckets.buckets.lock().unwrap();
    buckets["logs"].keys().filter(|key| key.contains("/CloudTrail/us-east-1/")).cloned().collect()
}

/// Takes what is in the journal, so many entries at a time.
async fn take(world: &World, delivery: &mut LogDelivery, at_once: usize) {
    let mut from = delivery.needs();
    loop {
        let entries = world.journal.read(from, ReadLimit::default()).unwrap();
        let Some(last) = entries.last() else { return };
        from = last.seq.next();
        for some in entries.chunks(at_once) {
            delivery.take(some).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_a_trail_selects_is_in_its_group_at_once_and_once() {
    for at_once in [1, 2, 3, 100] {
        let (world, groups, _) = world().await;
        let ct = world.open().await;
        trail(&ct, "trail-one", to_group(GROUP)).await;
        for (id, region) in [("a", "us-east-1"), ("b", "us-east-1"), ("c", "eu-west-1"), ("d", "us-east-1")] {
            world.event(id, region).await;
        }
        let mut delivery = LogDelivery::open(Arc::clone(&ct.shared)).await.unwrap();
        take(&world, &mut delivery, at_once).await;
        let here = format!("{ACCOUNT}_CloudTrail_us-east-1");
        let expected = ["a", "b", "d"];
        assert_eq!(groups.names(GROUP, &here), expected);
        assert_eq!(groups.names(GROUP, &format!("{ACCOUNT}_CloudTrail_eu-west-1")), ["c"]);
        let status = run(&ct, "us-east-1", "GetTrailStatus", json!({"Name": "trail-one"})).await.unwrap();
        assert!(status["LatestCloudWatchLogsDeliveryTime"].is_string(), "{status}");
        // After a crash the same batches come again, and nothing is there twice.
        let mut again = LogDelivery::open(Arc::clone(&ct.shared)).await.unwrap();
        world.event("e", "us-east-1").await;
        take(&world, &mut again, 100).await;
        assert_eq!(groups.names(GROUP, &here), ["a", "b", "d", "e"], "{at_once} at once");
        // The record of the call that ends it all is the last.
        let (request, result) = run_unrecorded(&ct, "us-east-1", "StopLogging", json!({"Name": "trail-one"})).await;
        result.unwrap();
        world.event("late", "us-east-1").await;
        record_call(&ct, "us-east-1", "StopLogging", &request).await;
        take(&world, &mut again, at_once).await;
        assert_eq!(groups.names(GROUP, &here).last().unwrap(), &format!("of-{request}"));
        again.stop().await.unwrap();
        assert_eq!(again.needs(), world.journal.durable_end());
    }
}

#[tokio::test]
async fn a_group_that_refuses_holds_up_no_other_and_misses_nothing() {
    let (world, groups, _) = world().await;
    let ct = world.open().await;
    let other = "arn:aws:logs:us-east-1:123456789012:log-group:other:*";
    trail(&ct, "trail-one", to_group(GROUP)).await;
    trail(&ct, "trail-two", to_group(other)).await;
    let here = format!("{ACCOUNT}_CloudTrail_us-east-1");
    groups.refused_groups.lock().unwrap().insert(GROUP.to_owned());
    let mut delivery = LogDelivery::open(Arc::clone(&ct.shared)).await.unwrap();
    world.event("a", "us-east-1").await;
    take(&world, &mut delivery, 1).await;
    world.event("b", "us-east-1").await;
    take(&world, &mut delivery, 1).await;
    assert_eq!(
        (groups.names(GROUP, &here).len(), groups.names(other, &here)),
        (0, vec!["a".to_owned(), "b".to_owned()])
    );
    let status = run(&ct, "us-east-1", "GetTrailStatus", json!({"Name": "trail-one"})).await.unwrap();
    assert_eq!(status["LatestCloudWatchLogsDeliveryError"], "no");
    // A restart in between: what was missed is read again, what was taken is not there twice.
    let mut delivery = LogDelivery::open(Arc::clone(&ct.shared)).await.unwrap();
    take(&world, &mut delivery, 100).await;
    groups.refused_groups.lock().unwrap().clear();
    world.clock.advance(6_000);
    delivery.idle().await.unwrap();
    assert_eq!(groups.names(GROUP, &here), ["a", "b"]);
    assert_eq!(groups.names(other, &here), ["a", "b"]);
    // What is refused for an hour is given up, and the journal is kept no longer for it.
    groups.refused_groups.lock().unwrap().insert(GROUP.to_owned());
    world.event("c", "us-east-1").await;
    take(&world, &mut delivery, 1).await;
    world.clock.advance(3_700_000);
    delivery.idle().await.unwrap();
    delivery.stop().await.unwrap();
    assert_eq!(delivery.needs(), world.journal.durable_end());
}

#[tokio::test]
async fn settings_are_refused_in_aws_words() {
    let (world, groups, topics) = world().await;
    let ct = world.open().await;
    let check = async |more: Value, code: &str, text: &str| {
        let mut input = json!({"Name": "trail-one", "S3BucketName": "logs"});
        for (key, value) in more.as_object().unwrap() {
            input[key] = value.clone();
        }
        let error = run(&ct, "us-east-1", "CreateTrail", input).await.unwrap_err();
        assert_eq!((error.code.as_ref(), error.message.as_str()), (code, text));
    };
    let (group, role) = ("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn");
    let (bad_group, bad_role) = ("InvalidCloudWatchLogsLogGroupArnException", "InvalidCloudWatchLogsRoleArnException");
    check(json!({group: GROUP}), bad_role, "You must specify a role ARN as well as a log group.").await;
    check(json!({role: ROLE}), bad_group, "You must specify a log group as well as a role ARN.").await;
    let cannot = "Check the log group ARN: CloudTrail can't validate it.";
    check(json!({group: GROUP.trim_end_matches(":*"), role: ROLE}), bad_group, cannot).await;
    check(json!({group: GROUP.replace("us-east-1", "eu-west-1"), role: ROLE}), bad_group, cannot).await;
    *groups.refuse.lock().unwrap() = Some(HandOver::Denied(String::new()));
    check(json!({group: GROUP, role: ROLE}), bad_group, "Access denied. Check the permissions for your role.").await;
    *groups.refuse.lock().unwrap() = Some(HandOver::NotFound(String::new()));
    check(json!({group: GROUP, role: ROLE}), bad_group, cannot).await;
    *topics.refuse.lock().unwrap() = Some(HandOver::Denied(String::new()));
    let text = "SNS Topic does not exist or the topic policy is incorrect!";
    check(json!({"SnsTopicName": "topic"}), "InsufficientSnsTopicPolicyException", text).await;
}

#[tokio::test]
async fn a_topic_hears_of_each_log_file() {
    let (world, _, topics) = world().await;
    let ct = world.open().await;
    trail(&ct, "trail-one", json!({"SnsTopicName": "topic"})).await;
    let shown = run(&ct, "us-east-1", "GetTrail", json!({"Name": "trail-one"})).await.unwrap();
    let arn = format!("arn:aws:sns:us-east-1:{ACCOUNT}:topic");
    assert_eq!((&shown["Trail"]["SnsTopicName"], &shown["Trail"]["SnsTopicARN"]), (&json!("topic"), &json!(arn)));
    let mut stepped = crate::stepped::Stepped {
        delivery: crate::Delivery::open(Arc::clone(&ct.shared)).await.unwrap(),
        ct: Arc::clone(&ct),
    };
    world.event("a", "us-east-1").await;
    assert!(stepped.round(&world).await.is_empty());
    let notices = topics.notices.lock().unwrap().clone();
    let files = log_files(&world);
    assert_eq!((notices.len(), files.len()), (1, 1));
    let message: Value = serde_json::from_str(&notices[0].message).unwrap();
    assert_eq!(message, json!({"s3Bucket": "logs", "s3ObjectKey": [files[0]]}));
    assert_eq!((notices[0].topic_arn.as_str(), notices[0].by.principal), (arn.as_str(), "cloudtrail.amazonaws.com"));
    // A topic that refuses holds up no file.
    *topics.refuse.lock().unwrap() = Some(HandOver::Denied("no".to_owned()));
    world.event("b", "us-east-1").await;
    assert!(stepped.round(&world).await.is_empty());
    assert_eq!(log_files(&world).len(), 2);
    let status = run(&ct, "us-east-1", "GetTrailStatus", json!({"Name": "trail-one"})).await.unwrap();
    assert_eq!(status["LatestNotificationError"], "no");
    assert!(status["LatestNotificationTime"].is_string());
}
