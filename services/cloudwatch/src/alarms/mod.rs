//! Alarms: what they watch, the state they are in, and who is told ([ADR 28]).
//!
//! [ADR 28]: ../../../../docs/adr/0028-metrics-and-alarms.md

pub(crate) mod actions;
mod arrival;
pub(crate) mod composite;
pub(crate) mod evaluate;
pub(crate) mod history;
mod judge;
mod message;
pub(crate) mod reason;
pub(crate) mod rule;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use base::{Region, Timestamp};
use serde::{Deserialize, Serialize};

use crate::metric::Metric;
use crate::query::{MetricDataQuery, MetricName};

/// Metrics that have new data and that alarms have not looked at.
pub(crate) type Touched = BTreeSet<(Region, Arc<Metric>)>;

/// The version of the rows.
pub(crate) const VERSION: u32 = 1;

/// The state of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StateValue {
    /// Within the threshold.
    #[serde(rename = "OK")]
    Ok,
    /// Outside the threshold.
    #[serde(rename = "ALARM")]
    Alarm,
    /// Nobody knows.
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
}

impl StateValue {
    /// As the API has it.
    pub fn as_str(self) -> &'static str {
        match self {
            StateValue::Ok => "OK",
            StateValue::Alarm => "ALARM",
            StateValue::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    /// Reads the API's.
    pub fn parse(text: &str) -> Option<StateValue> {
        [StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// How missing data count. Source: CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "the words are AWS's")]
pub enum Missing {
    /// As outside the threshold.
    Breaching,
    /// As within it.
    NotBreaching,
    /// The state stays.
    Ignore,
    /// If all are missing, nobody knows.
    Missing,
}

impl Missing {
    /// Reads the API's word.
    pub fn parse(text: &str) -> Option<Missing> {
        Some(match text {
            "breaching" => Missing::Breaching,
            "notBreaching" => Missing::NotBreaching,
            "ignore" => Missing::Ignore,
            "missing" => Missing::Missing,
            _ => return None,
        })
    }
}

/// How a value is held against the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::enum_variant_names, reason = "the words are AWS's")]
pub enum Comparison {
    GreaterThanOrEqualToThreshold,
    GreaterThanThreshold,
    LessThanThreshold,
    LessThanOrEqualToThreshold,
}

impl Comparison {
    /// Reads the API's word; those of anomaly detection are none.
    pub fn parse(text: &str) -> Option<Comparison> {
        Some(match text {
            "GreaterThanOrEqualToThreshold" => Comparison::GreaterThanOrEqualToThreshold,
            "GreaterThanThreshold" => Comparison::GreaterThanThreshold,
            "LessThanThreshold" => Comparison::LessThanThreshold,
            "LessThanOrEqualToThreshold" => Comparison::LessThanOrEqualToThreshold,
            _ => return None,
        })
    }

    /// As the API has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Comparison::GreaterThanOrEqualToThreshold => "GreaterThanOrEqualToThreshold",
            Comparison::GreaterThanThreshold => "GreaterThanThreshold",
            Comparison::LessThanThreshold => "LessThanThreshold",
            Comparison::LessThanOrEqualToThreshold => "LessThanOrEqualToThreshold",
        }
    }

    /// As reasons say it.
    pub fn words(self) -> &'static str {
        match self {
            Comparison::GreaterThanOrEqualToThreshold => "greater than or equal to",
            Comparison::GreaterThanThreshold => "greater than",
            Comparison::LessThanThreshold => "less than",
            Comparison::LessThanOrEqualToThreshold => "less than or equal to",
        }
    }

    /// Whether a value is outside the threshold.
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Comparison::GreaterThanOrEqualToThreshold => value >= threshold,
            Comparison::GreaterThanThreshold => value > threshold,
            Comparison::LessThanThreshold => value < threshold,
            Comparison::LessThanOrEqualToThreshold => value <= threshold,
        }
    }

    /// Whether larger values breach.
    pub fn is_upward(self) -> bool {
        matches!(self, Comparison::GreaterThanOrEqualToThreshold | Comparison::GreaterThanThreshold)
    }
}

/// An alarm as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alarm {
    pub v: u32,
    pub region: Region,
    pub name: String,
    pub arn: String,
    pub description: Option<String>,
    pub actions_enabled: bool,
    pub ok_actions: Vec<String>,
    pub alarm_actions: Vec<String>,
    pub insufficient_data_actions: Vec<String>,
    /// When it was put last.
    pub configured: Timestamp,
    pub tags: Vec<(String, String)>,
    pub state: State,
    pub watches: Watches,
}

/// The state and how it came about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub value: StateValue,
    pub reason: String,
    pub reason_data: Option<String>,
    /// When the state was set last, to the same or another value.
    pub updated: Timestamp,
    /// When the value changed last.
    pub transitioned: Timestamp,
    /// The state was decided before the period was over: evaluations of periods that end before this, in milliseconds, say less.
    #[serde(default)]
    pub decided_until_ms: i64,
    /// Why the last evaluation failed: `EVALUATION_ERROR`, `PARTIAL_DATA`.
    #[serde(default)]
    pub evaluation: Option<String>,
    /// Whether actions are held back, by what, and until when.
    #[serde(default)]
    pub suppressed: Option<Suppressed>,
}

/// Actions of a composite alarm are held back. Source: CloudWatch user guide, "Alarm suppression".
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Suppressed {
    /// `WaitPeriod`, `ExtensionPeriod` or `Alarm`.
    pub by: String,
    pub reason: String,
    /// Until when a period runs.
    pub until_ms: Option<i64>,
    /// The state that the actions held back would tell from.
    pub from: StateValue,
    pub from_reason: String,
    pub from_data: Option<String>,
    pub from_time: Timestamp,
}

/// What an alarm watches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Watches {
    /// A metric or an expression.
    Metric(Box<MetricAlarm>),
    /// Other alarms.
    Composite(CompositeAlarm),
}

/// See the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MetricAlarm {
    pub source: Source,
    pub evaluation_periods: i64,
    pub datapoints_to_alarm: Option<i64>,
    pub threshold: f64,
    pub comparison: Comparison,
    pub treat_missing_data: Option<String>,
    pub low_samples: Option<String>,
}

/// Where the values come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Source {
    /// A metric's statistic.
    One {
        metric: MetricName,
        /// As it was given: `Statistic` or `ExtendedStatistic`.
        stat: String,
        is_extended: bool,
        period: i64,
        unit: Option<String>,
    },
    /// Queries, of which one returns data.
    Many(Vec<MetricDataQuery>),
}

/// See the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CompositeAlarm {
    pub rule: String,
    pub suppressor: Option<String>,
    pub wait_s: Option<i64>,
    pub extension_s: Option<i64>,
}

impl MetricAlarm {
    /// How missing data count.
    pub fn missing(&self) -> Missing {
        // Source: "Configuring how CloudWatch alarms treat missing data": alarms on DynamoDB's metrics ignore them.
        let is_dynamo =
            matches!(&self.source, Source::One { metric, .. } if metric.namespace.as_deref() == Some("AWS/DynamoDB"));
        let given = self.treat_missing_data.as_deref().and_then(Missing::parse);
        given.unwrap_or(if is_dynamo { Missing::Ignore } else { Missing::Missing })
    }

    /// How many periods must breach.
    pub fn needed(&self) -> i64 {
        self.datapoints_to_alarm.unwrap_or(self.evaluation_periods)
    }

    /// The longest period of what it reads, in seconds.
    pub fn longest_period(&self) -> i64 {
        match &self.source {
            Source::One { period, .. } => *period,
            Source::Many(queries) => {
                let periods = queries.iter().filter_map(|query| query.metric_stat.as_ref().map(|stat| stat.period));
                periods.max().unwrap_or(60).max(self.period())
            }
        }
    }

    /// The period in seconds.
    pub fn period(&self) -> i64 {
        match &self.source {
            Source::One { period, .. } => *period,
            Source::Many(queries) => {
                let returned = queries.iter().find(|query| query.return_data != Some(false));
                let own =
                    returned.and_then(|query| query.metric_stat.as_ref().map(|stat| stat.period).or(query.period));
                let longest =
                    queries.iter().filter_map(|query| query.metric_stat.as_ref().map(|stat| stat.period)).max();
                own.or(longest).unwrap_or(60)
            }
        }
    }
}

impl Alarm {
    /// What is done when it gets into a state.
    pub fn actions(&self, state: StateValue) -> &[String] {
        match state {
            StateValue::Ok => &self.ok_actions,
            StateValue::Alarm => &self.alarm_actions,
            StateValue::InsufficientData => &self.insufficient_data_actions,
        }
    }

    /// Whether it is a composite alarm.
    pub fn is_composite(&self) -> bool {
        matches!(self.watches, Watches::Composite(_))
    }

    /// `MetricAlarm` or `CompositeAlarm`.
    pub fn type_name(&self) -> &'static str {
        if self.is_composite() { "CompositeAlarm" } else { "MetricAlarm" }
    }
}
