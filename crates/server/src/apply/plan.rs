//! What is there, what a pack wants, and the calls between the two.

use serde_json::{Map, Value, json};

use super::pack::Item;
use crate::client::{CLOUDTRAIL, CLOUDWATCH, CallError, Client, LOGS, Service};
use crate::commands::Failure;
use crate::terminal::Style;

/// How many pages of filters or alarms are read. There are 100 filters at most on a group, and few alarms of one prefix.
const PAGES_MAX: usize = 200;

/// What is worked on.
pub struct Work<'a> {
    pub client: &'a Client,
    pub region: &'a str,
    pub group: &'a str,
    pub topic: Option<&'a str>,
    pub prefix: &'a str,
    pub dry_run: bool,
}

/// What became of an item.
pub struct Done {
    pub name: String,
    pub title: String,
    pub warning: Option<String>,
    pub filter: Result,
    pub alarm: Result,
}

/// What became of a filter or an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Result {
    Created,
    Changed,
    Unchanged,
    Removed,
    Absent,
}

impl Result {
    /// What the table says.
    pub fn word(self, dry_run: bool) -> &'static str {
        match (self, dry_run) {
            (Result::Created, false) => "created",
            (Result::Created, true) => "to create",
            (Result::Changed, false) => "changed",
            (Result::Changed, true) => "to change",
            (Result::Removed, false) => "removed",
            (Result::Removed, true) => "to remove",
            (Result::Unchanged, _) => "as it is",
            (Result::Absent, _) => "not there",
        }
    }

    pub fn style(self) -> Style {
        match self {
            Result::Created | Result::Changed | Result::Removed => Style::Good,
            Result::Unchanged | Result::Absent => Style::Dim,
        }
    }

    pub fn changes(self) -> bool {
        matches!(self, Result::Created | Result::Changed | Result::Removed)
    }
}

impl Work<'_> {
    /// Makes filters and alarms as the items are.
    pub async fn apply(&self, items: &[Item]) -> std::result::Result<Vec<Done>, Failure> {
        let (filters, alarms) = (self.filters().await?, self.alarms().await?);
        let mut done = Vec::new();
        for item in items {
            let wanted = filter(self.group, item);
            let filter = compared(named(&filters, "filterName", &item.name), &wanted);
            if filter.changes() {
                self.change(LOGS, "PutMetricFilter", &wanted).await?;
            }
            let there = named(&alarms, "AlarmName", &item.name);
            let wanted = alarm(item, self.topic, there);
            let alarm = compared(there, &wanted);
            if alarm.changes() {
                self.change(CLOUDWATCH, "PutMetricAlarm", &wanted).await?;
            }
            done.push(Done {
                name: item.name.clone(),
                title: item.title.clone(),
                warning: item.warning.clone(),
                filter,
                alarm,
            });
        }
        Ok(done)
    }

    /// Removes the filters and alarms of the items.
    pub async fn remove(&self, items: &[Item]) -> std::result::Result<Vec<Done>, Failure> {
        let (filters, alarms) = (self.filters().await?, self.alarms().await?);
        let gone = |there: Option<&Value>| if there.is_some() { Result::Removed } else { Result::Absent };
        let mut done = Vec::new();
        for item in items {
            let alarm = gone(named(&alarms, "AlarmName", &item.name));
            if alarm.changes() {
                self.change(CLOUDWATCH, "DeleteAlarms", &json!({ "AlarmNames": [item.name] })).await?;
            }
            let filter = gone(named(&filters, "filterName", &item.name));
            if filter.changes() {
                let which = json!({ "logGroupName": self.group, "filterName": item.name });
                self.change(LOGS, "DeleteMetricFilter", &which).await?;
            }
            done.push(Done { name: item.name.clone(), title: item.title.clone(), warning: None, filter, alarm });
        }
        Ok(done)
    }

    async fn change(&self, service: Service, operation: &str, body: &Value) -> std::result::Result<(), Failure> {
        if !self.dry_run {
            self.client.empty(service, operation, self.region, body).await?;
        }
        Ok(())
    }

    async fn filters(&self) -> std::result::Result<Vec<Value>, Failure> {
        let asked = json!({ "logGroupName": self.group, "filterNamePrefix": self.prefix });
        let found = self.pages(LOGS, "DescribeMetricFilters", asked, ["metricFilters", "nextToken"]).await;
        found.map_err(|error| match &error {
            CallError::Refused { code, .. } if code == "ResourceNotFoundException" => format!(
                "{} has no log group {}: name another with --log-group, or make it and let a trail deliver to it",
                self.region, self.group
            )
            .into(),
            _ => error.into(),
        })
    }

    async fn alarms(&self) -> std::result::Result<Vec<Value>, Failure> {
        let asked = json!({ "AlarmNamePrefix": self.prefix, "AlarmTypes": ["MetricAlarm"] });
        Ok(self.pages(CLOUDWATCH, "DescribeAlarms", asked, ["MetricAlarms", "NextToken"]).await?)
    }

    async fn pages(
        &self,
        service: Service,
        operation: &str,
        mut asked: Value,
        [list, token]: [&str; 2],
    ) -> std::result::Result<Vec<Value>, CallError> {
        let mut all = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut page = self.client.json(service, operation, self.region, &asked).await?;
            if let Some(Value::Array(found)) = page.get_mut(list).map(Value::take) {
                all.extend(found);
            }
            match page.get_mut(token).map(Value::take) {
                Some(next @ Value::String(_)) => asked[token] = next,
                _ => break,
            }
        }
        Ok(all)
    }
}

/// The log group that trails of a region deliver to, if it is but one.
pub async fn log_group(client: &Client, region: &str) -> std::result::Result<String, Failure> {
    let trails = client.json(CLOUDTRAIL, "DescribeTrails", region, &json!({ "includeShadowTrails": true })).await?;
    let trails = trails["trailList"].as_array().map_or(&[][..], Vec::as_slice);
    let arns = trails.iter().filter_map(|trail| trail["CloudWatchLogsLogGroupArn"].as_str());
    let mut names: Vec<&str> = arns
        .filter_map(|arn| match arn.splitn(7, ':').collect::<Vec<_>>()[..] {
            [_, _, _, there, _, _, name] if there == region => Some(name.trim_end_matches(":*")),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    match names[..] {
        [only] => Ok(only.to_owned()),
        [] => Err(format!("no trail of {region} delivers to a log group: name one with --log-group").into()),
        _ => Err(format!(
            "trails of {region} deliver to several log groups: name one with --log-group: {}",
            names.join(", ")
        )
        .into()),
    }
}

fn named<'v>(there: &'v [Value], key: &str, name: &str) -> Option<&'v Value> {
    there.iter().find(|value| value[key] == name)
}

/// PutMetricFilter's input.
fn filter(group: &str, item: &Item) -> Value {
    let mut transformation = json!({
        "metricName": item.metric,
        "metricNamespace": item.namespace,
        "metricValue": item.value,
    });
    if let Some(value) = item.default_value {
        transformation["defaultValue"] = json!(value);
    }
    json!({
        "logGroupName": group,
        "filterName": item.name,
        "filterPattern": item.pattern,
        "metricTransformations": [transformation],
    })
}

/// PutMetricAlarm's input. What the pack has no word for stays as it is there.
fn alarm(item: &Item, topic: Option<&str>, there: Option<&Value>) -> Value {
    let mut wanted = json!({
        "AlarmName": item.name,
        "AlarmDescription": item.description,
        "Namespace": item.namespace,
        "MetricName": item.metric,
        "Statistic": item.statistic,
        "Period": item.period,
        "EvaluationPeriods": item.evaluation_periods,
        "DatapointsToAlarm": item.datapoints,
        "Threshold": item.threshold,
        "ComparisonOperator": item.comparison,
        "TreatMissingData": item.missing,
    });
    for kept in ["OKActions", "InsufficientDataActions", "AlarmActions", "ActionsEnabled"] {
        if let Some(value) = there.and_then(|there| there.get(kept)).filter(|value| !value.is_null()) {
            wanted[kept] = value.clone();
        }
    }
    if let Some(topic) = topic {
        let mut actions = wanted["AlarmActions"].as_array().cloned().unwrap_or_default();
        // Another action, of another topic perhaps, is somebody's who wants to hear of it, too.
        if !actions.iter().any(|action| action == topic) {
            actions.push(topic.into());
        }
        wanted["AlarmActions"] = Value::Array(actions);
    }
    wanted
}

/// Whether everything that is wanted is there already.
fn compared(there: Option<&Value>, wanted: &Value) -> Result {
    match there {
        None => Result::Created,
        Some(there) if contains(there, wanted) => Result::Unchanged,
        Some(_) => Result::Changed,
    }
}

fn contains(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted.iter().all(|(name, value)| has(there, name, value)),
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len() && there.iter().zip(wanted).all(|(there, wanted)| contains(there, wanted))
        }
        (Value::Number(there), Value::Number(wanted)) => there.as_f64() == wanted.as_f64(),
        (there, wanted) => there == wanted,
    }
}

fn has(there: &Map<String, Value>, name: &str, wanted: &Value) -> bool {
    match there.get(name) {
        Some(value) => contains(value, wanted),
        // Answers leave out what says which group was asked, and how many data points if it is all of them.
        None => matches!(name, "logGroupName" | "DatapointsToAlarm" | "TreatMissingData"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::pack::Pack;
    use super::*;

    fn item() -> Item {
        Pack::load("cis").unwrap().items(None, &BTreeMap::new()).unwrap().remove(0)
    }

    #[test]
    fn what_is_there_as_wanted_is_left_alone() {
        let item = item();
        let wanted = alarm(&item, Some("arn:aws:sns:us-east-1:123456789012:alerts"), None);
        let mut there = wanted.clone();
        there["AlarmArn"] = json!("arn");
        there["Threshold"] = json!(1);
        assert_eq!(compared(Some(&there), &wanted), Result::Unchanged);
        there["Period"] = json!(60);
        assert_eq!(compared(Some(&there), &wanted), Result::Changed);
        assert_eq!(compared(None, &wanted), Result::Created);
    }

    #[test]
    fn actions_that_are_there_stay() {
        let item = item();
        let there = json!({ "AlarmActions": ["a"], "OKActions": ["b"], "ActionsEnabled": false });
        let wanted = alarm(&item, Some("t"), Some(&there));
        assert_eq!((&wanted["AlarmActions"], &wanted["OKActions"]), (&json!(["a", "t"]), &json!(["b"])));
        assert_eq!(wanted["ActionsEnabled"], false);
        assert_eq!(alarm(&item, None, Some(&there))["AlarmActions"], json!(["a"]));
        assert_eq!(alarm(&item, None, None).get("AlarmActions"), None);
    }

    #[test]
    fn a_pattern_of_other_bytes_is_another_pattern() {
        let item = item();
        let wanted = filter("g", &item);
        let mut there = wanted.clone();
        assert_eq!(compared(Some(&there), &wanted), Result::Unchanged);
        there["filterPattern"] = json!(format!("{} ", item.pattern));
        assert_eq!(compared(Some(&there), &wanted), Result::Changed);
    }
}
