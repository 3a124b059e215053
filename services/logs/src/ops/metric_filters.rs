//! Metric filters: PutMetricFilter, DeleteMetricFilter, DescribeMetricFilters, TestMetricFilter. Source: CloudWatch Logs API reference;
//! user guide, "Creating metrics from log events using filters".

use std::collections::BTreeMap;

use pattern::{Event, FilterPattern, Selector};
use serde::{Deserialize, Serialize};
use service::ApiError;

use super::Empty;
use crate::error::{Error, bad_token, invalid, missing, too_many};
use crate::rows::{Group, MetricFilter, Transformation, VERSION};
use crate::store::in_group;

/// Filters of one group. Source: CloudWatch Logs user guide, "CloudWatch Logs quotas".
const FILTERS_MAX: usize = 100;
/// Dimensions of a metric. Source: as above, "Publishing dimensions with metrics from values in JSON or space-delimited log events".
const DIMENSIONS_MAX: usize = 3;
/// Filters with regular expressions in one group. Source: as above, "Filter pattern syntax", supported regular expressions.
pub const EXPRESSION_FILTERS_MAX: usize = 5;
/// Of a dimension's name and field.
const DIMENSION_CHARS_MAX: usize = 255;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutInput {
    log_group_name: String,
    filter_name: String,
    filter_pattern: String,
    metric_transformations: Vec<Transformation>,
    apply_on_transformed_logs: Option<bool>,
    field_selection_criteria: Option<String>,
    emit_system_field_dimensions: Option<Vec<String>>,
}

/// A pattern that reads.
pub fn parse(text: &str) -> Result<FilterPattern, ApiError> {
    FilterPattern::parse(text).map_err(|error| invalid(error.for_metric_filter()))
}

/// Refuses groups whose class has no filters.
pub fn check_class(group: &Group) -> Result<(), ApiError> {
    if group.class == "STANDARD" {
        return Ok(());
    }
    let text = format!("The operation is not supported for log groups of the class {}.", group.class);
    Err(Error::InvalidOperationException(text).into())
}

fn check(transformation: &Transformation) -> Result<(), ApiError> {
    let is_field = |text: &str| text.starts_with('$') && Selector::parse(text).is_ok();
    let value = transformation.metric_value.as_str();
    let is_number = value.parse::<f64>().is_ok_and(f64::is_finite);
    if !is_number && !is_field(value) {
        return Err(invalid(format!("Invalid metric transformation: invalid metric value '{value}'")));
    }
    let dimensions = transformation.dimensions.iter().flatten();
    if dimensions.clone().count() > DIMENSIONS_MAX {
        return Err(invalid(format!("Invalid metric transformation: at most {DIMENSIONS_MAX} dimensions are allowed")));
    }
    if dimensions.clone().count() > 0 && transformation.default_value.is_some() {
        return Err(invalid(
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties.",
        ));
    }
    for (name, field) in dimensions {
        let fits = |text: &str| (1..=DIMENSION_CHARS_MAX).contains(&text.chars().count());
        if !fits(name) || !fits(field) || !is_field(field) {
            return Err(invalid(format!("Invalid metric transformation: invalid dimension '{name}'")));
        }
    }
    Ok(())
}

operation! {
    /// Makes a metric filter, or changes it.
    PutMetricFilter on "log-group:{logGroupName}:log-stream:": PutInput => Empty, |logs, call, input| {
        let pattern = parse(&input.filter_pattern)?;
        input.metric_transformations.iter().try_for_each(check)?;
        let has_fields = input.filter_pattern.trim_start().starts_with(['{', '[']);
        let has_dimensions = |one: &Transformation| one.dimensions.as_ref().is_some_and(|all| !all.is_empty());
        if !has_fields && input.metric_transformations.iter().any(has_dimensions) {
            return Err(invalid("The specified filter pattern does not support dimensions"));
        }
        if let Some(bad) = input.emit_system_field_dimensions.iter().flatten().find(|field| !matches!(field.as_str(), "@aws.account" | "@aws.region")) {
            return Err(invalid(format!("Invalid system field '{bad}'")));
        }
        // Not while the consumer looks at an entry: each entry is looked at by the filter as it was, or as it is now.
        let looked = logs.looked.lock().await;
        logs.store
            .change(|memory, plan| {
                let group = memory.group(call.region, &input.log_group_name)?;
                check_class(group)?;
                let known = memory.get::<MetricFilter>(&in_group(group.id, &input.filter_name));
                let mut others = memory.of_group::<MetricFilter>(group.id).filter(|filter| filter.name != input.filter_name);
                if known.is_none() && memory.of_group::<MetricFilter>(group.id).count() >= FILTERS_MAX {
                    return Err(too_many("Resource limit exceeded."));
                }
                if pattern.expressions() > 0 {
                    let has = |filter: &std::sync::Arc<MetricFilter>| {
                        FilterPattern::parse(&filter.pattern).is_ok_and(|pattern| pattern.expressions() > 0)
                    };
                    if others.by_ref().filter(|filter| has(filter)).count() >= EXPRESSION_FILTERS_MAX {
                        return Err(too_many("Resource limit exceeded."));
                    }
                }
                let filter = MetricFilter {
                    v: VERSION,
                    group: group.id,
                    created: known.map_or(call.time.ms(), |known| known.created),
                    name: input.filter_name,
                    pattern: input.filter_pattern,
                    transformations: input.metric_transformations,
                    on_transformed: input.apply_on_transformed_logs,
                    selection: input.field_selection_criteria,
                    system_fields: input.emit_system_field_dimensions,
                    live_from: *looked,
                };
                // A changed filter goes on where the one before it was: what that had looked at and not handed over yet is not lost in a crash.
                let live_from = known.filter(|known| known.makes_the_metric_of(&filter)).map_or(*looked, |known| known.live_from);
                let filter = MetricFilter { live_from, ..filter };
                // The same again changes nothing, least of all where it began.
                let is_same = known.is_some_and(|known| MetricFilter { live_from: known.live_from, ..filter.clone() } == **known);
                if !is_same {
                    crate::backfill::note(memory, plan, &filter, call.time.ms())?;
                    plan.put(filter)?;
                }
                Ok(())
            })
            .await?;
        drop(looked);
        Ok(Empty {})
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteInput {
    log_group_name: String,
    filter_name: String,
}

operation! {
    /// Deletes a metric filter.
    DeleteMetricFilter on "log-group:{logGroupName}:log-stream:": DeleteInput => Empty, |logs, call, input| {
        logs.store
            .change(|memory, plan| {
                let group = memory.group(call.region, &input.log_group_name)?;
                let found = memory.get::<MetricFilter>(&in_group(group.id, &input.filter_name));
                let found = found.ok_or_else(|| missing("The specified metric filter does not exist."))?;
                crate::backfill::note(memory, plan, found, call.time.ms())?;
                plan.remove::<MetricFilter>(found);
                Ok(Empty {})
            })
            .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInput {
    log_group_name: Option<String>,
    filter_name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
    metric_name: Option<String>,
    metric_namespace: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOutput {
    metric_filters: Vec<Described>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    filter_name: String,
    filter_pattern: String,
    metric_transformations: Vec<Transformation>,
    creation_time: i64,
    log_group_name: String,
    apply_on_transformed_logs: bool,
    field_selection_criteria: Option<String>,
    emit_system_field_dimensions: Option<Vec<String>>,
}

operation! {
    /// Shows metric filters: of a group, or those that make a metric.
    DescribeMetricFilters on "log-group:{logGroupName}:log-stream:": DescribeInput => DescribeOutput, |logs, call, input| {
        if input.metric_name.is_some() != input.metric_namespace.is_some() {
            return Err(invalid("If you include the metricName parameter in your request, you must also include the metricNamespace parameter."));
        }
        if input.filter_name_prefix.is_some() && input.log_group_name.is_none() {
            return Err(invalid("filterNamePrefix requires logGroupName."));
        }
        let makes = |filter: &MetricFilter| match (&input.metric_name, &input.metric_namespace) {
            (Some(name), Some(space)) => filter.transformations.iter().any(|one| one.metric_name == *name && one.metric_namespace == *space),
            _ => true,
        };
        let mut found: Vec<(String, Described)> = logs.store.see(|memory| {
            let groups: Vec<_> = match &input.log_group_name {
                Some(name) => vec![memory.group(call.region, name)?.clone()],
                None => memory.of_region::<Group>(call.region).cloned().collect(),
            };
            let mut found = Vec::new();
            for group in groups {
                for filter in memory.of_group::<MetricFilter>(group.id) {
                    let begins = input.filter_name_prefix.as_ref().is_none_or(|prefix| filter.name.starts_with(prefix.as_str()));
                    if begins && makes(filter) {
                        let key = format!("{}\0{}", group.name, filter.name);
                        found.push((key, Described {
                            filter_name: filter.name.clone(),
                            filter_pattern: filter.pattern.clone(),
                            metric_transformations: filter.transformations.clone(),
                            creation_time: filter.created,
                            log_group_name: group.name.clone(),
                            apply_on_transformed_logs: filter.on_transformed.unwrap_or(false),
                            field_selection_criteria: filter.selection.clone(),
                            emit_system_field_dimensions: filter.system_fields.clone(),
                        }));
                    }
                }
            }
            Ok::<_, ApiError>(found)
        })?;
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let page = super::page(found, |(key, _)| key.as_str(), input.next_token.as_deref(), input.limit).map_err(|_| bad_token())?;
        let metric_filters = page.items.into_iter().map(|(_, described)| described).collect();
        Ok(DescribeOutput { metric_filters, next_token: page.next_token })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestInput {
    filter_pattern: String,
    log_event_messages: Vec<String>,
}

/// See the model.
#[derive(Serialize)]
pub struct TestOutput {
    matches: Vec<Match>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    event_number: usize,
    event_message: String,
    extracted_values: BTreeMap<String, String>,
}

operation! {
    /// Says which texts a pattern matches.
    TestMetricFilter on "*": TestInput => TestOutput, |_logs, _call, input| {
        let pattern = parse(&input.filter_pattern)?;
        let matched = |(event_number, event_message): (usize, String)| {
            let event = Event::new(&event_message);
            pattern.matches(&event).then(|| pattern.extracted(&event).into_iter().collect()).map(|extracted_values| {
                Match { event_number, event_message: event_message.clone(), extracted_values }
            })
        };
        Ok(TestOutput { matches: (1..).zip(input.log_event_messages).filter_map(matched).collect() })
    }
}
