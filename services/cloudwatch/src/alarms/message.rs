//! What topics and functions are told of an alarm, in AWS's words. Sources: CloudWatch user guide, "Notifying users on alarm changes",
//! "Invoke a Lambda function from an alarm".

use base::{Region, Timestamp};
use serde_json::{Map, Value, json};

use super::reason::long;
use super::store::as_json;
use super::{Alarm, MetricAlarm, Source, StateValue, Watches};
use crate::query::MetricDataQuery;

/// A subject has at most so many characters. Source: SNS API reference, Publish.
const SUBJECT_CHARS_MAX: usize = 100;

/// The state that an alarm came from.
#[derive(Clone, Debug)]
pub struct From {
    pub value: StateValue,
    pub reason: String,
    pub data: Option<String>,
    pub time: Timestamp,
}

/// An alarm of a composite alarm's rule.
#[derive(Clone, Debug)]
pub struct Child {
    pub arn: String,
    pub value: StateValue,
    pub time: Timestamp,
}

/// A region's long name. Source: AWS general reference, "Regions and endpoints".
pub fn region_name(region: Region) -> &'static str {
    match region.as_str() {
        "af-south-1" => "Africa (Cape Town)",
        "ap-east-1" => "Asia Pacific (Hong Kong)",
        "ap-east-2" => "Asia Pacific (Taipei)",
        "ap-northeast-1" => "Asia Pacific (Tokyo)",
        "ap-northeast-2" => "Asia Pacific (Seoul)",
        "ap-northeast-3" => "Asia Pacific (Osaka)",
        "ap-south-1" => "Asia Pacific (Mumbai)",
        "ap-south-2" => "Asia Pacific (Hyderabad)",
        "ap-southeast-1" => "Asia Pacific (Singapore)",
        "ap-southeast-2" => "Asia Pacific (Sydney)",
        "ap-southeast-3" => "Asia Pacific (Jakarta)",
        "ap-southeast-4" => "Asia Pacific (Melbourne)",
        "ap-southeast-5" => "Asia Pacific (Malaysia)",
        "ap-southeast-6" => "Asia Pacific (New Zealand)",
        "ap-southeast-7" => "Asia Pacific (Thailand)",
        "ca-central-1" => "Canada (Central)",
        "ca-west-1" => "Canada West (Calgary)",
        "cn-north-1" => "China (Beijing)",
        "cn-northwest-1" => "China (Ningxia)",
        "eu-central-1" => "EU (Frankfurt)",
        "eu-central-2" => "Europe (Zurich)",
        "eu-north-1" => "EU (Stockholm)",
        "eu-south-1" => "EU (Milan)",
        "eu-south-2" => "Europe (Spain)",
        "eu-west-1" => "EU (Ireland)",
        "eu-west-2" => "EU (London)",
        "eu-west-3" => "EU (Paris)",
        "il-central-1" => "Israel (Tel Aviv)",
        "me-central-1" => "Middle East (UAE)",
        "me-south-1" => "Middle East (Bahrain)",
        "mx-central-1" => "Mexico (Central)",
        "sa-east-1" => "South America (Sao Paulo)",
        "us-east-1" => "US East (N. Virginia)",
        "us-east-2" => "US East (Ohio)",
        "us-west-1" => "US West (N. California)",
        "us-west-2" => "US West (Oregon)",
        other => other,
    }
}

/// `ALARM: "name" in US East (N. Virginia)`.
pub fn subject(alarm: &Alarm) -> String {
    let (state, region) = (alarm.state.value.as_str(), region_name(alarm.region));
    let whole = format!("{state}: \"{}\" in {region}", alarm.name);
    let excess = whole.chars().count().saturating_sub(SUBJECT_CHARS_MAX);
    if excess == 0 {
        return whole;
    }
    let kept = alarm.name.chars().count().saturating_sub(excess + 3);
    let name: String = alarm.name.chars().take(kept).collect();
    format!("{state}: \"{name}...\" in {region}")
}

/// What a topic gets.
pub fn notice(alarm: &Alarm, from: &From, children: &[Child], account: &str) -> String {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("AlarmName", json!(alarm.name));
    put("AlarmDescription", json!(alarm.description));
    put("AWSAccountId", json!(account));
    put("AlarmConfigurationUpdatedTimestamp", json!(long(alarm.configured)));
    put("NewStateValue", json!(alarm.state.value.as_str()));
    put("NewStateReason", json!(alarm.state.reason));
    put("StateChangeTime", json!(long(alarm.state.updated)));
    put("Region", json!(region_name(alarm.region)));
    put("AlarmArn", json!(alarm.arn));
    put("OldStateValue", json!(from.value.as_str()));
    put("OKActions", json!(alarm.ok_actions));
    put("AlarmActions", json!(alarm.alarm_actions));
    put("InsufficientDataActions", json!(alarm.insufficient_data_actions));
    match &alarm.watches {
        Watches::Metric(metric) => {
            put("Trigger", trigger(metric));
        }
        Watches::Composite(composite) => {
            put("AlarmRule", json!(composite.rule));
            let state = |child: &Child| json!({"Arn": child.arn, "State": {"Value": child.value.as_str(), "Timestamp": long(child.time)}});
            put("TriggeringChildren", children.iter().map(state).collect());
        }
    }
    Value::Object(out).to_string()
}

/// `AVERAGE`.
fn statistic_word(stat: &str) -> String {
    match stat {
        "SampleCount" => "SAMPLE_COUNT".to_owned(),
        other => other.to_ascii_uppercase(),
    }
}

fn lower_dimensions(query: &crate::query::MetricName) -> Value {
    query.dimensions.iter().map(|one| json!({"value": one.value, "name": one.name})).collect()
}

fn trigger(metric: &MetricAlarm) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    match &metric.source {
        Source::One { metric: name, stat, is_extended, period, unit } => {
            put("MetricName", json!(name.metric_name));
            put("Namespace", json!(name.namespace));
            put("StatisticType", json!(if *is_extended { "ExtendedStatistic" } else { "Statistic" }));
            match is_extended {
                true => put("ExtendedStatistic", json!(stat)),
                false => put("Statistic", json!(statistic_word(stat))),
            };
            put("Unit", json!(unit));
            put("Dimensions", lower_dimensions(name));
            put("Period", json!(period));
        }
        Source::Many(queries) => {
            put("Period", json!(metric.period()));
            put("Metrics", queries.iter().map(query_json).collect());
        }
    }
    put("EvaluationPeriods", json!(metric.evaluation_periods));
    if let Some(needed) = metric.datapoints_to_alarm {
        put("DatapointsToAlarm", json!(needed));
    }
    put("ComparisonOperator", json!(metric.comparison.as_str()));
    put("Threshold", json!(metric.threshold));
    put("TreatMissingData", json!(metric.treat_missing_data.clone().unwrap_or_default()));
    put("EvaluateLowSampleCountPercentile", json!(metric.low_samples.clone().unwrap_or_default()));
    Value::Object(out)
}

/// A query as topics see it.
fn query_json(query: &MetricDataQuery) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    if let Some(expression) = &query.expression {
        put("Expression", json!(expression));
    }
    put("Id", json!(query.id));
    if let Some(label) = &query.label {
        put("Label", json!(label));
    }
    if let Some(stat) = &query.metric_stat {
        let metric = json!({
            "Dimensions": lower_dimensions(&stat.metric),
            "MetricName": stat.metric.metric_name,
            "Namespace": stat.metric.namespace,
        });
        put("MetricStat", json!({"Metric": metric, "Period": stat.period, "Stat": stat.stat}));
    }
    put("ReturnData", json!(query.return_data != Some(false)));
    Value::Object(out)
}

/// What a function gets.
pub fn event(alarm: &Alarm, from: &From, account: &str) -> String {
    let state = |value: StateValue, reason: &str, data: Option<&str>, time: Timestamp| {
        let mut out = json!({"value": value.as_str(), "reason": reason, "timestamp": long(time)});
        if let Some(data) = data {
            out["reasonData"] = json!(data);
        }
        out
    };
    let configuration = match &alarm.watches {
        Watches::Composite(composite) => {
            let mut out = json!({"alarmRule": composite.rule, "actionsSuppressor": composite.suppressor,
                "actionsSuppressorWaitPeriod": composite.wait_s, "actionsSuppressorExtensionPeriod": composite.extension_s});
            if let Some(out) = out.as_object_mut() {
                out.retain(|_, value| !value.is_null());
            }
            out
        }
        Watches::Metric(metric) => json!({"description": alarm.description, "metrics": metrics(metric)}),
    };
    json!({
        "source": "aws.cloudwatch",
        "alarmArn": alarm.arn,
        "accountId": account,
        "time": long(alarm.state.updated),
        "region": alarm.region.as_str(),
        "alarmData": {
            "alarmName": alarm.name,
            "state": state(alarm.state.value, &alarm.state.reason, alarm.state.reason_data.as_deref(), alarm.state.updated),
            "previousState": state(from.value, &from.reason, from.data.as_deref(), from.time),
            "configuration": configuration,
        },
    })
    .to_string()
}

fn metrics(metric: &MetricAlarm) -> Value {
    let one = |name: &crate::query::MetricName| {
        let dimensions: Map<String, Value> =
            name.dimensions.iter().map(|one| (one.name.clone(), json!(one.value))).collect();
        json!({"namespace": name.namespace, "name": name.metric_name, "dimensions": dimensions})
    };
    match &metric.source {
        Source::One { metric: name, stat, period, .. } => {
            json!([{"id": "m1", "metricStat": {"metric": one(name), "period": period, "stat": stat}, "returnData": true}])
        }
        Source::Many(queries) => queries
            .iter()
            .map(|query| {
                let mut out = json!({"id": query.id, "returnData": query.return_data != Some(false)});
                if let Some(expression) = &query.expression {
                    out["expression"] = json!(expression);
                }
                if let Some(label) = &query.label {
                    out["label"] = json!(label);
                }
                if let Some(stat) = &query.metric_stat {
                    out["metricStat"] = json!({"metric": one(&stat.metric), "period": stat.period, "stat": stat.stat});
                }
                out
            })
            .collect(),
    }
}

/// The state as history keeps it.
pub fn state_json(value: StateValue, reason: &str, data: Option<&str>) -> Value {
    let mut out = json!({"stateValue": value.as_str(), "stateReason": reason});
    if data.is_some() {
        out["stateReasonData"] = as_json(data);
    }
    out
}
