//! ListMetrics: metrics with data in the last two weeks.

use serde::{Deserialize, Serialize};

use crate::metric::Metric;
use crate::query::MetricName;

/// Metrics of a page. Source: CloudWatch API reference, ListMetrics.
const PAGE: usize = 500;
/// How recent data must be.
const RECENT_MS: i64 = 14 * base::time::DAY_MS;
/// The same for `PT3H`.
const ACTIVE_MS: i64 = 3 * base::time::HOUR_MS;

/// See the model. There are no linked accounts.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Option<Vec<DimensionFilter>>,
    next_token: Option<String>,
    recently_active: Option<String>,
    owning_account: Option<String>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DimensionFilter {
    name: String,
    value: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    metrics: Vec<MetricName>,
    next_token: Option<String>,
}

operation! {
    /// Lists metrics.
    ListMetrics on "*" ignores ["IncludeLinkedAccounts"]: Input => Output, |cloudwatch, call, input| {
        let recent_ms = if input.recently_active.is_some() { ACTIVE_MS } else { RECENT_MS };
        let since = call.time.ms() - recent_ms;
        let filters = input.dimensions.unwrap_or_default();
        let is_wanted = |metric: &Metric| {
            input.namespace.as_ref().is_none_or(|namespace| *namespace == metric.namespace)
                && input.metric_name.as_ref().is_none_or(|name| *name == metric.name)
                && filters.iter().all(|filter| {
                    metric.dimension(&filter.name).is_some_and(|value| filter.value.as_ref().is_none_or(|wanted| wanted == value))
                })
        };
        let is_ours = input.owning_account.as_ref().is_none_or(|account| **account == *cloudwatch.deps.account);
        let found: Vec<(String, MetricName)> = cloudwatch.store.see(|memory| {
            let found = memory.metrics(call.region).filter(|(metric, last)| is_ours && *last >= since && is_wanted(metric));
            found.map(|(metric, _)| (place(metric), MetricName::of(metric))).collect()
        });
        let page = super::page(found, |(place, _)| place, input.next_token.as_deref(), PAGE)?;
        Ok(Output { metrics: page.items.into_iter().map(|(_, metric)| metric).collect(), next_token: page.next_token })
    }
}

/// A metric's place among others, as the order of the tables has it.
fn place(metric: &Metric) -> String {
    let mut place = format!("{}\u{1}{}\u{1}", metric.namespace, metric.name);
    for (name, value) in &metric.dimensions {
        place.extend([name.as_str(), "\u{1}", value.as_str(), "\u{1}"]);
    }
    place
}
