//! Alarms through the whole service.

use base::Region;
use serde_json::{Value, json};

use crate::testing::World;

const TOPIC: &str = "arn:aws:sns:us-east-1:111111111111:t";

fn alarm(name: &str, more: Value) -> Value {
    let mut input = json!({
        "AlarmName": name, "Namespace": "N", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
        "Threshold": 1.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching",
        "AlarmActions": [TOPIC], "OKActions": [TOPIC],
    });
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    input
}

fn got(world: &World) -> Vec<(String, Value)> {
    let got = world.topics.got.lock().unwrap();
    got.iter().map(|one| (one.subject.clone().unwrap(), serde_json::from_str(&one.message).unwrap())).collect()
}

#[tokio::test]
async fn data_flip_an_alarm_at_once_and_the_minute_keeps_it() {
    let world = World::new().await;
    world.run("PutMetricAlarm", alarm("a", json!({}))).await;
    world.minute().await;
    assert_eq!(world.alarm("a").0, "OK");
    assert_eq!(
        world.alarm("a").1,
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching]."
    );
    world.pass_s(30);
    world.put("m", &[3.0]).await;
    assert_eq!(world.alarm("a").0, "ALARM", "before the minute is over");
    assert_eq!(
        world.alarm("a").1,
        "Threshold Crossed: 1 datapoint [3.0 (14/11/23 23:01:00)] was greater than or equal to the threshold (1.0)."
    );
    world.tick().await;
    assert_eq!(world.alarm("a").0, "ALARM", "a period that ended before says nothing against it");
    let (subject, message) = got(&world).pop().unwrap();
    assert_eq!(subject, "ALARM: \"a\" in US East (N. Virginia)");
    assert_eq!((&message["OldStateValue"], &message["NewStateValue"]), (&json!("OK"), &json!("ALARM")));
    assert_eq!(
        message["Trigger"],
        json!({"MetricName": "m", "Namespace": "N", "StatisticType": "Statistic", "Statistic": "SUM", "Unit": null, "Dimensions": [], "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1.0, "TreatMissingData": "notBreaching", "EvaluateLowSampleCountPercentile": ""})
    );
    // The last real data point is looked at for as long as it is in the evaluation range.
    for expected in ["ALARM", "ALARM", "ALARM", "OK"] {
        world.minute().await;
        assert_eq!(world.alarm("a").0, expected);
    }
    let subjects: Vec<String> = got(&world).into_iter().map(|(subject, _)| subject).collect();
    assert_eq!(
        subjects,
        [
            "OK: \"a\" in US East (N. Virginia)",
            "ALARM: \"a\" in US East (N. Virginia)",
            "OK: \"a\" in US East (N. Virginia)"
        ]
    );
}

#[tokio::test]
async fn near_misses_do_not_flip() {
    let world = World::new().await;
    world.run("PutMetricAlarm", alarm("five", json!({"Threshold": 5}))).await;
    world.run("PutMetricAlarm", alarm("mean", json!({"Statistic": "Average", "Threshold": 2}))).await;
    world
        .run(
            "PutMetricAlarm",
            alarm(
                "less",
                json!({"ComparisonOperator": "LessThanThreshold", "Threshold": 2, "TreatMissingData": "missing"}),
            ),
        )
        .await;
    world.put("m", &[1.0, 1.0, 1.0, 1.0]).await;
    for name in ["five", "mean", "less"] {
        assert_ne!(world.alarm(name).0, "ALARM", "{name}");
    }
    world.put("m", &[4.0]).await;
    assert_eq!(world.alarm("five").0, "ALARM");
    world.minute().await;
    assert_eq!((world.alarm("mean").0.as_str(), world.alarm("less").0.as_str()), ("OK", "OK"));
    world.put("m", &[2.0]).await;
    assert_eq!(world.alarm("mean").0, "OK", "the mean may still change");
    world.minute().await;
    assert_eq!(world.alarm("mean").0, "ALARM");
}

#[tokio::test]
async fn data_of_a_minute_that_is_over_flip_at_once() {
    let world = World::new().await;
    world.run("PutMetricAlarm", alarm("a", json!({}))).await;
    world.minute().await;
    assert_eq!(world.alarm("a").0, "OK");
    let late = json!([{"MetricName": "m", "Value": 1, "Timestamp": crate::testing::time(world.now_ms() - 5_000)}]);
    world.run("PutMetricData", json!({"Namespace": "N", "MetricData": late})).await;
    assert_eq!(world.alarm("a").0, "ALARM");
    world.tick().await;
    assert_eq!(world.alarm("a").0, "ALARM");
}

#[tokio::test]
async fn two_out_of_three() {
    let world = World::new().await;
    world
        .run("PutMetricAlarm", alarm("a", json!({"EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Period": 300})))
        .await;
    for (value, expected) in [(0.0, "OK"), (1.0, "OK"), (0.0, "OK"), (1.0, "ALARM")] {
        world.put("m", &[value]).await;
        for _ in 0..4 {
            world.minute().await;
        }
        assert_eq!(world.alarm("a").0, expected, "after {value}");
        world.minute().await;
    }
    assert!(
        world.alarm("a").1.starts_with("Threshold Crossed: 2 out of the last 3 datapoints [1.0 ("),
        "{}",
        world.alarm("a").1
    );
    assert!(world.alarm("a").1.ends_with(
        "were greater than or equal to the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition)."
    ));
}

#[tokio::test]
async fn expressions_and_percentiles() {
    let world = World::new().await;
    let metric = |name: &str, id: &str| json!({"Id": id, "MetricStat": {"Metric": {"Namespace": "N", "MetricName": name}, "Period": 60, "Stat": "Sum"}, "ReturnData": false});
    let queries = json!([metric("errors", "m1"), metric("calls", "m2"), {"Id": "e1", "Expression": "m1 / m2 * 100", "Label": "rate"}]);
    let base = json!({"AlarmName": "rate", "EvaluationPeriods": 1, "Threshold": 10, "ComparisonOperator": "GreaterThanThreshold", "Metrics": queries, "AlarmActions": [TOPIC]});
    world.run("PutMetricAlarm", base).await;
    world.run("PutMetricAlarm", json!({"AlarmName": "p", "Namespace": "N", "MetricName": "calls", "ExtendedStatistic": "p90", "Period": 60, "EvaluationPeriods": 1, "Threshold": 50, "ComparisonOperator": "GreaterThanThreshold"})).await;
    world.put("errors", &[2.0]).await;
    world.put("calls", &[9.0, 1.0]).await;
    world.minute().await;
    assert_eq!((world.alarm("rate").0.as_str(), world.alarm("p").0.as_str()), ("ALARM", "OK"));
    world.tick().await;
    let (_, message) = got(&world).pop().unwrap();
    assert_eq!(
        message["Trigger"]["Metrics"][2],
        json!({"Expression": "m1 / m2 * 100", "Id": "e1", "Label": "rate", "ReturnData": true})
    );
    let ignoring = json!({"AlarmName": "p", "Namespace": "N", "MetricName": "calls", "ExtendedStatistic": "p90", "Period": 60, "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold", "EvaluateLowSampleCountPercentile": "ignore"});
    world.run("PutMetricAlarm", ignoring).await;
    world.put("calls", &[9.0; 3]).await;
    world.minute().await;
    assert_eq!(world.alarm("p").0, "OK", "too few samples");
    world.put("calls", &[9.0; 120]).await;
    world.pass_s(240);
    world.put("calls", &[9.0; 120]).await;
    world.minute().await;
    assert_eq!(world.alarm("p").0, "ALARM");
}

#[tokio::test]
async fn composite_alarms_follow() {
    let world = World::new().await;
    for name in ["a", "b"] {
        world
            .run("PutMetricAlarm", alarm(name, json!({"MetricName": name, "AlarmActions": [], "OKActions": []})))
            .await;
    }
    let rule = "ALARM(a) AND ALARM(\"b\")";
    let put = |name: &str, rule: &str| json!({"AlarmName": name, "AlarmRule": rule, "AlarmActions": [TOPIC]});
    world.run("PutCompositeAlarm", put("both", rule)).await;
    world.run("PutCompositeAlarm", put("above", "ALARM(both) OR FALSE")).await;
    assert_eq!(
        world.alarm("both"),
        (
            "OK".to_owned(),
            "arn:aws:cloudwatch:us-east-1:111111111111:alarm:both was created and its alarm rule evaluates to OK"
                .to_owned()
        )
    );
    world.put("a", &[1.0]).await;
    assert_eq!(world.alarm("both").0, "OK");
    world.put("b", &[1.0]).await;
    assert_eq!((world.alarm("both").0.as_str(), world.alarm("above").0.as_str()), ("ALARM", "ALARM"));
    assert_eq!(
        world.alarm("both").1,
        "arn:aws:cloudwatch:us-east-1:111111111111:alarm:b transitioned to ALARM at Tuesday 14 November, 2023 23:00:00 UTC"
    );
    world.tick().await;
    let mut names: Vec<String> = got(&world).iter().map(|(_, message)| message["AlarmName"].to_string()).collect();
    names.sort();
    assert_eq!(names, ["\"above\"", "\"both\""]);
    let both = got(&world).into_iter().find(|(_, message)| message["AlarmName"] == "both").unwrap().1;
    assert_eq!(
        (both["AlarmRule"].as_str(), both["TriggeringChildren"].as_array().map(Vec::len)),
        (Some(rule), Some(2))
    );
    for (names, text) in [
        (json!(["a"]), "Cannot delete a as there are composite alarm(s) depending on it: [both]"),
        (json!(["both", "above"]), "You can delete at most one composite alarm in one operation."),
    ] {
        assert_eq!(
            world.refused("DeleteAlarms", json!({"AlarmNames": names})).await,
            ("ValidationError".to_owned(), text.to_owned())
        );
    }
    let missing = world.refused("PutCompositeAlarm", put("x", "ALARM(none)")).await;
    assert_eq!(missing.1, "Could not save the composite alarm as alarms [none] in the alarm rule do not exist");
    let children = world.run("DescribeAlarms", json!({"ChildrenOfAlarmName": "above"})).await;
    assert_eq!(children["CompositeAlarms"][0]["AlarmName"], "both");
    world.run("DeleteAlarms", json!({"AlarmNames": ["above"]})).await;
    world.run("DeleteAlarms", json!({"AlarmNames": ["both", "a", "b"]})).await;
}

#[tokio::test]
async fn suppressors_hold_actions_back() {
    let world = World::new().await;
    for name in ["a", "quiet"] {
        world
            .run("PutMetricAlarm", alarm(name, json!({"MetricName": name, "AlarmActions": [], "OKActions": []})))
            .await;
    }
    world.run("PutCompositeAlarm", json!({"AlarmName": "c", "AlarmRule": "ALARM(a)", "AlarmActions": [TOPIC], "ActionsSuppressor": "quiet", "ActionsSuppressorWaitPeriod": 20, "ActionsSuppressorExtensionPeriod": 30})).await;
    let set = |name: &str, state: &str| json!({"AlarmName": name, "StateValue": state, "StateReason": "r"});
    let by = async |world: &World| {
        world.run("DescribeAlarms", json!({"AlarmTypes": ["CompositeAlarm"]})).await["CompositeAlarms"][0]["ActionsSuppressedBy"].clone()
    };
    world.run("SetAlarmState", set("a", "ALARM")).await;
    world.tick().await;
    assert_eq!((by(&world).await, got(&world).len()), (json!("WaitPeriod"), 0));
    world.run("SetAlarmState", set("quiet", "ALARM")).await;
    world.pass_s(25);
    world.tick().await;
    assert_eq!((by(&world).await, got(&world).len()), (json!("Alarm"), 0));
    world.run("SetAlarmState", set("quiet", "OK")).await;
    assert_eq!(by(&world).await, "ExtensionPeriod");
    world.run("SetAlarmState", set("a", "ALARM")).await;
    world.pass_s(31);
    world
        .cloudwatch
        .alarms
        .see(|memory| assert_eq!(memory.alarm(Region::US_EAST_1, "c").unwrap().state.value.as_str(), "ALARM"));
    world.tick().await;
    assert_eq!(got(&world).len(), 1);
}

#[tokio::test]
async fn a_crash_loses_no_action() {
    let world = World::new().await;
    world.run("PutMetricAlarm", alarm("a", json!({"OKActions": []}))).await;
    *world.topics.is_away.lock().unwrap() = true;
    world.put("m", &[1.0]).await;
    world.tick().await;
    assert_eq!((got(&world).len(), world.cloudwatch.alarms.see(|memory| memory.pending_count())), (0, 1));
    let world = world.crash().await;
    *world.topics.is_away.lock().unwrap() = false;
    world.tick().await;
    assert_eq!(got(&world).len(), 0, "it is tried again after a pause");
    world.pass_s(2);
    world.tick().await;
    assert_eq!((got(&world).len(), world.cloudwatch.alarms.see(|memory| memory.pending_count())), (1, 0));
    let history = world.run("DescribeAlarmHistory", json!({"AlarmName": "a"})).await;
    let items: Vec<(&str, &str)> = history["AlarmHistoryItems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["HistoryItemType"].as_str().unwrap(), item["HistorySummary"].as_str().unwrap()))
        .collect();
    assert_eq!(items[0], ("Action", "Successfully executed action arn:aws:sns:us-east-1:111111111111:t"));
    assert!(items.contains(&("ConfigurationUpdate", "Alarm \"a\" created")), "{items:?}");
    assert!(items.contains(&("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM")), "{items:?}");
    // Pages.
    let mut seen = 0;
    let mut token = Value::Null;
    loop {
        let page = world
            .run("DescribeAlarmHistory", json!({"MaxRecords": 1, "NextToken": token, "ScanBy": "TimestampAscending"}))
            .await;
        seen += page["AlarmHistoryItems"].as_array().unwrap().len();
        match page.get("NextToken").filter(|token| !token.is_null()) {
            Some(next) => token = next.clone(),
            None => break,
        }
    }
    assert_eq!(seen, items.len());
}

#[tokio::test]
async fn actions_that_cannot_be_carried_out_are_in_the_history() {
    let world = World::new().await;
    let actions = json!(["arn:aws:sns:us-east-1:111111111111:gone", "arn:aws:automate:us-east-1:ec2:stop"]);
    world.run("PutMetricAlarm", alarm("a", json!({"AlarmActions": actions, "OKActions": []}))).await;
    world.minute().await;
    world.run("SetAlarmState", json!({"AlarmName": "a", "StateValue": "ALARM", "StateReason": "test"})).await;
    world.tick().await;
    let history = world.run("DescribeAlarmHistory", json!({"AlarmName": "a", "HistoryItemType": "Action"})).await;
    let mut items: Vec<&str> = history["AlarmHistoryItems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["HistorySummary"].as_str().unwrap())
        .collect();
    items.sort_unstable();
    assert_eq!(
        items,
        [
            "Failed to execute action arn:aws:automate:us-east-1:ec2:stop. Received error: \"actions of automate are not carried out by this server\"",
            "Failed to execute action arn:aws:sns:us-east-1:111111111111:gone. Received error: \"Topic does not exist\"",
        ]
    );
    // Disabled actions are not tried.
    world.run("DisableAlarmActions", json!({"AlarmNames": ["a", "none"]})).await;
    world.run("SetAlarmState", json!({"AlarmName": "a", "StateValue": "OK", "StateReason": "test"})).await;
    world.tick().await;
    assert_eq!(got(&world).len(), 0);
}

#[tokio::test]
async fn alarms_that_cannot_be_are_refused() {
    let world = World::new().await;
    for (more, part) in [
        (json!({"Period": 45}), "multiple of 60"),
        (json!({"Period": 300, "EvaluationPeriods": 300}), "Metrics cannot be checked across more than a day"),
        (json!({"DatapointsToAlarm": 2}), "DatapointsToAlarm"),
        (json!({"TreatMissingData": "never"}), "TreatMissingData"),
        (json!({"ComparisonOperator": "GreaterThanUpperThreshold", "ThresholdMetricId": "ad1"}), "Anomaly detection"),
        (json!({"Statistic": null}), "Statistic"),
        (json!({"AlarmActions": ["nonsense"]}), "Invalid arn syntax: nonsense"),
        (
            json!({"AlarmActions": ["arn:aws:sns:eu-west-1:111111111111:t"]}),
            "Invalid region eu-west-1 specified. Only us-east-1 is supported.",
        ),
        (json!({"Metrics": [{"Id": "m1", "Expression": "1"}]}), "Metrics list"),
    ] {
        let (code, text) = world.refused("PutMetricAlarm", alarm("a", more.clone())).await;
        assert!(code == "ValidationError" && text.contains(part), "{more}: {code} {text}");
    }
    assert_eq!(
        world.refused("SetAlarmState", json!({"AlarmName": "a", "StateValue": "OK", "StateReason": ""})).await.0,
        "ResourceNotFound"
    );
    assert_eq!(world.refused("DeleteAlarms", json!({"AlarmNames": ["a"]})).await.0, "ResourceNotFound");
}

#[tokio::test]
async fn an_alarm_that_is_put_again_keeps_its_state_and_tags() {
    let world = World::new().await;
    world.run("PutMetricAlarm", alarm("a", json!({"Tags": [{"Key": "k", "Value": "v"}]}))).await;
    world.put("m", &[1.0]).await;
    world.run("PutMetricAlarm", alarm("a", json!({"Threshold": 100, "Tags": []}))).await;
    assert_eq!(world.alarm("a").0, "ALARM");
    let arn = "arn:aws:cloudwatch:us-east-1:111111111111:alarm:a";
    let tags =
        async |world: &World| world.run("ListTagsForResource", json!({"ResourceARN": arn})).await["Tags"].clone();
    assert_eq!(tags(&world).await, json!([{"Key": "k", "Value": "v"}]));
    world
        .run(
            "TagResource",
            json!({"ResourceARN": arn, "Tags": [{"Key": "k", "Value": "w"}, {"Key": "l", "Value": ""}]}),
        )
        .await;
    world.run("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["l"]})).await;
    assert_eq!(tags(&world).await, json!([{"Key": "k", "Value": "w"}]));
    world.minute().await;
    assert_eq!(world.alarm("a").0, "OK", "evaluated by what it is now");
}
