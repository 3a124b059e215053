//! GetMetricData: metrics and expressions over them.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::get_metric_statistics::rounded_start;
use crate::error::storage;
use crate::math::{Line, Value};
use crate::query::{MetricDataQuery, Queries};
use crate::{Error, label};

/// Queries of a call. Source: CloudWatch API reference, GetMetricData.
const QUERIES_MAX: usize = 500;
/// Data points of an answer. Source: the same.
const POINTS_MAX: usize = 100_800;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    metric_data_queries: Vec<MetricDataQuery>,
    start_time: Timestamp,
    end_time: Timestamp,
    next_token: Option<String>,
    scan_by: Option<String>,
    max_datapoints: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    metric_data_results: Vec<MetricDataResult>,
    next_token: Option<String>,
    messages: Vec<MessageData>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricDataResult {
    id: String,
    label: String,
    timestamps: Vec<Timestamp>,
    values: Vec<f64>,
    status_code: &'static str,
    messages: Option<Vec<MessageData>>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageData {
    code: String,
    value: String,
}

operation! {
    /// Metrics and expressions over them.
    GetMetricData on "*" ignores ["LabelOptions"]: Input => Output, |cloudwatch, call, input| {
        if input.metric_data_queries.len() > QUERIES_MAX {
            let text = format!("The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}.");
            return Err(Error::validation(text).into());
        }
        if input.start_time >= input.end_time {
            return Err(Error::validation("The parameter StartTime must be less than the parameter EndTime.").into());
        }
        let max = super::limit(input.max_datapoints, POINTS_MAX).min(POINTS_MAX);
        let queries = Queries::new(input.metric_data_queries).map_err(Error::validation)?;
        let account = |query: &MetricDataQuery| query.account_id.as_ref().is_some_and(|id| **id != *cloudwatch.deps.account);
        if queries.all.iter().any(account) {
            return Err(Error::validation("Metrics of other accounts are not linked to this account.").into());
        }
        let shortest = queries.all.iter().filter_map(|query| query.metric_stat.as_ref().map(|stat| stat.period).or(query.period)).min();
        let start_ms = rounded_start(input.start_time.ms(), shortest.unwrap_or(60), call.time.ms());
        let mut values = cloudwatch.evaluate(call.region, &queries, start_ms, input.end_time.ms()).await.map_err(storage)?;
        let mut results = Vec::new();
        for query in &queries.all {
            if query.return_data == Some(false) {
                continue;
            }
            let value = match values.remove(&query.id) {
                Some(Ok(value)) => value,
                Some(Err(why)) => return Err(Error::validation(format!("Error in expression '{}': {why}", query.id)).into()),
                None => continue,
            };
            results.extend(lines(query, value, &queries, start_ms, input.end_time.ms()));
        }
        let is_ascending = input.scan_by.as_deref() == Some("TimestampAscending");
        let from = match input.next_token.as_deref() {
            None => (0, 0),
            Some(token) => place(token).ok_or(Error::InvalidNextToken)?,
        };
        let (metric_data_results, next) = page(&results, from, max, is_ascending);
        let next_token = next.map(|(result, point)| service::paging::token_of(&format!("{result} {point}")));
        Ok(Output { metric_data_results, next_token, messages: Vec::new() })
    }
}

fn place(token: &str) -> Option<(usize, usize)> {
    let text = service::paging::read_token(token).ok()?;
    let (result, point) = text.split_once(' ')?;
    Some((result.parse().ok()?, point.parse().ok()?))
}

/// The lines that a query returns, named.
fn lines(
    query: &MetricDataQuery,
    value: Value,
    queries: &Queries,
    start_ms: i64,
    end_ms: i64,
) -> Vec<(String, String, Line)> {
    let named = |line: Line, usual: &str| {
        let text = match &query.label {
            Some(given) => label::fill(given, &line, usual),
            None => usual.to_owned(),
        };
        (query.id.clone(), text, line)
    };
    match value {
        Value::Scalar(number) => {
            let period = query.period.unwrap_or_else(|| queries.period());
            let points = crate::query::times(start_ms, end_ms, period).into_iter().map(|at| (at, number));
            let line = Line::new(query.id.clone(), period, points.filter(|(_, value)| value.is_finite()).collect());
            vec![named(line, &query.id)]
        }
        Value::Series(line) => {
            let usual = line.label.clone();
            vec![named(line, &usual)]
        }
        Value::Many(lines) => lines
            .into_iter()
            .map(|line| {
                let usual = line.label.clone();
                // A label of its own goes before what tells the lines apart, unless it says itself where that is.
                let (id, text, line) = named(line, &usual);
                let is_plain = query.label.as_ref().is_some_and(|label| !label.is_empty() && !label.contains("${"));
                (id, if is_plain { format!("{text} {usual}") } else { text }, line)
            })
            .collect(),
        Value::Text(_) => Vec::new(),
    }
}

type Place = (usize, usize);

/// Results from a place on, with at most so many points; and where the next page begins.
fn page(
    results: &[(String, String, Line)],
    from: Place,
    max: usize,
    is_ascending: bool,
) -> (Vec<MetricDataResult>, Option<Place>) {
    let mut left = max;
    let mut out = Vec::new();
    for (at, (id, label, line)) in results.iter().enumerate().skip(from.0) {
        let skip = if at == from.0 { from.1 } else { 0 };
        if left == 0 {
            return (out, Some((at, skip)));
        }
        let mut points: Vec<(i64, f64)> = line.points.iter().map(|(at, value)| (*at, *value)).collect();
        if !is_ascending {
            points.reverse();
        }
        let rest = points.get(skip..).unwrap_or_default();
        let taken = &rest[..rest.len().min(left)];
        left -= taken.len();
        let is_whole = taken.len() == rest.len();
        out.push(MetricDataResult {
            id: id.clone(),
            label: label.clone(),
            timestamps: taken.iter().map(|(at, _)| Timestamp::from_ms(*at)).collect(),
            values: taken.iter().map(|(_, value)| *value).collect(),
            status_code: if is_whole { "Complete" } else { "PartialData" },
            messages: None,
        });
        if !is_whole {
            return (out, Some((at, skip + taken.len())));
        }
    }
    (out, None)
}
