//! Queries as GetMetricData, alarms and widgets have them: metrics and expressions over one another, evaluated over a span.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Region;
use serde::{Deserialize, Serialize};

use crate::data::read::Span;
use crate::data::statistic::Statistic;
use crate::math::search::Search;
use crate::math::{self, Expression, Line, Scope, Value};
use crate::metric::{Dimension, Metric, dimensions, pairs};
use crate::{CloudWatch, label};

/// Metrics that one SEARCH finds at most. Source: CloudWatch user guide, "Search expression syntax" (limits).
const FOUND_MAX: usize = 500;

/// See the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricDataQuery {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_stat: Option<MetricStat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_data: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
}

/// See the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricStat {
    pub metric: MetricName,
    pub period: i64,
    pub stat: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// See the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricName {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<Dimension>,
}

impl MetricName {
    /// Which metric.
    pub fn metric(&self) -> Metric {
        let (namespace, name) = (self.namespace.as_deref(), self.metric_name.as_deref());
        Metric::new(namespace.unwrap_or_default(), name.unwrap_or_default(), pairs(&self.dimensions))
    }

    /// A metric's.
    pub fn of(metric: &Metric) -> MetricName {
        MetricName {
            namespace: Some(metric.namespace.clone()),
            metric_name: Some(metric.name.clone()),
            dimensions: dimensions(&metric.dimensions),
        }
    }
}

/// Queries that were checked: in an order in which each comes after those that it names.
#[derive(Clone, Debug)]
pub struct Queries {
    /// As they were given.
    pub all: Vec<MetricDataQuery>,
    parsed: BTreeMap<String, Parsed>,
    order: Vec<String>,
}

#[derive(Clone, Debug)]
enum Parsed {
    Metric { metric: Arc<Metric>, statistic: Statistic },
    Expression { expression: Expression, searches: Vec<(String, Search, Statistic, i64)> },
}

impl Queries {
    /// Checks queries. The error is the text for whoever wrote them.
    pub fn new(all: Vec<MetricDataQuery>) -> Result<Queries, String> {
        let mut parsed = BTreeMap::new();
        for query in &all {
            let id = &query.id;
            if !id.starts_with(|c: char| c.is_ascii_lowercase())
                || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            {
                return Err(format!(
                    "The value {id} for parameter MetricDataQueries.member.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
                ));
            }
            let one = match (&query.metric_stat, &query.expression) {
                (Some(stat), None) => {
                    check_period(stat.period)?;
                    let statistic = Statistic::parse(&stat.stat).ok_or_else(|| {
                        format!(
                            "The value {} for parameter MetricDataQueries.member.MetricStat.Stat is not supported.",
                            stat.stat
                        )
                    })?;
                    if stat.metric.namespace.is_none() || stat.metric.metric_name.is_none() {
                        return Err(format!("The metric of {id} needs a Namespace and a MetricName."));
                    }
                    Parsed::Metric { metric: Arc::new(stat.metric.metric()), statistic }
                }
                (None, Some(text)) => {
                    if let Some(period) = query.period {
                        check_period(period)?;
                    }
                    if text.trim_start().get(..7).is_some_and(|word| word.eq_ignore_ascii_case("select ")) {
                        return Err(format!("Error in expression '{id}': Metrics Insights queries are not supported"));
                    }
                    let bad = |why: String| format!("Error in expression '{id}': {why}");
                    let expression = math::parse(text).map_err(bad)?;
                    let searches = searches(&expression, query.period).map_err(bad)?;
                    Parsed::Expression { expression, searches }
                }
                _ => return Err(format!("The query {id} must have either MetricStat or Expression.")),
            };
            if parsed.insert(id.clone(), one).is_some() {
                return Err("The values for parameter Id in MetricDataQueries are not unique.".to_owned());
            }
        }
        let order = order(&all, &parsed)?;
        Ok(Queries { all, parsed, order })
    }

    /// The metrics that are read, searches apart.
    pub fn metrics(&self) -> impl Iterator<Item = &Arc<Metric>> {
        self.parsed.values().filter_map(|one| match one {
            Parsed::Metric { metric, .. } => Some(metric),
            Parsed::Expression { .. } => None,
        })
    }

    /// Whether an expression looks for metrics.
    pub fn has_search(&self) -> bool {
        self.parsed.values().any(|one| matches!(one, Parsed::Expression { searches, .. } if !searches.is_empty()))
    }

    /// The period in seconds: the longest of the metrics, else the expression's.
    pub fn period(&self) -> i64 {
        let stats = self.all.iter().filter_map(|query| query.metric_stat.as_ref().map(|stat| stat.period));
        let periods = self.all.iter().filter_map(|query| query.period);
        stats.max().or(periods.max()).unwrap_or(60)
    }
}

/// Source: CloudWatch API reference, MetricStat.
fn check_period(period: i64) -> Result<(), String> {
    match period {
        1 | 5 | 10 | 20 | 30 => Ok(()),
        period if period >= 60 && period % 60 == 0 => Ok(()),
        period => Err(format!(
            "The value {period} for parameter Period is not supported: it must be 1, 5, 10, 20, 30 or a multiple of 60."
        )),
    }
}

/// The searches in an expression: text, what it looks for, statistic and period.
fn searches(expression: &Expression, period: Option<i64>) -> Result<Vec<(String, Search, Statistic, i64)>, String> {
    let mut found = Vec::new();
    for (name, arguments) in expression.calls() {
        if let Some(why) = math::refused(name) {
            return Err(why.to_owned());
        }
        if name != "SEARCH" {
            continue;
        }
        let (text, stat, given) = match arguments {
            [Expression::Text(text), Expression::Text(stat)] => (text, stat, None),
            [Expression::Text(text), Expression::Text(stat), Expression::Number(period)] => (text, stat, Some(*period)),
            _ => return Err("SEARCH takes a search, a statistic and a period".to_owned()),
        };
        #[expect(clippy::cast_possible_truncation, reason = "a period of that many seconds is refused next")]
        let period = given.map(|period| period as i64).or(period).unwrap_or(300);
        check_period(period)?;
        let statistic = Statistic::parse(stat).ok_or_else(|| format!("unknown statistic '{stat}'"))?;
        found.push((text.clone(), Search::parse(text)?, statistic, period));
    }
    Ok(found)
}

fn order(all: &[MetricDataQuery], parsed: &BTreeMap<String, Parsed>) -> Result<Vec<String>, String> {
    let mut done: Vec<String> = Vec::new();
    let mut rest: Vec<&String> = all.iter().map(|query| &query.id).collect();
    while !rest.is_empty() {
        let is_ready = |id: &&String| match &parsed[*id] {
            Parsed::Metric { .. } => true,
            Parsed::Expression { expression, .. } => {
                let all_metrics = expression.calls().iter().any(|(name, _)| *name == "METRICS");
                let are_metrics_done =
                    parsed.iter().all(|(id, one)| matches!(one, Parsed::Expression { .. }) || done.contains(id));
                (!all_metrics || are_metrics_done)
                    && named(expression)
                        .iter()
                        .all(|name| !parsed.contains_key(*name) || done.iter().any(|known| known == name))
            }
        };
        let (ready, waiting): (Vec<&String>, Vec<&String>) = rest.iter().copied().partition(is_ready);
        if ready.is_empty() {
            return Err(format!("The expressions {waiting:?} name one another in a circle."));
        }
        done.extend(ready.into_iter().cloned());
        rest = waiting;
    }
    for (id, one) in parsed {
        if let Parsed::Expression { expression, .. } = one {
            let unknown = named(expression).into_iter().find(|name| !parsed.contains_key(*name));
            if let Some(name) = unknown {
                return Err(format!("Error in expression '{id}': Undefined variable '{name}'"));
            }
        }
    }
    Ok(done)
}

/// The queries that an expression names: the words of FILL and SORT are none.
fn named(expression: &Expression) -> Vec<&str> {
    let words = ["REPEAT", "LINEAR", "AVG", "MIN", "MAX", "SUM", "ASC", "DESC"];
    expression.names().into_iter().filter(|name| !words.contains(name)).collect()
}

impl CloudWatch {
    /// The points of a metric. Aligned at the span's start.
    pub(crate) async fn line(
        &self,
        region: Region,
        metric: &Arc<Metric>,
        statistic: &Statistic,
        unit: Option<&str>,
        span: Span,
    ) -> Result<Line, state::Error> {
        let buckets = self.store.read_all(region, metric, unit, span, self.now_ms()).await?;
        let points = buckets.iter().filter_map(|(at, bucket)| Some((*at, statistic.of(bucket)?)));
        let mut line = Line::new("", span.period_ms / 1000, points.collect());
        line.metric = Some(Arc::clone(metric));
        Ok(line)
    }

    /// Evaluates queries over a stretch of time: a value for each identifier, or why there is none.
    pub(crate) async fn evaluate(
        &self,
        region: Region,
        queries: &Queries,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<BTreeMap<String, Result<Value, String>>, state::Error> {
        let mut values: BTreeMap<String, Value> = BTreeMap::new();
        let mut answer = BTreeMap::new();
        let metric_ids: Vec<String> =
            queries.all.iter().filter(|query| query.metric_stat.is_some()).map(|query| query.id.clone()).collect();
        let names: Vec<Arc<Metric>> = queries.metrics().map(Arc::clone).collect();
        for id in &queries.order {
            let Some(query) = queries.all.iter().find(|query| query.id == *id) else { continue };
            let outcome = match (&queries.parsed[id], &query.metric_stat) {
                (Parsed::Metric { metric, statistic }, Some(stat)) => {
                    let span = Span { start_ms, end_ms, period_ms: stat.period * 1000 };
                    let mut line = self.line(region, metric, statistic, stat.unit.as_deref(), span).await?;
                    line.stat = Some(stat.stat.clone());
                    line.label = label::usual(metric, &names);
                    Ok(Value::Series(line))
                }
                (Parsed::Expression { expression, searches }, _) => {
                    let mut found = BTreeMap::new();
                    for (text, search, statistic, period) in searches {
                        let lines = self.search(region, search, statistic, *period, start_ms, end_ms).await?;
                        found.insert(text.clone(), lines);
                    }
                    let period = query.period.unwrap_or_else(|| self.period_of(expression, &values, &found, queries));
                    let times = times(start_ms, end_ms, period);
                    let scope = Scope { values: &values, metrics: &metric_ids, found: &found, times: &times, period };
                    math::evaluate(expression, &scope).map(|value| match value {
                        Value::Series(mut line) => {
                            line.label.clone_from(&query.id);
                            line.metric = None;
                            Value::Series(line)
                        }
                        other => other,
                    })
                }
                (Parsed::Metric { .. }, None) => Err("the query has no metric".to_owned()),
            };
            if let Ok(value) = &outcome {
                values.insert(id.clone(), value.clone());
            }
            answer.insert(id.clone(), outcome);
        }
        Ok(answer)
    }

    /// The period that an expression without one has: the longest of what it is made of.
    fn period_of(
        &self,
        expression: &Expression,
        values: &BTreeMap<String, Value>,
        found: &BTreeMap<String, Vec<Line>>,
        queries: &Queries,
    ) -> i64 {
        let named = expression.names().into_iter().filter_map(|name| values.get(name)).flat_map(Value::lines);
        let lines = named.chain(found.values().flatten());
        lines.map(|line| line.period).max().unwrap_or_else(|| queries.period())
    }

    async fn search(
        &self,
        region: Region,
        search: &Search,
        statistic: &Statistic,
        period: i64,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<Line>, state::Error> {
        let found: Vec<Arc<Metric>> = self.store.see(|memory| {
            let found = memory.metrics(region).filter(|(metric, _)| search.finds(metric));
            found.map(|(metric, _)| Arc::clone(metric)).take(FOUND_MAX).collect()
        });
        let mut lines = Vec::new();
        for metric in &found {
            let span = Span { start_ms, end_ms, period_ms: period * 1000 };
            let mut line = self.line(region, metric, statistic, None, span).await?;
            line.label = label::usual(metric, &found);
            lines.push(line);
        }
        Ok(lines)
    }
}

/// Points that an expression without metrics has at most: the same as GetMetricData returns.
const TIMES_MAX: usize = 100_800;

/// Where the periods of a stretch of time begin.
pub(crate) fn times(start_ms: i64, end_ms: i64, period: i64) -> Vec<i64> {
    let step = usize::try_from(period.max(1) * 1000).unwrap_or(usize::MAX);
    (start_ms..end_ms).step_by(step).take(TIMES_MAX).collect()
}
