//! PutMetricData: takes values of metrics.

use base::Timestamp;
use serde::Deserialize;
use service::Call;

use crate::data::entry::{Given, Point, Values};
use crate::metric::{Dimension, NO_UNIT, pairs};
use crate::{CloudWatch, Error};

/// Metrics in a call. Source: CloudWatch API reference, PutMetricData.
const METRICS_MAX: usize = 1000;
/// Values of a metric in a call. Source: the same.
const VALUES_MAX: usize = 150;
/// How old data may be. Source: the same.
const PAST_MAX_MS: i64 = 14 * base::time::DAY_MS;
/// How far in the future data may be. Source: the same.
const FUTURE_MAX_MS: i64 = 2 * base::time::HOUR_MS;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    namespace: String,
    #[serde(default)]
    metric_data: Option<Vec<Datum>>,
    entity_metric_data: Option<Vec<EntityData>>,
}

/// See the model. What the entity is, is not kept.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EntityData {
    metric_data: Option<Vec<Datum>>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Datum {
    metric_name: String,
    #[serde(default)]
    dimensions: Option<Vec<Dimension>>,
    timestamp: Option<Timestamp>,
    value: Option<f64>,
    statistic_values: Option<StatisticSet>,
    values: Option<Vec<f64>>,
    counts: Option<Vec<f64>>,
    unit: Option<String>,
    storage_resolution: Option<i64>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatisticSet {
    sample_count: f64,
    sum: f64,
    minimum: f64,
    maximum: f64,
}

operation! {
    /// Takes values of metrics.
    PutMetricData on "*" ignores ["StrictEntityValidation"]: Input => (), |cloudwatch, call, input| {
        if input.namespace.starts_with(':') || input.namespace.trim().is_empty() {
            return Err(Error::value(format!("The value {} for parameter Namespace is invalid.", input.namespace)).into());
        }
        let entities = input.entity_metric_data.into_iter().flatten().flat_map(|entity| entity.metric_data.unwrap_or_default());
        let all: Vec<Datum> = input.metric_data.into_iter().flatten().chain(entities).collect();
        if all.is_empty() {
            return Err(Error::MissingRequiredParameterException("The parameter MetricData is required.".to_owned()).into());
        }
        if all.len() > METRICS_MAX {
            let text = format!("The collection MetricData must not have a size greater than {METRICS_MAX}.");
            return Err(Error::value(text).into());
        }
        let points = all.into_iter().enumerate().map(|(at, datum)| point(call, &input.namespace, at + 1, datum));
        let points = points.collect::<Result<Vec<_>, _>>()?;
        CloudWatch::put(cloudwatch, &Given::new(call.region, None, points)).await?;
        Ok(())
    }
}

/// Checks a datum; the n-th is named so in refusals.
fn point(call: &Call, namespace: &str, n: usize, datum: Datum) -> Result<Point, Error> {
    let named = |member: &str| format!("MetricData.member.{n}.{member}");
    let time = datum.timestamp.unwrap_or(call.time);
    if time.since_ms(call.time) > FUTURE_MAX_MS {
        let text =
            format!("The parameter {} must specify a time no more than two hours in the future.", named("Timestamp"));
        return Err(Error::value(text));
    }
    if call.time.since_ms(time) > PAST_MAX_MS {
        let text = format!("The parameter {} must specify a time within the last two weeks.", named("Timestamp"));
        return Err(Error::value(text));
    }
    let is_high_resolution = match datum.storage_resolution {
        None | Some(60) => false,
        Some(1) => true,
        Some(other) => {
            let name = named("StorageResolution");
            return Err(Error::value(format!(
                "The value {other} for parameter {name} is invalid: it must be 1 or 60."
            )));
        }
    };
    let dimensions: Vec<(String, String)> = pairs(&datum.dimensions.unwrap_or_default()).collect();
    for (at, (name, value)) in dimensions.iter().enumerate() {
        let parameter = named(&format!("Dimensions.member.{}", at + 1));
        if dimensions[..at].iter().any(|(known, _)| known == name) {
            return Err(Error::value(format!("The parameter {parameter}.Name has the value {name} more than once.")));
        }
        if name.starts_with(':') || name.trim().is_empty() || value.trim().is_empty() {
            return Err(Error::value(format!(
                "The parameter {parameter} is invalid: names and values are not blank, and names do not begin with a colon."
            )));
        }
    }
    let given = [
        datum.value.is_some().then_some("Value"),
        datum.values.as_ref().is_some_and(|values| !values.is_empty()).then_some("Values"),
        datum.statistic_values.is_some().then_some("StatisticValues"),
    ];
    let given: Vec<&str> = given.into_iter().flatten().collect();
    if let [one, other, ..] = given[..] {
        let (one, other) = (named(one), named(other));
        let text = format!("The parameters {one} and {other} are mutually exclusive and you have specified both.");
        return Err(Error::combination(text));
    }
    let number = |member: &str, value: f64| -> Result<f64, Error> {
        // -2 to the power of 360 up to 2 to the power of 360. Source: PutMetricData.
        let is_within = value.is_finite() && value.abs() <= 2_f64.powi(360);
        if is_within {
            return Ok(value);
        }
        Err(Error::value(format!("The value {value} for parameter {} is invalid.", named(member))))
    };
    let values = if let Some(value) = datum.value {
        Values::each([(number("Value", value)?, 1.0)])
    } else if let Some(set) = datum.statistic_values {
        let of = |member, value| number(&format!("StatisticValues.{member}"), value);
        let count = of("SampleCount", set.sample_count)?;
        let (min, max) = (of("Minimum", set.minimum)?, of("Maximum", set.maximum)?);
        if count <= 0.0 {
            let name = named("StatisticValues.SampleCount");
            return Err(Error::value(format!("The parameter {name} must be greater than 0.")));
        }
        if min > max {
            let (min, max) = (named("StatisticValues.Minimum"), named("StatisticValues.Maximum"));
            return Err(Error::value(format!("The parameter {max} must be greater than or equal to {min}.")));
        }
        Values::set(count, of("Sum", set.sum)?, min, max)
    } else {
        let values = datum.values.unwrap_or_default();
        if values.is_empty() {
            let text = format!(
                "At least one of the parameters {}, {} or {} must be specified.",
                named("Value"),
                named("Values"),
                named("StatisticValues")
            );
            return Err(Error::MissingRequiredParameterException(text));
        }
        if values.len() > VALUES_MAX {
            let name = named("Values");
            return Err(Error::value(format!("The collection {name} must not have a size greater than {VALUES_MAX}.")));
        }
        let counts = match datum.counts {
            None => vec![1.0; values.len()],
            Some(counts) if counts.len() == values.len() => counts,
            Some(_) => {
                let text =
                    format!("The parameters {} and {} must be of the same size.", named("Values"), named("Counts"));
                return Err(Error::value(text));
            }
        };
        let mut each = Vec::with_capacity(values.len());
        for (value, count) in values.into_iter().zip(counts) {
            let count = number("Counts", count)?;
            if count < 0.0 {
                return Err(Error::value(format!("The value {count} for parameter {} is invalid.", named("Counts"))));
            }
            let value = number("Values", value)?;
            // What never occurred is not there.
            if count > 0.0 {
                each.push((value, count));
            }
        }
        Values::each(each)
    };
    Ok(Point {
        namespace: namespace.to_owned(),
        name: datum.metric_name,
        dimensions,
        time_ms: time.ms(),
        unit: datum.unit.unwrap_or_else(|| NO_UNIT.to_owned()),
        is_high_resolution,
        values,
    })
}
