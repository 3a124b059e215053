//! Operations, JSON in, JSON out: a story is a list of calls, each with what it answers.

use std::sync::Arc;

use serde_json::{Value, json};
use worker::Consumer;

use base::Clock;

use crate::testing::{World, run};
use crate::{CloudTrail, History};

/// Makes calls one after the other: region, operation, input, and either the whole output, or `Code: part of the message`, or
/// nothing if any success will do.
async fn check(cloudtrail: &Arc<CloudTrail>, calls: Vec<(&str, &str, Value, Value)>) {
    for (region, operation, input, expected) in calls {
        let answer = run(cloudtrail, region, operation, input.clone()).await;
        match (answer, expected) {
            (Ok(_), Value::Null) => {}
            (Ok(output), expected) => assert_eq!(output, expected, "{operation} {input}"),
            (Err(error), Value::String(expected)) => {
                let (code, part) = expected.split_once(": ").unwrap_or((&expected, ""));
                assert_eq!(error.code, code, "{operation} {input}: {error}");
                assert!(error.message.contains(part), "{operation} {input}: {error}");
            }
            (Err(error), expected) => panic!("{operation} {input}: {error}, not {expected}"),
        }
    }
}

const EAST: &str = "us-east-1";
const WEST: &str = "eu-west-1";
const ANY: Value = Value::Null;

fn arn(name: &str) -> String {
    format!("arn:aws:cloudtrail:us-east-1:123456789012:trail/{name}")
}

#[tokio::test]
async fn a_trail_lives() {
    let world = World::new();
    let ct = world.open().await;
    let create = json!({"Name": "audit", "S3BucketName": "logs", "S3KeyPrefix": "p", "IsMultiRegionTrail": true, "EnableLogFileValidation": true});
    let settings = json!({
        "Name": "audit", "S3BucketName": "logs", "S3KeyPrefix": "p", "IncludeGlobalServiceEvents": true,
        "IsMultiRegionTrail": true, "TrailARN": arn("audit"), "LogFileValidationEnabled": true, "IsOrganizationTrail": false,
    });
    let mut view = settings.clone();
    view["HomeRegion"] = json!("us-east-1");
    view["HasCustomEventSelectors"] = json!(false);
    view["HasInsightSelectors"] = json!(false);
    let info = json!({"TrailARN": arn("audit"), "Name": "audit", "HomeRegion": "us-east-1"});
    let default = json!([{"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": [], "ExcludeManagementEventSources": []}]);
    let idle = json!({
        "IsLogging": false, "LatestDeliveryAttemptTime": "", "LatestNotificationAttemptTime": "",
        "LatestNotificationAttemptSucceeded": "", "LatestDeliveryAttemptSucceeded": "", "TimeLoggingStarted": "",
        "TimeLoggingStopped": "",
    });
    let mut logging = idle.clone();
    logging["IsLogging"] = json!(true);
    logging["StartLoggingTime"] = json!("2026-03-01T12:00:00Z");
    logging["TimeLoggingStarted"] = json!("2026-03-01T12:00:00Z");
    let mut stopped = logging.clone();
    stopped["IsLogging"] = json!(false);
    stopped["StopLoggingTime"] = json!("2026-03-01T12:00:00Z");
    stopped["TimeLoggingStopped"] = json!("2026-03-01T12:00:00Z");
    let by_name = json!({"Name": "audit"});
    let mut moved = settings.clone();
    moved["S3BucketName"] = json!("other");
    moved.as_object_mut().unwrap().remove("S3KeyPrefix");
    check(
        &ct,
        vec![
            (EAST, "CreateTrail", create.clone(), settings),
            (EAST, "CreateTrail", create, json!("TrailAlreadyExistsException: Trail audit already exists for customer: 123456789012")),
            (EAST, "GetTrail", by_name.clone(), json!({"Trail": view})),
            (WEST, "GetTrail", json!({"Name": arn("audit")}), json!({"Trail": view})),
            (WEST, "GetTrail", by_name.clone(), json!("TrailNotFoundException: Unknown trail: arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit for the user: 123456789012")),
            (EAST, "DescribeTrails", json!({}), json!({"trailList": [view]})),
            (WEST, "DescribeTrails", json!({"trailNameList": ["audit"]}), json!({"trailList": [view]})),
            (WEST, "DescribeTrails", json!({"includeShadowTrails": false}), json!({"trailList": []})),
            (EAST, "DescribeTrails", json!({"trailNameList": ["none"]}), json!({"trailList": []})),
            (EAST, "DescribeTrails", json!({"trailNameList": ["x"]}), json!("InvalidTrailNameException: too short")),
            (WEST, "ListTrails", json!({}), json!({"Trails": [info]})),
            (EAST, "ListTrails", json!({"NextToken": "?"}), json!("InvalidTokenException")),
            (EAST, "GetEventSelectors", json!({"TrailName": "audit"}), json!({"TrailARN": arn("audit"), "EventSelectors": default})),
            (EAST, "GetTrailStatus", by_name.clone(), idle),
            (WEST, "StartLogging", by_name.clone(), json!("InvalidHomeRegionException: home region is us-east-1")),
            (WEST, "StopLogging", json!({"Name": arn("audit")}), json!("InvalidHomeRegionException")),
            (EAST, "StartLogging", by_name.clone(), json!({})),
            (EAST, "StartLogging", by_name.clone(), json!({})),
            (EAST, "GetTrailStatus", by_name.clone(), logging),
            (EAST, "StopLogging", by_name.clone(), json!({})),
            (EAST, "GetTrailStatus", by_name.clone(), stopped),
            (EAST, "UpdateTrail", json!({"Name": "audit", "S3BucketName": "other", "S3KeyPrefix": ""}), moved),
            (EAST, "GetInsightSelectors", json!({"TrailName": "audit"}), json!("InsightNotEnabledException: audit")),
            (EAST, "GetInsightSelectors", json!({}), json!("InvalidParameterException")),
            (EAST, "DeleteTrail", by_name.clone(), json!({})),
            (EAST, "DeleteTrail", by_name, json!("TrailNotFoundException")),
            (EAST, "ListTrails", json!({}), json!({"Trails": []})),
        ],
    )
    .await;
}

#[tokio::test]
async fn settings_are_checked() {
    let world = World::new();
    world.buckets.add("closed");
    world.buckets.refuse("closed", Some(ports::BucketError::AccessDenied));
    let ct = world.open().await;
    let with = |name: &str, value: Value| {
        let mut input = json!({"Name": "audit", "S3BucketName": "logs"});
        input[name] = value;
        (EAST, "CreateTrail", input)
    };
    let calls = [
        (with("Name", json!("a")), "InvalidTrailNameException"),
        (with("S3BucketName", json!("none")), "S3BucketDoesNotExistException: S3 bucket none does not exist!"),
        (with("S3BucketName", json!("No")), "InvalidS3BucketNameException"),
        (
            with("S3BucketName", json!("closed")),
            "InsufficientS3BucketPolicyException: Incorrect S3 bucket policy is detected for bucket: closed",
        ),
        (with("S3KeyPrefix", json!("x".repeat(201))), "InvalidS3PrefixException"),
        (with("SnsTopicName", json!("topic")), "InsufficientSnsTopicPolicyException"),
        (with("CloudWatchLogsLogGroupArn", json!("arn:g")), "InvalidCloudWatchLogsRoleArnException"),
        (with("CloudWatchLogsRoleArn", json!("arn:r")), "InvalidCloudWatchLogsLogGroupArnException"),
        (with("KmsKeyId", json!("alias/k")), "KmsKeyNotFoundException: KMS key alias/k does not exist."),
        (with("IsOrganizationTrail", json!(true)), "OrganizationsNotInUseException"),
        (with("TagsList", json!([{"Key": "aws:x", "Value": "v"}])), "InvalidTagParameterException"),
    ];
    check(&ct, calls.into_iter().map(|((r, o, i), e)| (r, o, i, json!(e))).collect()).await;
    let multi = json!({"Name": "audit", "S3BucketName": "logs", "IsMultiRegionTrail": true, "IncludeGlobalServiceEvents": false});
    let combination =
        json!("InvalidParameterCombinationException: Multi-Region trail must include global service events.");
    let mut calls = vec![(EAST, "CreateTrail", multi, combination)];
    let named = |name: &str| json!({"Name": name, "S3BucketName": "logs"});
    for name in ["trail-1", "trail-2", "trail-3", "trail-4", "trail-5"] {
        calls.push((EAST, "CreateTrail", named(name), ANY));
    }
    calls.push((EAST, "CreateTrail", named("trail-6"), json!("MaximumNumberOfTrailsExceededException: 123456789012")));
    calls.push((WEST, "CreateTrail", named("trail-1"), ANY));
    check(&ct, calls).await;
}

#[tokio::test]
async fn selectors_are_put_and_read_back() {
    let world = World::new();
    let ct = world.open().await;
    let advanced = json!([{"Name": "objects", "FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "eventName", "NotStartsWith": ["List"], "EndsWith": ["Object"]}]}]);
    let basic = json!([{"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::my-bucket/"]}]}]);
    let mut filled = basic.clone();
    filled[0]["ExcludeManagementEventSources"] = json!([]);
    let name = json!({"TrailName": "audit"});
    check(
        &ct,
        vec![
            (EAST, "CreateTrail", json!({"Name": "audit", "S3BucketName": "logs"}), ANY),
            (
                EAST,
                "PutEventSelectors",
                json!({"TrailName": "audit", "EventSelectors": basic}),
                json!({"TrailARN": arn("audit"), "EventSelectors": filled}),
            ),
            (EAST, "GetEventSelectors", name.clone(), json!({"TrailARN": arn("audit"), "EventSelectors": filled})),
            (EAST, "PutEventSelectors", json!({"TrailName": "audit", "AdvancedEventSelectors": advanced}), ANY),
            (
                EAST,
                "GetEventSelectors",
                name.clone(),
                json!({"TrailARN": arn("audit"), "AdvancedEventSelectors": advanced}),
            ),
            (
                EAST,
                "PutEventSelectors",
                json!({"TrailName": "audit", "EventSelectors": []}),
                json!("InvalidEventSelectorsException"),
            ),
            (WEST, "PutEventSelectors", name, json!("TrailNotFoundException")),
        ],
    )
    .await;
}

#[tokio::test]
async fn tags_come_and_go() {
    let world = World::new();
    let ct = world.open().await;
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let list = json!({"ResourceIdList": [arn("audit")]});
    let listed = |tags: Value| json!({"ResourceTagList": [{"ResourceId": arn("audit"), "TagsList": tags}]});
    let add = |tags: Value| json!({"ResourceId": arn("audit"), "TagsList": tags});
    let many: Vec<Value> = (0..50).map(|i| tag(&format!("k{i}"), "v")).collect();
    check(
        &ct,
        vec![
            (EAST, "AddTags", add(json!([tag("a", "1")])), json!("ResourceNotFoundException")),
            (EAST, "CreateTrail", json!({"Name": "audit", "S3BucketName": "logs", "TagsList": [tag("a", "1")]}), ANY),
            (EAST, "AddTags", add(json!([tag("b", "2"), tag("a", "3")])), json!({})),
            (EAST, "ListTags", list.clone(), listed(json!([tag("a", "3"), tag("b", "2")]))),
            (EAST, "AddTags", add(json!(many)), json!("TagsLimitExceededException: limit of 50")),
            (
                EAST,
                "AddTags",
                add(json!([tag("c", "1"), tag("c", "2")])),
                json!("InvalidTagParameterException: Duplicate"),
            ),
            (EAST, "RemoveTags", add(json!([{"Key": "a"}, tag("b", "other"), {"Key": "none"}])), json!({})),
            (EAST, "ListTags", list, listed(json!([tag("b", "2")]))),
            (EAST, "ListTags", json!({"ResourceIdList": ["audit"]}), json!("CloudTrailARNInvalidException")),
            (EAST, "ListTags", json!({"ResourceIdList": [arn("none")]}), json!("ResourceNotFoundException")),
            (
                EAST,
                "AddTags",
                json!({"ResourceId": "arn:aws:cloudtrail:us-east-1:123456789012:import/x", "TagsList": []}),
                json!("ResourceTypeNotSupportedException"),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn public_keys_are_listed_by_their_time() {
    let world = World::new();
    let ct = world.open().await;
    ct.shared.signer.current(world.clock.now()).await.unwrap();
    let list = async |input: Value| run(&ct, EAST, "ListPublicKeys", input).await.unwrap()["PublicKeyList"].clone();
    let keys = list(json!({})).await;
    let key = &keys[0];
    assert_eq!(key["Fingerprint"].as_str().unwrap().len(), 32);
    // PKCS #1: a sequence that begins with the modulus, not with an algorithm.
    assert!(key["Value"].as_str().unwrap().starts_with("3082010a0282010100"), "{key}");
    assert_eq!(list(json!({"StartTime": 0, "EndTime": 1000})).await, json!([]));
    check(
        &ct,
        vec![(EAST, "ListPublicKeys", json!({"StartTime": 2000, "EndTime": 1000}), json!("InvalidTimeRangeException"))],
    )
    .await;
}

async fn with_history(world: &World) -> (Arc<CloudTrail>, History) {
    let ct = world.open().await;
    let history = History::open(Arc::clone(&ct.history)).await.unwrap();
    (ct, history)
}

async fn take_all(world: &World, history: &mut History) {
    use journal::Journal;
    let limit = journal::ReadLimit { max_bytes: 1 << 16, max_entries: 1000 };
    let mut at = history.needs();
    while world.journal.durable_end() > at {
        let entries = world.journal.read(at, limit).unwrap();
        at = entries.last().unwrap().seq.next();
        history.take(&entries).await.unwrap();
    }
}

/// The identifiers that a lookup finds over all of its pages.
async fn lookup(ct: &Arc<CloudTrail>, region: &str, mut input: Value) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page =
            run(ct, region, "LookupEvents", input.clone()).await.unwrap_or_else(|error| panic!("{input}: {error}"));
        let ids = page["Events"].as_array().unwrap().iter().map(|event| event["EventId"].as_str().unwrap().to_owned());
        found.extend(ids);
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => return found,
        }
    }
}

#[tokio::test]
async fn events_are_looked_up() {
    let world = World::new();
    let (ct, mut history) = with_history(&world).await;
    world.event("old", EAST).await;
    world.clock.advance(10_000);
    world
        .record(r#"{"eventID":"create","eventTime":"2026-03-01T12:00:10Z","awsRegion":"us-east-1","eventName":"CreateTrail","eventSource":"cloudtrail.amazonaws.com","readOnly":false,"eventCategory":"Management","userIdentity":{"type":"IAMUser","userName":"alice","accessKeyId":"AKIAALICE"},"requestParameters":{"name":"audit"}}"#)
        .await;
    world.record(r#"{"eventID":"data","awsRegion":"us-east-1","eventCategory":"Data"}"#).await;
    world.event("west", WEST).await;
    take_all(&world, &mut history).await;
    let by = |key: &str, value: &str| json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]});
    assert_eq!(lookup(&ct, EAST, json!({})).await, ["create", "old"]);
    assert_eq!(lookup(&ct, EAST, json!({"MaxResults": 1})).await, ["create", "old"]);
    assert_eq!(lookup(&ct, WEST, json!({})).await, ["west"]);
    for (key, value) in [
        ("EventId", "create"),
        ("EventName", "CreateTrail"),
        ("ReadOnly", "false"),
        ("Username", "alice"),
        ("ResourceType", "AWS::CloudTrail::Trail"),
        ("ResourceName", "audit"),
        ("EventSource", "cloudtrail.amazonaws.com"),
        ("AccessKeyId", "AKIAALICE"),
    ] {
        assert_eq!(lookup(&ct, EAST, by(key, value)).await, ["create"], "{key}");
        assert!(lookup(&ct, EAST, by(key, "nothing")).await.is_empty(), "{key}");
    }
    let start = crate::testing::START_MS;
    assert_eq!(lookup(&ct, EAST, json!({"StartTime": start + 10_000})).await, ["create"]);
    assert_eq!(lookup(&ct, EAST, json!({"EndTime": start + 9_000})).await, ["old"]);
    assert!(lookup(&ct, EAST, json!({"EventCategory": "insight"})).await.is_empty());
    let event = run(&ct, EAST, "LookupEvents", by("Username", "alice")).await.unwrap()["Events"][0].clone();
    assert_eq!(event["Resources"], json!([{"ResourceType": "AWS::CloudTrail::Trail", "ResourceName": "audit"}]));
    assert_eq!((&event["ReadOnly"], &event["EventTime"]), (&json!("false"), &json!("2026-03-01T12:00:10Z")));
    assert!(event["CloudTrailEvent"].as_str().unwrap().starts_with(r#"{"eventID":"create","#));
    let token = run(&ct, EAST, "LookupEvents", json!({"MaxResults": 1})).await.unwrap()["NextToken"].clone();
    let two = json!([{"AttributeKey": "EventId", "AttributeValue": "a"}, {"AttributeKey": "EventName", "AttributeValue": "b"}]);
    check(
        &ct,
        vec![
            (EAST, "LookupEvents", json!({"NextToken": token, "MaxResults": 50}), ANY),
            (WEST, "LookupEvents", json!({"NextToken": token}), json!("InvalidNextTokenException")),
            (EAST, "LookupEvents", json!({"NextToken": token, "StartTime": 1}), json!("InvalidNextTokenException")),
            (EAST, "LookupEvents", json!({"NextToken": "x"}), json!("InvalidNextTokenException")),
            (EAST, "LookupEvents", json!({"MaxResults": 51}), json!("InvalidMaxResultsException")),
            (EAST, "LookupEvents", json!({"LookupAttributes": two}), json!("InvalidLookupAttributesException")),
            (EAST, "LookupEvents", json!({"StartTime": 2, "EndTime": 1}), json!("InvalidTimeRangeException")),
        ],
    )
    .await;
}

#[tokio::test]
async fn sealed_history_is_found_after_a_restart_and_dropped_after_90_days() {
    let world = World::new();
    let (ct, mut history) = with_history(&world).await;
    for i in 0..20_000 {
        world.event(&format!("e{i}"), if i % 10 == 0 { WEST } else { EAST }).await;
    }
    take_all(&world, &mut history).await;
    use state::State;
    let segments = world.state.scan(crate::rows::SEGMENTS, state::Range::all(), 100).await.unwrap().len();
    assert!(segments >= 2, "{segments} segments");
    let by_id = |id: &str| json!({"LookupAttributes": [{"AttributeKey": "EventId", "AttributeValue": id}]});
    let found_before = lookup(&ct, WEST, json!({})).await;
    drop((ct, history));
    let (ct, mut history) = with_history(&world).await;
    take_all(&world, &mut history).await;
    assert_eq!(lookup(&ct, WEST, json!({})).await, found_before);
    let expected: Vec<String> = (0..20_000).rev().filter(|i| i % 10 == 0).map(|i| format!("e{i}")).collect();
    assert_eq!(found_before, expected);
    assert_eq!(lookup(&ct, EAST, by_id("e17")).await, ["e17"]);
    assert_eq!(lookup(&ct, EAST, by_id("e19999")).await, ["e19999"]);
    assert!(lookup(&ct, WEST, by_id("e17")).await.is_empty());
    world.clock.advance(89 * base::time::DAY_MS);
    history.idle().await.unwrap();
    assert_eq!(lookup(&ct, EAST, by_id("e17")).await, ["e17"]);
    world.clock.advance(2 * base::time::DAY_MS);
    assert!(lookup(&ct, EAST, by_id("e17")).await.is_empty());
    history.idle().await.unwrap();
    assert!(world.state.scan(crate::rows::SEGMENTS, state::Range::all(), 100).await.unwrap().is_empty());
    use objects::Objects;
    assert!(world.objects.list("history/", None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn history_finds_each_event_once_whatever_crashes() {
    let expected: Vec<String> = (0..23).rev().map(|i| format!("e{i}")).collect();
    for step in 1.. {
        let world = World::new();
        for i in 0..23 {
            world.event(&format!("e{i}"), EAST).await;
        }
        world.fuse.set(step);
        let taken = async {
            let (_ct, mut history) = with_history(&world).await;
            history.tail_records_max = 5;
            take_all(&world, &mut history).await;
        };
        let crashed = tokio::select! {
            biased;
            () = world.fuse.blown.notified() => true,
            () = taken => false,
        };
        world.fuse.set(0);
        let (ct, mut history) = with_history(&world).await;
        history.tail_records_max = 5;
        take_all(&world, &mut history).await;
        assert_eq!(lookup(&ct, EAST, json!({"MaxResults": 3})).await, expected, "a crash at step {step}");
        if !crashed {
            assert!(step > 8, "{step} steps");
            break;
        }
    }
}

#[tokio::test]
async fn a_change_that_a_crash_kept_out_of_the_journal_is_appended() {
    for step in 1.. {
        let world = World::new();
        let ct = world.open().await;
        let create = |name: &str| json!({"Name": name, "S3BucketName": "logs"});
        run(&ct, EAST, "CreateTrail", create("first")).await.unwrap();
        world.fuse.set(step);
        let crashed = tokio::select! {
            biased;
            () = world.fuse.blown.notified() => true,
            _ = run(&ct, EAST, "CreateTrail", create("second")) => false,
        };
        world.fuse.set(0);
        let ct = world.open().await;
        run(&ct, EAST, "CreateTrail", create("third")).await.unwrap();
        // What delivery knows is what the API knows.
        let mut delivery = crate::Delivery::open(Arc::clone(&ct.shared)).await.unwrap();
        use journal::Journal;
        let entries = world.journal.read(delivery.needs(), journal::ReadLimit::default()).unwrap();
        delivery.take(&entries).await.unwrap();
        let all = ct.trails.all().await.unwrap();
        assert!(all.len() >= 2);
        for trail in all {
            assert_eq!(*ct.shared.trail(&trail.arn).unwrap(), trail, "a crash at step {step}");
        }
        if !crashed {
            assert!(step > 3);
            break;
        }
    }
}

#[test]
fn inputs_are_those_of_the_model() {
    let Some(model) = model::catalog().get("cloudtrail") else {
        eprintln!("skipped: the catalog has no model of cloudtrail");
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ct = runtime.block_on(World::new().open());
    for (name, handler) in crate::definition(ct).operations {
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
