//! PutMetricAlarm: an alarm over a metric or an expression.

use serde::Deserialize;

use super::put_alarm::{Common, Tag, put};
use crate::Error;
use crate::alarms::{Comparison, MetricAlarm, Missing, Source, Watches};
use crate::data::statistic::Statistic;
use crate::metric::Dimension;
use crate::query::{MetricDataQuery, MetricName, Queries};

/// Metrics of an alarm's expression. Source: CloudWatch user guide, "CloudWatch quotas".
const METRICS_MAX: usize = 10;
/// Periods and evaluations of an alarm span at most a day, or seven if the period is an hour or more. Source: PutMetricAlarm.
const SPAN_MAX_S: i64 = 86_400;
/// See [`SPAN_MAX_S`].
const LONG_SPAN_MAX_S: i64 = 604_800;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    alarm_name: String,
    alarm_description: Option<String>,
    actions_enabled: Option<bool>,
    #[serde(rename = "OKActions")]
    ok_actions: Option<Vec<String>>,
    alarm_actions: Option<Vec<String>>,
    insufficient_data_actions: Option<Vec<String>>,
    metric_name: Option<String>,
    namespace: Option<String>,
    statistic: Option<String>,
    extended_statistic: Option<String>,
    dimensions: Option<Vec<Dimension>>,
    period: Option<i64>,
    unit: Option<String>,
    evaluation_periods: Option<i64>,
    datapoints_to_alarm: Option<i64>,
    threshold: Option<f64>,
    comparison_operator: Option<String>,
    treat_missing_data: Option<String>,
    evaluate_low_sample_count_percentile: Option<String>,
    metrics: Option<Vec<MetricDataQuery>>,
    tags: Option<Vec<Tag>>,
    threshold_metric_id: Option<String>,
    evaluation_criteria: Option<EvaluationCriteria>,
    evaluation_interval: Option<i64>,
}

/// See the model. Refused whatever it says.
#[derive(Deserialize)]
pub struct EvaluationCriteria {}

operation! {
    /// Makes an alarm over a metric, or replaces one.
    PutMetricAlarm on "alarm:{AlarmName}": Input => (), |cloudwatch, call, input| {
        let metric = watched(&input)?;
        let common = Common {
            name: input.alarm_name,
            description: input.alarm_description,
            actions_enabled: input.actions_enabled,
            ok_actions: input.ok_actions.unwrap_or_default(),
            alarm_actions: input.alarm_actions.unwrap_or_default(),
            insufficient_data_actions: input.insufficient_data_actions.unwrap_or_default(),
            tags: input.tags,
        };
        put(cloudwatch, call, common, Watches::Metric(Box::new(metric))).await
    }
}

/// What operations on alarms refuse.
fn bad(text: impl Into<String>) -> Error {
    Error::validation(text)
}

fn watched(input: &Input) -> Result<MetricAlarm, Error> {
    if input.evaluation_criteria.is_some() || input.evaluation_interval.is_some() {
        return Err(bad(
            "Alarms over PromQL queries are not supported: EvaluationCriteria and EvaluationInterval must not be specified.",
        ));
    }
    let has_band = input.metrics.iter().flatten().any(|query| {
        query.expression.as_ref().is_some_and(|text| text.to_ascii_uppercase().contains("ANOMALY_DETECTION_BAND"))
    });
    let operator = input.comparison_operator.as_deref().ok_or_else(|| bad("ComparisonOperator must be specified."))?;
    let is_band = input.threshold_metric_id.is_some() || has_band || Comparison::parse(operator).is_none();
    if is_band {
        return Err(bad(
            "Anomaly detection alarms are not supported: this server trains no models. Use a static threshold instead of \
             ThresholdMetricId and ANOMALY_DETECTION_BAND.",
        ));
    }
    let comparison = Comparison::parse(operator).ok_or_else(|| bad("ComparisonOperator is not supported."))?;
    let threshold = input.threshold.ok_or_else(|| bad("Threshold must be specified."))?;
    if !threshold.is_finite() {
        return Err(bad("Threshold must be a number."));
    }
    let evaluation_periods = input.evaluation_periods.ok_or_else(|| bad("EvaluationPeriods must be specified."))?;
    if let Some(needed) = input.datapoints_to_alarm
        && needed > evaluation_periods
    {
        return Err(bad("DatapointsToAlarm must be less than or equal to EvaluationPeriods."));
    }
    if let Some(word) = &input.treat_missing_data
        && Missing::parse(word).is_none()
    {
        return Err(bad(format!(
            "TreatMissingData option {word} is not valid: it must be one of breaching, notBreaching, ignore, missing."
        )));
    }
    let source = match &input.metrics {
        Some(queries) if !queries.is_empty() => many(input, queries)?,
        _ => one(input)?,
    };
    if let Some(word) = &input.evaluate_low_sample_count_percentile {
        if !["evaluate", "ignore"].contains(&word.as_str()) {
            return Err(bad(format!(
                "Option {word} is not supported for EvaluateLowSampleCountPercentile: it must be evaluate or ignore."
            )));
        }
    }
    let metric = MetricAlarm {
        source,
        evaluation_periods,
        datapoints_to_alarm: input.datapoints_to_alarm,
        threshold,
        comparison,
        treat_missing_data: input.treat_missing_data.clone(),
        low_samples: input.evaluate_low_sample_count_percentile.clone(),
    };
    let period = metric.period();
    let (span, max) =
        (period.saturating_mul(evaluation_periods), if period >= 3600 { LONG_SPAN_MAX_S } else { SPAN_MAX_S });
    if span > max {
        let days = if max == SPAN_MAX_S { "a day" } else { "seven days" };
        return Err(bad(format!(
            "Metrics cannot be checked across more than {days} (EvaluationPeriods * Period must be <= {max})."
        )));
    }
    Ok(metric)
}

fn check_period(period: i64) -> Result<(), Error> {
    if matches!(period, 10 | 20 | 30) || (period >= 60 && period % 60 == 0) {
        return Ok(());
    }
    Err(Error::validation("Period must be 10, 20, 30 or a multiple of 60"))
}

/// An alarm over one metric.
fn one(input: &Input) -> Result<Source, Error> {
    let period = input.period.ok_or_else(|| bad("Period must be specified."))?;
    check_period(period)?;
    if input.metric_name.is_none() || input.namespace.is_none() {
        return Err(bad("MetricName and Namespace must be specified."));
    }
    let (stat, is_extended) = match (&input.statistic, &input.extended_statistic) {
        (Some(_), Some(_)) => {
            return Err(Error::combination(
                "Statistic and ExtendedStatistic are mutually exclusive and you have specified both.",
            ));
        }
        (Some(stat), None) => (stat, false),
        (None, Some(stat)) => (stat, true),
        (None, None) => return Err(bad("Either Statistic or ExtendedStatistic must be specified.")),
    };
    let parsed = Statistic::parse(stat).filter(|parsed| parsed.is_simple() != is_extended);
    if parsed.is_none() {
        return Err(bad(format!("The value {stat} for parameter ExtendedStatistic is not supported.")));
    }
    Ok(Source::One {
        metric: MetricName {
            namespace: input.namespace.clone(),
            metric_name: input.metric_name.clone(),
            dimensions: input.dimensions.clone().unwrap_or_default(),
        },
        stat: stat.clone(),
        is_extended,
        period,
        unit: input.unit.clone(),
    })
}

/// An alarm over an expression. Source: PutMetricAlarm (Metrics).
fn many(input: &Input, queries: &[MetricDataQuery]) -> Result<Source, Error> {
    let others = [
        input.metric_name.is_some(),
        input.namespace.is_some(),
        input.statistic.is_some(),
        input.extended_statistic.is_some(),
        input.dimensions.as_ref().is_some_and(|all| !all.is_empty()),
        input.period.is_some(),
        input.unit.is_some(),
    ];
    if others.contains(&true) {
        return Err(bad(
            "Metrics list must not be specified together with MetricName, Namespace, Dimensions, Period, Unit, Statistic or ExtendedStatistic.",
        ));
    }
    if queries.iter().filter(|query| query.metric_stat.is_some()).count() > METRICS_MAX {
        return Err(bad(format!("An alarm is over at most {METRICS_MAX} metrics.")));
    }
    if queries.iter().filter(|query| query.return_data != Some(false)).count() != 1 {
        return Err(bad("Exactly one element of the metrics list should return data."));
    }
    for query in queries {
        if let Some(stat) = &query.metric_stat {
            check_period(stat.period)?;
        }
    }
    let parsed = Queries::new(queries.to_vec()).map_err(bad)?;
    if parsed.has_search() {
        return Err(bad("SEARCH is not supported in alarms."));
    }
    Ok(Source::Many(queries.to_vec()))
}
