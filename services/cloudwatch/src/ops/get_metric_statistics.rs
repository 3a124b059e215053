//! GetMetricStatistics: statistics of one metric by periods.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::data::read::Span;
use crate::data::statistic::Statistic;
use crate::error::storage;
use crate::metric::{Dimension, Metric, pairs};

/// Data points of an answer. Source: CloudWatch API reference, GetMetricStatistics.
const POINTS_MAX: i64 = 1440;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: Option<Vec<Dimension>>,
    start_time: Timestamp,
    end_time: Timestamp,
    period: i64,
    #[serde(default)]
    statistics: Option<Vec<String>>,
    #[serde(default)]
    extended_statistics: Option<Vec<String>>,
    unit: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    label: String,
    datapoints: Vec<Datapoint>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Datapoint {
    timestamp: Timestamp,
    sample_count: Option<f64>,
    average: Option<f64>,
    sum: Option<f64>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    unit: String,
    extended_statistics: Option<BTreeMap<String, f64>>,
}

/// The start of a request, rounded as AWS does. Source: GetMetricStatistics (StartTime).
pub(crate) fn rounded_start(start_ms: i64, period: i64, now_ms: i64) -> i64 {
    let age = now_ms - start_ms;
    let step = if period < 60 {
        period.max(1) * base::time::SECOND_MS
    } else if age < 15 * base::time::DAY_MS {
        base::time::MINUTE_MS
    } else if age < 63 * base::time::DAY_MS {
        5 * base::time::MINUTE_MS
    } else {
        base::time::HOUR_MS
    };
    start_ms.div_euclid(step) * step
}

/// 2,880.
fn with_commas(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

operation! {
    /// Statistics of a metric.
    GetMetricStatistics on "*": Input => Output, |cloudwatch, call, input| {
        let simple = input.statistics.unwrap_or_default();
        let extended = input.extended_statistics.unwrap_or_default();
        if simple.is_empty() && extended.is_empty() {
            let text = "At least one of the parameters Statistics and ExtendedStatistics must be specified.";
            return Err(Error::combination(text).into());
        }
        if !(matches!(input.period, 1 | 5 | 10 | 20 | 30) || input.period >= 60 && input.period % 60 == 0) {
            let text = format!("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60: {} is not.", input.period);
            return Err(Error::value(text).into());
        }
        if input.start_time >= input.end_time {
            return Err(Error::value("The parameter StartTime must be less than the parameter EndTime.").into());
        }
        let read = |name: &String| {
            Statistic::parse(name).map(|statistic| (name.clone(), statistic))
                .ok_or_else(|| Error::value(format!("The value {name} for parameter ExtendedStatistics is not supported.")))
        };
        let extended = extended.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let start_ms = rounded_start(input.start_time.ms(), input.period, call.time.ms());
        let period_ms = input.period * 1000;
        let count = (input.end_time.ms() - start_ms + period_ms - 1) / period_ms;
        if count > POINTS_MAX {
            let text = format!(
                "You have requested up to {} datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested by \
                 increasing Period, or decreasing the time range.",
                with_commas(count)
            );
            return Err(Error::combination(text).into());
        }
        let metric = Metric::new(&input.namespace, &input.metric_name, pairs(&input.dimensions.unwrap_or_default()));
        let span = Span { start_ms, end_ms: input.end_time.ms(), period_ms };
        let read = cloudwatch.store.read(call.region, &metric, input.unit.as_deref(), span, call.time.ms()).await;
        let mut datapoints = Vec::new();
        for (unit, buckets) in read.map_err(storage)? {
            for (at, bucket) in buckets {
                let of = |name: &str, statistic: Statistic| {
                    simple.iter().any(|wanted| wanted == name).then(|| statistic.of(&bucket)).flatten()
                };
                let more: BTreeMap<String, f64> = extended.iter()
                    .filter_map(|(name, statistic)| Some((name.clone(), statistic.of(&bucket)?)))
                    .collect();
                if simple.is_empty() && more.is_empty() {
                    continue;
                }
                datapoints.push(Datapoint {
                    timestamp: Timestamp::from_ms(at),
                    sample_count: of("SampleCount", Statistic::SampleCount),
                    average: of("Average", Statistic::Average),
                    sum: of("Sum", Statistic::Sum),
                    minimum: of("Minimum", Statistic::Minimum),
                    maximum: of("Maximum", Statistic::Maximum),
                    unit: unit.clone(),
                    extended_statistics: (!more.is_empty()).then_some(more),
                });
            }
        }
        datapoints.sort_by_key(|point| point.timestamp);
        Ok(Output { label: input.metric_name, datapoints })
    }
}
