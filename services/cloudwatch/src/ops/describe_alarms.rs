//! DescribeAlarms, DescribeAlarmsForMetric, DescribeAlarmContributors.

use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::put_composite_alarm::{names, parents};
use crate::Error;
use crate::alarms::{Alarm, Source, StateValue, Watches};
use crate::metric::{Dimension, Metric, pairs};
use crate::query::MetricDataQuery;

/// Alarms of a page, if nothing else is said, and at most. Source: CloudWatch API reference, DescribeAlarms.
const PAGE: usize = 50;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    alarm_names: Option<Vec<String>>,
    alarm_name_prefix: Option<String>,
    alarm_types: Option<Vec<String>>,
    children_of_alarm_name: Option<String>,
    parents_of_alarm_name: Option<String>,
    state_value: Option<String>,
    action_prefix: Option<String>,
    max_records: Option<i64>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    composite_alarms: Vec<CompositeShown>,
    metric_alarms: Vec<MetricShown>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CompositeShown {
    actions_enabled: bool,
    alarm_actions: Vec<String>,
    alarm_arn: String,
    alarm_configuration_updated_timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm_description: Option<String>,
    alarm_name: String,
    alarm_rule: String,
    insufficient_data_actions: Vec<String>,
    #[serde(rename = "OKActions")]
    ok_actions: Vec<String>,
    state_reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason_data: Option<String>,
    state_updated_timestamp: Timestamp,
    state_value: StateValue,
    state_transitioned_timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions_suppressed_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions_suppressed_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions_suppressor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions_suppressor_wait_period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions_suppressor_extension_period: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricShown {
    alarm_name: String,
    alarm_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm_description: Option<String>,
    alarm_configuration_updated_timestamp: Timestamp,
    actions_enabled: bool,
    #[serde(rename = "OKActions")]
    ok_actions: Vec<String>,
    alarm_actions: Vec<String>,
    insufficient_data_actions: Vec<String>,
    state_value: StateValue,
    state_reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason_data: Option<String>,
    state_updated_timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extended_statistic: Option<String>,
    dimensions: Vec<Dimension>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    evaluation_periods: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    datapoints_to_alarm: Option<i64>,
    threshold: f64,
    comparison_operator: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    treat_missing_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluate_low_sample_count_percentile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Vec<MetricDataQuery>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_state: Option<String>,
    state_transitioned_timestamp: Timestamp,
}

fn composite(alarm: &Alarm) -> Option<CompositeShown> {
    let Watches::Composite(composite) = &alarm.watches else { return None };
    let state = &alarm.state;
    Some(CompositeShown {
        actions_enabled: alarm.actions_enabled,
        alarm_actions: alarm.alarm_actions.clone(),
        alarm_arn: alarm.arn.clone(),
        alarm_configuration_updated_timestamp: alarm.configured,
        alarm_description: alarm.description.clone(),
        alarm_name: alarm.name.clone(),
        alarm_rule: composite.rule.clone(),
        insufficient_data_actions: alarm.insufficient_data_actions.clone(),
        ok_actions: alarm.ok_actions.clone(),
        state_reason: state.reason.clone(),
        state_reason_data: state.reason_data.clone(),
        state_updated_timestamp: state.updated,
        state_value: state.value,
        state_transitioned_timestamp: state.transitioned,
        actions_suppressed_by: state.suppressed.as_ref().map(|held| held.by.clone()),
        actions_suppressed_reason: state.suppressed.as_ref().map(|held| held.reason.clone()),
        actions_suppressor: composite.suppressor.clone(),
        actions_suppressor_wait_period: composite.wait_s,
        actions_suppressor_extension_period: composite.extension_s,
    })
}

fn metric(alarm: &Alarm) -> Option<MetricShown> {
    let Watches::Metric(metric) = &alarm.watches else { return None };
    let state = &alarm.state;
    let mut shown = MetricShown {
        alarm_name: alarm.name.clone(),
        alarm_arn: alarm.arn.clone(),
        alarm_description: alarm.description.clone(),
        alarm_configuration_updated_timestamp: alarm.configured,
        actions_enabled: alarm.actions_enabled,
        ok_actions: alarm.ok_actions.clone(),
        alarm_actions: alarm.alarm_actions.clone(),
        insufficient_data_actions: alarm.insufficient_data_actions.clone(),
        state_value: state.value,
        state_reason: state.reason.clone(),
        state_reason_data: state.reason_data.clone(),
        state_updated_timestamp: state.updated,
        metric_name: None,
        namespace: None,
        statistic: None,
        extended_statistic: None,
        dimensions: Vec::new(),
        period: None,
        unit: None,
        evaluation_periods: metric.evaluation_periods,
        datapoints_to_alarm: metric.datapoints_to_alarm,
        threshold: metric.threshold,
        comparison_operator: metric.comparison.as_str().to_owned(),
        treat_missing_data: metric.treat_missing_data.clone(),
        evaluate_low_sample_count_percentile: metric.low_samples.clone(),
        metrics: None,
        evaluation_state: state.evaluation.clone(),
        state_transitioned_timestamp: state.transitioned,
    };
    match &metric.source {
        Source::One { metric: name, stat, is_extended, period, unit } => {
            shown.metric_name.clone_from(&name.metric_name);
            shown.namespace.clone_from(&name.namespace);
            shown.dimensions.clone_from(&name.dimensions);
            *(if *is_extended { &mut shown.extended_statistic } else { &mut shown.statistic }) = Some(stat.clone());
            shown.period = Some(*period);
            shown.unit.clone_from(unit);
        }
        Source::Many(queries) => {
            // Whether a query returns data is always said.
            let said = |query: &MetricDataQuery| MetricDataQuery {
                return_data: Some(query.return_data != Some(false)),
                ..query.clone()
            };
            shown.metrics = Some(queries.iter().map(said).collect());
        }
    }
    Some(shown)
}

/// An alarm as history shows it: names begin in lower case there, and times are ISO 8601.
pub(crate) fn shown_json(alarm: &Alarm) -> Value {
    let value = match (composite(alarm), metric(alarm)) {
        (Some(shown), _) => serde_json::to_value(shown),
        (None, Some(shown)) => serde_json::to_value(shown),
        (None, None) => return Value::Null,
    };
    let mut value = lower(value.unwrap_or(Value::Null));
    if let Some(members) = value.as_object_mut() {
        for (name, time) in [
            ("alarmConfigurationUpdatedTimestamp", alarm.configured),
            ("stateUpdatedTimestamp", alarm.state.updated),
            ("stateTransitionedTimestamp", alarm.state.transitioned),
        ] {
            members.insert(name.to_owned(), json!(crate::alarms::reason::long(time)));
        }
        members.remove("stateReasonData");
    }
    value
}

fn lower(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let name = |name: String| match name.as_str() {
                "OKActions" => "okActions".to_owned(),
                _ => name.chars().enumerate().map(|(at, c)| if at == 0 { c.to_ascii_lowercase() } else { c }).collect(),
            };
            members.into_iter().map(|(key, value)| (name(key), lower(value))).collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(items) => items.into_iter().map(lower).collect(),
        other => other,
    }
}

operation! {
    /// Alarms.
    DescribeAlarms on "alarm:*": Input => Output, |cloudwatch, call, input| {
        let relations = [&input.children_of_alarm_name, &input.parents_of_alarm_name].into_iter().flatten().count();
        let others = input.alarm_names.is_some() || input.alarm_name_prefix.is_some() || input.state_value.is_some()
            || input.action_prefix.is_some() || input.alarm_types.is_some();
        if relations > 0 && (others || relations > 1) {
            let text = "ChildrenOfAlarmName and ParentsOfAlarmName can be combined with MaxRecords and NextToken only.";
            return Err(Error::validation(text).into());
        }
        if input.alarm_names.is_some() && input.alarm_name_prefix.is_some() {
            return Err(Error::validation("AlarmNamePrefix and AlarmNames must not be specified together.").into());
        }
        let related: Option<Vec<String>> = match (&input.children_of_alarm_name, &input.parents_of_alarm_name) {
            (None, None) => None,
            (Some(name), _) => {
                let alarm = cloudwatch.alarms.see(|memory| memory.alarm(call.region, name).cloned());
                Some(alarm.map(|alarm| names(cloudwatch, &alarm).into_iter().map(|(_, name)| name).collect()).unwrap_or_default())
            }
            (None, Some(name)) => Some(parents(cloudwatch, &(call.region, name.clone()))),
        };
        let types = input.alarm_types.clone().filter(|types| !types.is_empty());
        let is_type = |alarm: &Alarm| match (&types, &related) {
            (Some(types), _) => types.iter().any(|name| name == alarm.type_name()),
            (None, Some(_)) => true,
            // Composite alarms are shown to those who ask for them. Source: DescribeAlarms (AlarmTypes).
            (None, None) => !alarm.is_composite(),
        };
        let is_wanted = |alarm: &&Arc<Alarm>| {
            is_type(alarm)
                && related.as_ref().is_none_or(|names| names.contains(&alarm.name))
                && input.alarm_names.as_ref().is_none_or(|names| names.is_empty() || names.contains(&alarm.name))
                && input.alarm_name_prefix.as_ref().is_none_or(|prefix| alarm.name.starts_with(prefix.as_str()))
                && input.state_value.as_ref().is_none_or(|state| alarm.state.value.as_str() == state)
                && input.action_prefix.as_ref().is_none_or(|prefix| {
                    let all = [&alarm.ok_actions, &alarm.alarm_actions, &alarm.insufficient_data_actions];
                    all.into_iter().flatten().any(|action| action.starts_with(prefix.as_str()))
                })
        };
        let found: Vec<Arc<Alarm>> = cloudwatch.alarms.see(|memory| memory.alarms(call.region).filter(is_wanted).cloned().collect());
        let usual = input.alarm_names.as_ref().map_or(PAGE, |names| names.len().max(PAGE));
        let page = super::page(found, |alarm| &alarm.name, input.next_token.as_deref(), super::limit(input.max_records, usual))?;
        Ok(Output {
            composite_alarms: page.items.iter().filter_map(|alarm| composite(alarm)).collect(),
            metric_alarms: page.items.iter().filter_map(|alarm| metric(alarm)).collect(),
            next_token: page.next_token,
        })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ForMetricInput {
    metric_name: String,
    namespace: String,
    statistic: Option<String>,
    extended_statistic: Option<String>,
    dimensions: Option<Vec<Dimension>>,
    period: Option<i64>,
    unit: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ForMetricOutput {
    metric_alarms: Vec<MetricShown>,
}

operation! {
    /// The alarms over a metric.
    DescribeAlarmsForMetric on "*": ForMetricInput => ForMetricOutput, |cloudwatch, call, input| {
        let wanted = Metric::new(&input.namespace, &input.metric_name, pairs(&input.dimensions.unwrap_or_default()));
        let stat = input.statistic.or(input.extended_statistic);
        let is_wanted = |alarm: &&Arc<Alarm>| match &alarm.watches {
            Watches::Composite(_) => false,
            Watches::Metric(metric) => match &metric.source {
                Source::One { metric, stat: own, period, unit, .. } => {
                    metric.metric() == wanted
                        && stat.as_ref().is_none_or(|stat| stat == own)
                        && input.period.is_none_or(|wanted| wanted == *period)
                        && input.unit.as_ref().is_none_or(|wanted| Some(wanted) == unit.as_ref())
                }
                Source::Many(queries) => queries.iter().filter_map(|query| query.metric_stat.as_ref()).any(|one| {
                    one.metric.metric() == wanted
                        && stat.as_ref().is_none_or(|stat| *stat == one.stat)
                        && input.period.is_none_or(|period| period == one.period)
                }),
            },
        };
        let found: Vec<Arc<Alarm>> = cloudwatch.alarms.see(|memory| memory.alarms(call.region).filter(is_wanted).cloned().collect());
        Ok(ForMetricOutput { metric_alarms: found.iter().filter_map(|alarm| metric(alarm)).collect() })
    }
}

/// See the model. No alarm has contributors: those of Metrics Insights have.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContributorsInput {
    alarm_name: String,
    #[serde(rename = "NextToken")]
    _next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContributorsOutput {
    alarm_contributors: Vec<()>,
}

operation! {
    /// The contributors of an alarm: none.
    DescribeAlarmContributors on "alarm:{AlarmName}": ContributorsInput => ContributorsOutput, |cloudwatch, call, input| {
        if cloudwatch.alarms.see(|memory| memory.alarm(call.region, &input.alarm_name).is_none()) {
            return Err(Error::ResourceNotFoundException(format!("Alarm {} does not exist", input.alarm_name)).into());
        }
        Ok(ContributorsOutput { alarm_contributors: Vec::new() })
    }
}
