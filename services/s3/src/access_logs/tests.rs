//! Access logs from the change of a setting to the object in its bucket, over crashes too.

use std::sync::Arc;

use bytes::Bytes;
use journal::{Journal, MemoryJournal, ReadLimit, Seq};
use serde_json::json;
use worker::Consumer as _;

use super::*;
use crate::harness::*;
use crate::ops::*;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},
    "Action":"s3:PutObject","Resource":"arn:aws:s3:::logs/*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::src"},
    "StringEquals":{"aws:SourceAccount":"123456789012"}}}]}"#;

async fn stand(stand: &Stand) -> (Arc<S3>, Arc<dyn Journal>) {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let s3 = Arc::new(stand.start().with_journal(Arc::clone(&journal)));
    bucket(&s3, "src").await;
    bucket(&s3, "logs").await;
    set_policy(&s3, "logs", POLICY).await;
    (s3, journal)
}

async fn log_to(s3: &S3, target: &str, change: impl FnOnce(&mut Document)) -> Result<(), String> {
    let mut enabled = json!({ "TargetBucket": target, "TargetPrefix": "p/" });
    change(&mut enabled);
    let input = put_bucket_logging::Input {
        bucket: "src".into(),
        bucket_logging_status: json!({ "LoggingEnabled": enabled }),
        ..Default::default()
    };
    call::<PutBucketLogging>(s3, input).await.map(|_| ()).map_err(|error| error.code.into_owned())
}

fn record(seconds: u32, name: &str, more: Document) -> (u8, Bytes) {
    let mut record = json!({
        "eventTime": format!("2019-02-06T00:{:02}:{:02}Z", seconds / 60, seconds % 60),
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "sourceIPAddress": "192.0.2.3",
        "userAgent": "[curl/8 \"x\"]",
        "requestID": "3E57427F3EXAMPLE",
        "userIdentity": { "type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/ana" },
        "requestParameters": { "bucketName": "src", "Host": "localhost:4566" },
        "additionalEventData": { "SignatureVersion": "SigV4", "AuthenticationMethod": "AuthHeader", "x-amz-id-2": "ID2",
            "bytesTransferredIn": 7, "bytesTransferredOut": 0 },
    });
    for (name, value) in more.as_object().unwrap() {
        match record[name].as_object_mut() {
            Some(members) => members.extend(value.as_object().unwrap().clone()),
            None => record[name] = value.clone(),
        }
    }
    let mut buffer = vec![0; worker::entry::FINISH_HEAD_BYTES];
    buffer.extend(record.to_string().bytes());
    worker::entry::finish(None, buffer)
}

/// The same, with what stands beside it in the journal.
fn record_with(seconds: u32, name: &str, more: Document, aside: &Aside) -> (u8, Bytes) {
    let mut buffer = record(seconds, name, more).1.to_vec();
    worker::entry::add_aside(&mut buffer, &serde_json::to_string(aside).unwrap());
    worker::entry::finish(None, buffer)
}

/// Gives the consumer all that it has not taken.
async fn feed(logs: &mut AccessLogs, journal: &Arc<dyn Journal>) {
    let from = logs.needs();
    let entries = journal.read(from, ReadLimit::default()).unwrap();
    logs.take(&entries).await.unwrap();
}

async fn objects(s3: &S3) -> Vec<(String, String)> {
    let input = list_objects_v2::Input { bucket: "logs".into(), ..Default::default() };
    let listed = serde_json::to_value(call::<ListObjectsV2>(s3, input).await.unwrap()).unwrap();
    let mut found = Vec::new();
    for object in listed["Contents"].as_array().into_iter().flatten() {
        let key = object["Key"].as_str().unwrap();
        let text = content(s3, "logs", key, None).await.unwrap();
        found.push((key.to_owned(), String::from_utf8(text.to_vec()).unwrap()));
    }
    found
}

#[tokio::test]
async fn targets_are_checked() {
    let (s3, _) = stand(&Stand::new()).await;
    bucket(&s3, "closed").await;
    log_to(&s3, "logs", |_| ()).await.unwrap();
    assert_eq!(log_to(&s3, "none", |_| ()).await.unwrap_err(), "InvalidTargetBucketForLogging");
    assert_eq!(log_to(&s3, "closed", |_| ()).await.unwrap_err(), "InvalidTargetBucketForLogging");
    let grants = json!([{ "Grantee": { "Type": "Group" }, "Permission": "READ" }]);
    let refused = log_to(&s3, "logs", |d| d["TargetGrants"] = grants).await.unwrap_err();
    assert_eq!(refused, "InvalidTargetBucketForLogging");
    let format = json!({ "SimplePrefix": {}, "PartitionedPrefix": { "PartitionDateSource": "EventTime" } });
    let refused = log_to(&s3, "logs", |d| d["TargetObjectKeyFormat"] = format).await.unwrap_err();
    assert_eq!(refused, "MalformedXML");
    // What cannot be deleted, or is paid for by others, takes no logs.
    bucket(&s3, "paid").await;
    set_policy(&s3, "paid", &POLICY.replace(":::logs", ":::paid")).await;
    let pays = |payer: &str| put_bucket_request_payment::Input {
        bucket: "paid".into(),
        configuration: json!({ "Payer": payer }),
        ..Default::default()
    };
    call::<PutBucketRequestPayment>(&s3, pays("Requester")).await.unwrap();
    assert_eq!(log_to(&s3, "paid", |_| ()).await.unwrap_err(), "InvalidTargetBucketForLogging");
    call::<PutBucketRequestPayment>(&s3, pays("BucketOwner")).await.unwrap();
    log_to(&s3, "paid", |_| ()).await.unwrap();
    versioning(&s3, "paid", "Enabled").await;
    let locked = |rule: Document| put_object_lock_configuration::Input {
        bucket: "paid".into(),
        object_lock_configuration: serde_json::from_value(rule).unwrap(),
        ..Default::default()
    };
    call::<PutObjectLockConfiguration>(&s3, locked(json!({ "ObjectLockEnabled": "Enabled" }))).await.unwrap();
    log_to(&s3, "paid", |_| ()).await.unwrap();
    let rule =
        json!({ "ObjectLockEnabled": "Enabled", "Rule": { "DefaultRetention": { "Mode": "GOVERNANCE", "Days": 1 } } });
    call::<PutObjectLockConfiguration>(&s3, locked(rule)).await.unwrap();
    assert_eq!(log_to(&s3, "paid", |_| ()).await.unwrap_err(), "InvalidTargetBucketForLogging");
    // A list in the place of a policy.
    let input = put_bucket_ownership_controls::Input {
        bucket: "closed".into(),
        ownership_controls: serde_json::from_value(json!({ "Rules": [{ "ObjectOwnership": "ObjectWriter" }] }))
            .unwrap(),
        ..Default::default()
    };
    call::<PutBucketOwnershipControls>(&s3, input).await.unwrap();
    let acl = Some("log-delivery-write".to_owned());
    let input = put_bucket_acl::Input { bucket: "closed".into(), acl, ..Default::default() };
    call::<PutBucketAcl>(&s3, input).await.unwrap();
    log_to(&s3, "closed", |_| ()).await.unwrap();
}

#[tokio::test]
async fn requests_become_lines_and_lines_objects() {
    let (s3, journal) = stand(&Stand::new()).await;
    let mut logs = s3.access_logs(&journal).await.unwrap();
    let put = || record(1, "PutObject", json!({ "requestParameters": { "key": "a b/ü" } }));
    journal.append(vec![put()]).await.unwrap();
    log_to(&s3, "logs", |_| ()).await.unwrap();
    journal
        .append(vec![
            put(),
            record(2, "GetObject", json!({ "errorCode": "NoSuchKey",
                "requestParameters": { "key": "k", "versionId": "v 1" }, "additionalEventData": { "bytesTransferredOut": 222 } })),
            record(3, "GetBucketVersioning", json!({ "userIdentity": { "type": "Root" },
                "requestParameters": { "versioning": "" } })),
            record(4, "PutObject", json!({ "requestParameters": { "bucketName": "other", "key": "k" } })),
            record(5, "GetObject", json!({ "requestParameters": { "key": "k", "Range": "bytes=0-1" } })),
            record(6, "ListObjects", json!({ "eventSource": "cloudtrail.amazonaws.com" })),
        ])
        .await
        .unwrap();
    feed(&mut logs, &journal).await;
    assert_eq!(objects(&s3).await, []);
    // Five minutes later by the records' own time.
    journal.append(vec![record(301, "HeadBucket", json!({}))]).await.unwrap();
    feed(&mut logs, &journal).await;
    let found = objects(&s3).await;
    assert_eq!(found.len(), 1);
    let (key, text) = &found[0];
    assert!(key.starts_with("p/2019-02-06-00-00-01-") && key.len() == "p/2019-02-06-00-00-01-".len() + 16, "{key}");
    let me = s3.owner("123456789012").id;
    let start = |seconds: u32, who: &str| {
        format!("{me} src [06/Feb/2019:00:00:{seconds:02} +0000] 192.0.2.3 {who} 3E57427F3EXAMPLE")
    };
    let end = "ID2 SigV4 - AuthHeader localhost:4566 - - - us-east-1";
    let ana = "arn:aws:iam::123456789012:user/ana";
    let agent = "\"-\" \"curl/8 %22x%22\"";
    let expected = [
        format!(
            "{} REST.PUT.OBJECT a%20b/%C3%BC \"PUT /src/a%20b/%C3%BC HTTP/1.1\" 200 - - 7 - - {agent} - {end}",
            start(1, ana)
        ),
        format!(
            "{} REST.GET.OBJECT k \"GET /src/k?versionId=v%201 HTTP/1.1\" 404 NoSuchKey 222 - - - {agent} v_1 {end}",
            start(2, ana)
        ),
        format!(
            "{} REST.GET.VERSIONING - \"GET /src?versioning HTTP/1.1\" 200 - - - - - {agent} - {end}",
            start(3, &me)
        ),
        format!("{} REST.GET.OBJECT k \"GET /src/k HTTP/1.1\" 206 - - - - - {agent} - {end}", start(5, ana)),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_stands_beside_a_record_becomes_sizes_and_lines_of_their_own() {
    let (s3, journal) = stand(&Stand::new()).await;
    let mut logs = s3.access_logs(&journal).await.unwrap();
    log_to(&s3, "logs", |_| ()).await.unwrap();
    let sized = Aside { object_size: Some(1234), ..Aside::default() };
    let range = json!({ "requestParameters": { "key": "k", "Range": "bytes=0-1" }, "additionalEventData": { "bytesTransferredOut": 2 } });
    let deleted = |key: &str, version: Option<&str>, error: Option<&str>| Deleted {
        key: key.into(),
        version: version.map(str::to_owned),
        error: error.map(str::to_owned),
    };
    let each = vec![deleted("a b", None, None), deleted("c", Some("v"), Some("AccessDenied"))];
    journal
        .append(vec![
            record_with(1, "HeadObject", json!({ "requestParameters": { "key": "k" } }), &sized),
            record_with(2, "GetObject", range, &sized),
            record_with(3, "DeleteObjects", json!({}), &Aside { deleted: each, ..Aside::default() }),
            record(301, "HeadBucket", json!({})),
        ])
        .await
        .unwrap();
    feed(&mut logs, &journal).await;
    let found = objects(&s3).await.remove(0).1;
    let agent = "\"-\" \"curl/8 %22x%22\"";
    let fields = |line: &str| line.split_once("EXAMPLE ").unwrap().1.split_once(" ID2").unwrap().0.to_owned();
    let expected = [
        format!("REST.HEAD.OBJECT k \"HEAD /src/k HTTP/1.1\" 200 - - 1234 - - {agent} -"),
        format!("REST.GET.OBJECT k \"GET /src/k HTTP/1.1\" 206 - 2 1234 - - {agent} -"),
        format!("REST.POST.MULTI_OBJECT_DELETE - \"POST /src?delete HTTP/1.1\" 200 - - - - - {agent} -"),
        format!("BATCH.DELETE.OBJECT a%20b \"-\" 204 - - - - - {agent} -"),
        format!("BATCH.DELETE.OBJECT c \"-\" 403 AccessDenied - - - - {agent} v"),
    ];
    assert_eq!(found.lines().map(fields).collect::<Vec<_>>(), expected);
}

/// What a crash at any place leaves to do again makes the same objects.
#[tokio::test]
async fn each_line_is_there_once_whatever_is_taken_again() {
    let stand_of = Stand::new();
    let (s3, journal) = stand(&stand_of).await;
    log_to(&s3, "logs", |_| ()).await.unwrap();
    for minute in 0..20 {
        journal
            .append(vec![record(minute * 60, "HeadBucket", json!({ "requestID": format!("R{minute}") }))])
            .await
            .unwrap();
    }
    // Each life takes a few entries, and every other one dies before its place is stored.
    let mut stored = None;
    for life in 0..40 {
        let mut logs = s3.access_logs(&journal).await.unwrap();
        let entries = journal.read(logs.needs(), ReadLimit { max_bytes: 1 << 20, max_entries: 7 + life % 3 }).unwrap();
        logs.take(&entries).await.unwrap();
        let row = s3.state.get("s3/access_logs", b"progress").await.unwrap().unwrap();
        if life % 2 == 0 {
            let value = stored.clone().unwrap_or(Bytes::from_static(b"{\"v\":1,\"next\":0,\"sources\":{}}"));
            let put = Op::Put { table: "s3/access_logs", key: b"progress".to_vec(), value, expect: Expect::Any };
            s3.state.commit(vec![put]).await.unwrap();
        } else {
            stored = Some(row.value);
        }
    }
    let mut logs = s3.access_logs(&journal).await.unwrap();
    feed(&mut logs, &journal).await;
    stand_of.clock.0.store(1_800_000_000_000, std::sync::atomic::Ordering::SeqCst);
    logs.idle().await.unwrap();
    let all: String = objects(&s3).await.into_iter().map(|(_, text)| text).collect();
    for minute in 0..20 {
        assert_eq!(all.matches(&format!(" R{minute} ")).count(), 1, "R{minute} in\n{all}");
    }
}

#[tokio::test]
async fn a_change_holds_from_its_place_on_and_deletion_ends_it() {
    let (s3, journal) = stand(&Stand::new()).await;
    let mut logs = s3.access_logs(&journal).await.unwrap();
    let head = |id: &str| record(1, "HeadBucket", json!({ "requestID": id }));
    log_to(&s3, "logs", |d| d["TargetPrefix"] = json!("one/")).await.unwrap();
    journal.append(vec![head("A")]).await.unwrap();
    log_to(&s3, "logs", |d| {
        d["TargetObjectKeyFormat"] = json!({ "PartitionedPrefix": { "PartitionDateSource": "EventTime" } });
    })
    .await
    .unwrap();
    journal.append(vec![head("B")]).await.unwrap();
    let input = delete_bucket::Input { bucket: "src".into(), ..Default::default() };
    call::<DeleteBucket>(&s3, input).await.unwrap();
    journal.append(vec![head("C")]).await.unwrap();
    feed(&mut logs, &journal).await;
    let found = objects(&s3).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].0.starts_with("one/2019-02-06-00-00-01-") && found[0].1.contains(" A "), "{found:?}");
    let place = "p/123456789012/us-east-1/src/2019/02/06/2019-02-06-00-00-00-";
    assert!(found[1].0.starts_with(place) && found[1].1.contains(" B "), "{found:?}");
    assert_eq!(logs.needs(), journal.durable_end());
}

/// A process that dies between the change of the tables and that of the journal.
#[tokio::test]
async fn a_change_that_the_journal_missed_is_told_at_the_next_start() {
    let stand_of = Stand::new();
    let (s3, journal) = stand(&stand_of).await;
    let deaf = stand_of.start();
    log_to(&deaf, "logs", |_| ()).await.unwrap();
    assert_eq!(journal.durable_end(), Seq::FIRST);
    s3.recover().await.unwrap();
    assert_eq!(journal.durable_end(), Seq::FIRST.next());
    s3.recover().await.unwrap();
    assert_eq!(journal.durable_end(), Seq::FIRST.next());
}
