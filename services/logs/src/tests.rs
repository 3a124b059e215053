//! Tests of the service as a whole.

use std::io::Read as _;
use std::sync::atomic::Ordering;

use base::time::{DAY_MS, HOUR_MS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ports::{LogGroups, LogTarget, LogsTaken, OnBehalf};
use serde_json::{Value, json};

use crate::testing::{ACCOUNT, Running, START};

async fn with_stream() -> Running {
    let running = Running::new().await;
    running.run("CreateLogGroup", json!({"logGroupName": "g"})).await;
    running.run("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    running
}

fn batch(stream: &str, events: &[(i64, &str)]) -> Value {
    let events: Vec<Value> = events.iter().map(|(ts, text)| json!({"timestamp": ts, "message": text})).collect();
    json!({"logGroupName": "g", "logStreamName": stream, "logEvents": events})
}

async fn put(running: &Running, stream: &str, events: &[(i64, &str)]) -> Value {
    running.run("PutLogEvents", batch(stream, events)).await
}

fn texts(answer: &Value) -> Vec<String> {
    answer["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

async fn all(running: &Running) -> Vec<String> {
    let asked = json!({"logGroupName": "g", "logStreamName": "s", "startFromHead": true});
    texts(&running.run("GetLogEvents", asked).await)
}

#[tokio::test]
async fn every_input_is_the_models() {
    let Some(model) = model::catalog().get("logs") else {
        eprintln!("skipped: the catalog has no model of logs");
        return;
    };
    for (name, handler) in crate::definition(Running::new().await.logs).operations {
        let operation = model.operations.get(name).unwrap_or_else(|| panic!("{name} is not modelled"));
        let mut ours = handler.input_fields();
        ours.extend(handler.ignores());
        ours.sort_unstable();
        let shape = operation.input.as_ref().map(|input| &model.shapes[input.shape]);
        let mut modelled: Vec<&str> = match shape.map(|shape| &shape.kind) {
            Some(model::ShapeKind::Structure(structure)) => {
                structure.members.iter().map(|member| &*member.name).collect()
            }
            _ => Vec::new(),
        };
        modelled.sort_unstable();
        assert_eq!(ours, modelled, "{name}");
    }
}

#[tokio::test]
async fn events_come_back_in_the_order_of_time_and_then_of_coming() {
    let running = with_stream().await;
    put(&running, "s", &[(START - 10, "b"), (START, "d")]).await;
    put(&running, "s", &[(START - 20, "a"), (START - 10, "c"), (START, "e")]).await;
    assert_eq!(all(&running).await, ["a", "b", "c", "d", "e"]);
    // Sealed, and from the journal again.
    let running = running.restart().await;
    assert_eq!(all(&running).await, ["a", "b", "c", "d", "e"]);
    put(&running, "s", &[(START - 15, "ab")]).await;
    let running = running.crash().await;
    // The crew takes the journal again.
    put(&running, "s", &[(START, "f")]).await;
    assert_eq!(all(&running).await, ["a", "ab", "b", "c", "d", "e", "f"]);
}

#[tokio::test]
async fn pages_go_both_ways_and_end_with_the_same_token() {
    let running = with_stream().await;
    for n in 0..10 {
        put(&running, "s", &[(START + n, &format!("{n}"))]).await;
    }
    let running = running.restart().await;
    let ask = async |token: Option<&str>, limit: i64, head: bool| {
        let mut asked = json!({"logGroupName": "g", "logStreamName": "s", "limit": limit, "startFromHead": head});
        if let Some(token) = token {
            asked["nextToken"] = token.into();
        }
        let answer = running.run("GetLogEvents", asked).await;
        let token = |name: &str| answer[name].as_str().unwrap().to_owned();
        (texts(&answer).concat(), token("nextForwardToken"), token("nextBackwardToken"))
    };
    let (page, forward, _) = ask(None, 4, true).await;
    assert_eq!(page, "0123");
    let (page, forward, backward) = ask(Some(&forward), 4, true).await;
    assert_eq!(page, "4567");
    let (page, last, _) = ask(Some(&forward), 4, true).await;
    assert_eq!(page, "89");
    let (page, same, _) = ask(Some(&last), 4, true).await;
    assert_eq!((page.as_str(), &same), ("", &last));
    assert_eq!(ask(Some(&backward), 3, false).await.0, "123");
    let (page, _, backward) = ask(None, 3, false).await;
    assert_eq!(page, "789");
    assert_eq!(ask(Some(&backward), 100, false).await.0, "0123456");
    let asked = json!({"logGroupName": "g", "logStreamName": "s", "nextToken": "x"});
    assert_eq!(running.refused("GetLogEvents", asked).await.0, "InvalidParameterException");
}

#[tokio::test]
async fn batches_are_held_against_the_rules() {
    let running = with_stream().await;
    let refused = async |events: &[(i64, &str)]| running.refused("PutLogEvents", batch("s", events)).await.1;
    assert!(refused(&[(START, "a"), (START - 1, "b")]).await.contains("chronological order"));
    assert!(refused(&[(START - DAY_MS - 1, "a"), (START, "b")]).await.contains("cannot span more than 24 hours"));
    let large = "x".repeat(1_048_576 - 25);
    assert_eq!(refused(&[(START, &large)]).await, "Log event too large: 1048577 bytes exceeds limit of 1048576");
    let half = "x".repeat(600_000);
    assert!(refused(&[(START, &half), (START, &half)]).await.starts_with("Upload too large: 1200052 bytes"));
    let days = |days: i64| START - days * DAY_MS;
    let said = put(&running, "s", &[(days(15), "a"), (days(14) - 1, "b"), (days(14), "c")]).await;
    assert_eq!(said["rejectedLogEventsInfo"], json!({"tooOldLogEventEndIndex": 2}));
    let said = put(&running, "s", &[(START + 2 * HOUR_MS, "d"), (START + 2 * HOUR_MS + 1, "e")]).await;
    assert_eq!(said["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"], 1);
    running.run("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 3})).await;
    let said = put(&running, "s", &[(days(3) - 1, "f"), (days(3), "g")]).await;
    assert_eq!(said["rejectedLogEventsInfo"]["expiredLogEventEndIndex"], 1);
    assert_eq!(all(&running).await, ["g", "d"]);
    let gone =
        running.refused("PutLogEvents", json!({"logGroupName": "g", "logStreamName": "t", "logEvents": []})).await;
    assert_eq!(gone, ("ResourceNotFoundException".to_owned(), "The specified log stream does not exist.".to_owned()));
}

#[tokio::test]
async fn retention_hides_events_and_then_removes_them() {
    let running = with_stream().await;
    put(&running, "s", &[(START, "old")]).await;
    let running = running.restart().await;
    running.run("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 1})).await;
    assert_eq!(all(&running).await, ["old"]);
    running.pass_ms(DAY_MS + 1);
    assert_eq!(all(&running).await, Vec::<String>::new());
    running.pass_ms(2 * HOUR_MS);
    let mut consumer = running.logs.consumer().await.unwrap();
    worker::Consumer::idle(&mut consumer).await.unwrap();
    assert_eq!(running.objects.list("logs/", None, 10).await.unwrap(), []);
    assert_eq!(running.run("DescribeLogGroups", json!({})).await["logGroups"][0]["storedBytes"], 0);
}

#[tokio::test]
async fn a_group_made_anew_has_nothing_of_the_old_one() {
    let running = with_stream().await;
    put(&running, "s", &[(START, "old")]).await;
    let running = running.restart().await;
    running.run("DeleteLogGroup", json!({"logGroupName": "g"})).await;
    running.run("CreateLogGroup", json!({"logGroupName": "g"})).await;
    running.run("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    assert_eq!(all(&running).await, Vec::<String>::new());
    let running = running.crash().await;
    let mut consumer = running.logs.consumer().await.unwrap();
    running.pass_ms(HOUR_MS);
    worker::Consumer::idle(&mut consumer).await.unwrap();
    assert_eq!(running.objects.list("logs/", None, 10).await.unwrap(), []);
    running.run("DeleteLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    assert_eq!(
        running.refused("GetLogEvents", json!({"logGroupName": "g", "logStreamName": "s"})).await.0,
        "ResourceNotFoundException"
    );
}

#[tokio::test]
async fn a_group_is_searched_across_streams() {
    let running = with_stream().await;
    running.run("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "t"})).await;
    put(&running, "s", &[(START, "ERROR 1"), (START + 2, "fine"), (START + 4, "ERROR 3")]).await;
    let running = running.restart().await;
    put(&running, "t", &[(START + 1, "ERROR 2"), (START + 5, "ERROR 4")]).await;
    let ask = async |more: Value| {
        let mut asked = json!({"logGroupName": "g", "filterPattern": "ERROR"});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        running.run("FilterLogEvents", asked).await
    };
    assert_eq!(texts(&ask(json!({})).await), ["ERROR 1", "ERROR 2", "ERROR 3", "ERROR 4"]);
    assert_eq!(texts(&ask(json!({"logStreamNames": ["t"]})).await), ["ERROR 2", "ERROR 4"]);
    assert_eq!(texts(&ask(json!({"logStreamNamePrefix": "s"})).await), ["ERROR 1", "ERROR 3"]);
    assert_eq!(texts(&ask(json!({"startTime": START + 1, "endTime": START + 4})).await), ["ERROR 2", "ERROR 3"]);
    let first = ask(json!({"limit": 3})).await;
    assert_eq!(texts(&first).len(), 3);
    let second = ask(json!({"limit": 3, "nextToken": first["nextToken"]})).await;
    assert_eq!((texts(&second), &second["nextToken"]), (vec!["ERROR 4".to_owned()], &Value::Null));
    let preview = running.preview("ERROR").await;
    assert_eq!(
        (preview.searched, preview.matched, preview.times, preview.is_complete),
        (5, 4, Some((START, START + 5)), true)
    );
}

#[tokio::test]
async fn metric_filters_report_matches_once_and_defaults() {
    let running = with_stream().await;
    let filter = |name: &str, pattern: &str, transformation: Value| json!({"logGroupName": "g", "filterName": name, "filterPattern": pattern, "metricTransformations": [transformation]});
    let transformation =
        json!({"metricName": "n", "metricNamespace": "N", "metricValue": "1", "defaultValue": 0.0, "unit": "Count"});
    running.run("PutMetricFilter", filter("a", "{ $.eventName = \"Delete*\" }", transformation)).await;
    let transformation =
        json!({"metricName": "size", "metricNamespace": "N", "metricValue": "$.size", "dimensions": {"who": "$.user"}});
    running.run("PutMetricFilter", filter("b", "{ $.size > 5 }", transformation)).await;
    put(&running, "s", &[(START, r#"{"eventName":"DeleteTrail","size":7.5,"user":"eve"}"#)]).await;
    put(&running, "s", &[(START + 1, r#"{"eventName":"Get","size":9}"#)]).await;
    let data = || running.world.metrics.lock().unwrap().iter().flat_map(|(.., data)| data.clone()).collect::<Vec<_>>();
    let brief: Vec<(String, f64, usize)> =
        data().iter().map(|one| (one.name.clone(), one.value, one.dimensions.len())).collect();
    assert_eq!(brief, [("n".to_owned(), 1.0, 0), ("size".to_owned(), 7.5, 1), ("n".to_owned(), 0.0, 0)]);
    assert_eq!((data()[0].timestamp_ms, data()[0].unit.as_deref()), (START, Some("Count")));
    // After a crash the same entries come again.
    let running = running.crash().await;
    put(&running, "s", &[(START + 2, "nothing")]).await;
    assert_eq!(running.world.metrics.lock().unwrap().iter().map(|(.., data)| data.len()).sum::<usize>(), 4);
    let asked = json!({"metricName": "n", "metricNamespace": "N"});
    let found = running.run("DescribeMetricFilters", asked).await;
    assert_eq!(found["metricFilters"][0]["filterPattern"], "{ $.eventName = \"Delete*\" }");
    assert_eq!(found["metricFilters"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn events_wait_while_metrics_are_away() {
    let running = with_stream().await;
    let transformation = json!({"metricName": "n", "metricNamespace": "N", "metricValue": "1"});
    let filter =
        json!({"logGroupName": "g", "filterName": "f", "filterPattern": "", "metricTransformations": [transformation]});
    running.run("PutMetricFilter", filter).await;
    running.world.metrics_fail.store(true, Ordering::SeqCst);
    put(&running, "s", &[(START, "a")]).await;
    assert_eq!(all(&running).await, ["a"]);
    running.world.metrics_fail.store(false, Ordering::SeqCst);
    let running = running.restart().await;
    assert_eq!(running.world.metrics.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn subscribers_get_what_matches_and_outlive_failures() {
    let running = with_stream().await;
    let put_filter = |destination: &str, role: Option<&str>| json!({"logGroupName": "g", "filterName": "f", "filterPattern": "ERROR", "destinationArn": destination, "roleArn": role});
    let refusals = [
        ("arn:aws:lambda:us-east-1:111111111111:function:unknown", None, "Could not execute the lambda function."),
        (
            "arn:aws:lambda:us-east-1:111111111111:function:known",
            Some("r"),
            "destinationArn for vendor lambda cannot be used with roleArn",
        ),
        (
            "arn:aws:kinesis:us-east-1:111111111111:stream/x",
            None,
            "destinationArn for vendor kinesis cannot be used without roleArn",
        ),
        (
            "arn:aws:kinesis:us-east-1:111111111111:stream/x",
            Some("r"),
            "Could not deliver test message to specified Kinesis stream.",
        ),
        (
            "arn:aws:firehose:us-east-1:111111111111:deliverystream/x",
            Some("r"),
            "Could not deliver test message to specified Firehose stream.",
        ),
    ];
    for (destination, role, text) in refusals {
        let (code, said) = running.refused("PutSubscriptionFilter", put_filter(destination, role)).await;
        assert!(code == "InvalidParameterException" && said.starts_with(text), "{said}");
    }
    let known = "arn:aws:lambda:us-east-1:111111111111:function:known";
    running.run("PutSubscriptionFilter", put_filter(known, None)).await;
    running.world.functions_fail.store(true, Ordering::SeqCst);
    put(&running, "s", &[(START, "ERROR 1"), (START, "fine")]).await;
    // What waits is written down when the server stops.
    let running = running.restart().await;
    running.world.functions_fail.store(false, Ordering::SeqCst);
    let running = running.restart().await;
    while running.logs.subscribers.waiting() > 0 {
        tokio::task::yield_now().await;
    }
    let invoked = running.world.invoked.lock().unwrap().clone();
    assert_eq!(invoked.len(), 1);
    let payload: Value = serde_json::from_slice(&invoked[0].1).unwrap();
    let packed = STANDARD.decode(payload["awslogs"]["data"].as_str().unwrap()).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    let message: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&message["messageType"], &message["owner"], &message["logGroup"], &message["logStream"]),
        (&json!("DATA_MESSAGE"), &json!(ACCOUNT), &json!("g"), &json!("s"))
    );
    assert_eq!(
        (message["logEvents"].as_array().unwrap().len(), &message["logEvents"][0]["message"]),
        (1, &json!("ERROR 1"))
    );
}

#[tokio::test]
async fn a_group_with_a_key_is_as_good_as_its_key() {
    let running = Running::new().await;
    let make = |name: &str, key: &str| json!({"logGroupName": name, "kmsKeyId": key});
    assert_eq!(running.refused("CreateLogGroup", make("g", "closed")).await.0, "AccessDeniedException");
    assert_eq!(running.refused("CreateLogGroup", make("g", "missing")).await.0, "InvalidParameterException");
    running.run("CreateLogGroup", make("g", "good")).await;
    running.run("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    put(&running, "s", &[(START, "a secret that nobody finds")]).await;
    let journal: Vec<u8> = journal::Journal::read(&running.journal, journal::Seq::FIRST, journal::ReadLimit::default())
        .unwrap()
        .iter()
        .flat_map(|entry| entry.payload.to_vec())
        .collect();
    let has = |bytes: &[u8]| bytes.windows(6).any(|part| part == b"secret");
    assert!(!has(&journal));
    // The key goes away: new events are refused, those in the journal cannot be read, and nothing is lost.
    running.world.key_is_disabled.store(true, Ordering::SeqCst);
    let running = running.crash().await;
    let events = batch("s", &[(START + 1, "b")]);
    assert_eq!(running.refused("PutLogEvents", events).await.0, "InvalidParameterException");
    let running = running.restart().await;
    let asked = json!({"logGroupName": "g", "logStreamName": "s", "startFromHead": true});
    assert_eq!(running.refused("GetLogEvents", asked).await.0, "InvalidParameterException");
    running.world.key_is_disabled.store(false, Ordering::SeqCst);
    assert_eq!(all(&running).await, ["a secret that nobody finds"]);
    put(&running, "s", &[(START + 1, "another secret")]).await;
    let running = running.restart().await;
    assert_eq!(all(&running).await, ["a secret that nobody finds", "another secret"]);
    for object in running.objects.list("logs/", None, 10).await.unwrap() {
        let bytes = running.objects.get(&object.name, None).await.unwrap().bytes(1 << 20).await.unwrap();
        assert!(!has(&bytes), "{}", object.name);
    }
    running.world.key_is_disabled.store(true, Ordering::SeqCst);
    let asked = json!({"logGroupName": "g"});
    assert_eq!(running.refused("FilterLogEvents", asked).await.0, "InvalidParameterException");
}

#[tokio::test]
async fn a_delivery_comes_once() {
    let running = with_stream().await;
    let target = |role: &str| LogTarget {
        by: OnBehalf {
            principal: "cloudtrail.amazonaws.com",
            source_arn: "arn:trail".to_owned(),
            source_account: ACCOUNT.into(),
        },
        group_arn: format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g:*"),
        role_arn: role.to_owned(),
        stream: "111111111111_CloudTrail_us-east-1".to_owned(),
    };
    let events = |texts: &[&str]| texts.iter().map(|text| (START, Bytes::from(text.to_string()))).collect::<Vec<_>>();
    assert!(running.logs.check(&target("missing")).await.is_err());
    running.logs.check(&target("role")).await.unwrap();
    let large = "x".repeat(2 << 20);
    let taken = running.logs.put(&target("role"), 5, events(&["a", &large, "b"])).await.unwrap();
    assert_eq!(taken, LogsTaken { taken: 2, too_large: 1 });
    // The same again, after the answer got lost, and after a crash.
    running.logs.put(&target("role"), 5, events(&["a", "b"])).await.unwrap();
    let running = running.crash().await;
    running.logs.put(&target("role"), 5, events(&["a", "b"])).await.unwrap();
    let running = running.restart().await;
    running.logs.put(&target("role"), 4, events(&["z"])).await.unwrap();
    running.logs.put(&target("role"), 6, events(&["c"])).await.unwrap();
    let found = running.run("FilterLogEvents", json!({"logGroupName": "g"})).await;
    assert_eq!(texts(&found), ["a", "b", "c"]);
    running.world.denies.store(true, Ordering::SeqCst);
    assert!(running.logs.put(&target("role"), 7, events(&["d"])).await.is_err());
    // Parts of a large delivery are each taken once.
    running.world.denies.store(false, Ordering::SeqCst);
    let many = vec![(START, Bytes::from(vec![b'y'; 700_000])); 5];
    running.logs.put(&target("role"), 8, many.clone()).await.unwrap();
    running.logs.put(&target("role"), 8, many).await.unwrap();
    let preview = running.preview("").await;
    assert_eq!(preview.matched, 8);
}

#[tokio::test]
async fn a_group_is_made_for_who_delivers_without_repeating() {
    let running = with_stream().await;
    let target = LogTarget {
        by: OnBehalf {
            principal: "sns.amazonaws.com",
            source_arn: "arn:topic".to_owned(),
            source_account: ACCOUNT.into(),
        },
        group_arn: format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:sns/us-east-1/{ACCOUNT}/t:*"),
        role_arn: "role".to_owned(),
        stream: "s".to_owned(),
    };
    let event = |text: &str| vec![(START, Bytes::from(text.to_owned()))];
    let missing = running.logs.put(&target, 0, event("a")).await.unwrap_err();
    assert!(matches!(missing, ports::HandOver::NotFound(_)));
    running.world.denies.store(true, Ordering::SeqCst);
    assert!(matches!(running.logs.make(&target).await, Err(ports::HandOver::Denied(_))));
    running.world.denies.store(false, Ordering::SeqCst);
    running.logs.make(&target).await.unwrap();
    running.logs.make(&target).await.unwrap();
    // The same text again is another event.
    for text in ["a", "a"] {
        running.logs.put(&target, 0, event(text)).await.unwrap();
    }
    let running = running.crash().await;
    running.logs.put(&target, 0, event("b")).await.unwrap();
    let found = running.run("FilterLogEvents", json!({"logGroupName": format!("sns/us-east-1/{ACCOUNT}/t")})).await;
    assert_eq!(texts(&found), ["a", "a", "b"]);
}

#[tokio::test]
async fn groups_and_streams_are_listed() {
    let running = with_stream().await;
    running
        .run("CreateLogGroup", json!({"logGroupName": "g/h", "tags": {"a": "1"}, "deletionProtectionEnabled": true}))
        .await;
    let names = |answer: &Value| {
        answer["logGroups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["logGroupName"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let described = running.run("DescribeLogGroups", json!({})).await;
    assert_eq!(names(&described), ["g", "g/h"]);
    assert_eq!(described["logGroups"][1]["arn"], format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:g/h:*"));
    assert_eq!(names(&running.run("DescribeLogGroups", json!({"logGroupNamePattern": "/h"})).await), ["g/h"]);
    let first = running.run("DescribeLogGroups", json!({"limit": 1})).await;
    assert_eq!(names(&running.run("DescribeLogGroups", json!({"nextToken": first["nextToken"]})).await), ["g/h"]);
    assert_eq!(
        names(&running.run("ListLogGroups", json!({"logGroupTags": [{"key": "a", "values": ["1"]}]})).await),
        ["g/h"]
    );
    assert_eq!(
        running.refused("CreateLogGroup", json!({"logGroupName": "g"})).await,
        ("ResourceAlreadyExistsException".to_owned(), "The specified log group already exists".to_owned())
    );
    assert_eq!(running.refused("DeleteLogGroup", json!({"logGroupName": "g/h"})).await.0, "ValidationException");
    running
        .run("PutLogGroupDeletionProtection", json!({"logGroupIdentifier": "g/h", "deletionProtectionEnabled": false}))
        .await;
    running.run("DeleteLogGroup", json!({"logGroupName": "g/h"})).await;
    for (name, ts) in [("a", START + 3), ("b", START + 1), ("c", START + 2)] {
        running.run("CreateLogStream", json!({"logGroupName": "g", "logStreamName": name})).await;
        put(&running, name, &[(ts, "x")]).await;
    }
    let streams = async |asked: Value| {
        let answer = running.run("DescribeLogStreams", asked).await;
        let names = answer["logStreams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stream| stream["logStreamName"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>().concat(), answer["nextToken"].clone())
    };
    assert_eq!(streams(json!({"logGroupName": "g"})).await.0, "abcs");
    let by_time = json!({"logGroupName": "g", "orderBy": "LastEventTime", "descending": true, "limit": 2});
    let (page, token) = streams(by_time.clone()).await;
    assert_eq!(page, "ac");
    let mut next = by_time;
    next["nextToken"] = token;
    assert_eq!(streams(next).await.0, "bs");
    assert_eq!(streams(json!({"logGroupName": "g", "logStreamNamePrefix": "b"})).await.0, "b");
}

#[tokio::test]
async fn exports_go_to_the_bucket() {
    let running = with_stream().await;
    put(&running, "s", &[(START, "one"), (START + 1, "two"), (START + 2, "three")]).await;
    let export = |bucket: &str| json!({"logGroupName": "g", "from": START, "to": START + 2, "destination": bucket, "destinationPrefix": "p"});
    assert!(
        running.refused("CreateExportTask", export("missing")).await.1.starts_with("The given bucket does not exist.")
    );
    assert!(
        running
            .refused("CreateExportTask", export("closed"))
            .await
            .1
            .starts_with("PutObject call on the given bucket failed.")
    );
    let task = running.run("CreateExportTask", export("open")).await["taskId"].as_str().unwrap().to_owned();
    loop {
        let shown = running.run("DescribeExportTasks", json!({"taskId": task})).await;
        if shown["exportTasks"][0]["status"]["code"] == "COMPLETED" {
            break;
        }
        tokio::task::yield_now().await;
    }
    let puts = running.world.puts.lock().unwrap().clone();
    assert_eq!(puts[0].key, "p/aws-logs-write-test");
    assert_eq!(
        (puts[1].key.clone(), puts[1].principal.as_str()),
        (format!("p/{task}/s/000000.gz"), "logs.us-east-1.amazonaws.com")
    );
    let mut text = String::new();
    flate2::read::GzDecoder::new(&puts[1].body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, "2023-11-14T22:13:20.000Z one\n2023-11-14T22:13:20.001Z two\n");
    assert_eq!(running.refused("CancelExportTask", json!({"taskId": task})).await.0, "InvalidOperationException");
}

#[tokio::test]
async fn small_chunks_become_one() {
    let mut running = with_stream().await;
    let mut want = Vec::new();
    for n in 0..10 {
        put(&running, "s", &[(START + n, &format!("event {n}"))]).await;
        want.push(format!("event {n}"));
        running = running.restart().await;
    }
    let mut consumer = running.logs.consumer().await.unwrap();
    running.pass_ms(HOUR_MS);
    worker::Consumer::idle(&mut consumer).await.unwrap();
    assert_eq!(all(&running).await, want);
    running.pass_ms(HOUR_MS);
    worker::Consumer::idle(&mut consumer).await.unwrap();
    assert!(running.objects.list("logs/", None, 100).await.unwrap().len() < 8);
    assert_eq!(all(&running.crash().await).await, want);
}
