//! Subscription filters: PutSubscriptionFilter, DeleteSubscriptionFilter, DescribeSubscriptionFilters. A destination is a function that
//! stands for an HTTP endpoint; there are no streams of Kinesis or Firehose, which is what their refusals say.

use std::sync::Arc;

use base::arn::Arn;
use pattern::FilterPattern;
use serde::{Deserialize, Serialize};
use service::ApiError;

use super::metric_filters::{EXPRESSION_FILTERS_MAX, check_class};
use super::{Empty, page};
use crate::Logs;
use crate::error::{invalid, missing, too_many};
use crate::rows::{SubscriptionFilter, VERSION};
use crate::store::in_group;

/// Filters of one group. Source: CloudWatch Logs user guide, "CloudWatch Logs quotas".
const FILTERS_MAX: usize = 2;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutInput {
    log_group_name: String,
    filter_name: String,
    filter_pattern: String,
    destination_arn: String,
    role_arn: Option<String>,
    distribution: Option<String>,
    apply_on_transformed_logs: Option<bool>,
    field_selection_criteria: Option<String>,
    emit_system_fields: Option<Vec<String>>,
}

impl Logs {
    /// Refuses a destination that nothing can be handed to.
    fn check_destination(&self, destination: &str, role: Option<&str>) -> Result<(), ApiError> {
        let arn = Arn::parse(destination);
        let vendor = arn.as_ref().map_or("", |arn| arn.service.as_str());
        match (vendor, role) {
            ("lambda", Some(_)) => Err(invalid("destinationArn for vendor lambda cannot be used with roleArn")),
            ("lambda", None) => {
                let is_known = self.deps.functions.as_ref().is_some_and(|functions| functions.is_known(destination));
                is_known.then_some(()).ok_or_else(|| {
                    invalid(
                        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your \
                         function.",
                    )
                })
            }
            ("kinesis" | "firehose", None) => {
                Err(invalid(format!("destinationArn for vendor {vendor} cannot be used without roleArn")))
            }
            ("kinesis", Some(_)) => Err(invalid(
                "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in ACTIVE state. ",
            )),
            ("firehose", Some(_)) => Err(invalid(
                "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream is in ACTIVE state.",
            )),
            ("logs", _) => Err(invalid(
                "Could not deliver test message to specified destination. Check if the destination is valid.",
            )),
            _ => Err(invalid(format!("Invalid destinationArn '{destination}'"))),
        }
    }
}

operation! {
    /// Makes a subscription filter, or changes it.
    PutSubscriptionFilter on "log-group:{logGroupName}:log-stream:": PutInput => Empty, |logs, call, input| {
        let text = &input.filter_pattern;
        let pattern = FilterPattern::parse(text).map_err(|error| invalid(error.for_filter()))?;
        let group = logs.group(call, Some(&input.log_group_name), None)?;
        check_class(&group)?;
        logs.check_destination(&input.destination_arn, input.role_arn.as_deref())?;
        logs.store
            .change(|memory, plan| {
                let group = memory.group(call.region, &input.log_group_name)?;
                let known = memory.get::<SubscriptionFilter>(&in_group(group.id, &input.filter_name));
                let of_group = || memory.of_group::<SubscriptionFilter>(group.id);
                if known.is_none() && of_group().count() >= FILTERS_MAX {
                    return Err(too_many("Resource limit exceeded."));
                }
                let has = |filter: &&Arc<SubscriptionFilter>| {
                    FilterPattern::parse(&filter.pattern).is_ok_and(|pattern| pattern.expressions() > 0)
                };
                if pattern.expressions() > 0 && of_group().filter(has).count() >= EXPRESSION_FILTERS_MAX {
                    return Err(too_many("Resource limit exceeded."));
                }
                plan.put(SubscriptionFilter {
                    v: VERSION,
                    group: group.id,
                    created: known.map_or(call.time.ms(), |known| known.created),
                    name: input.filter_name,
                    pattern: input.filter_pattern,
                    destination: input.destination_arn,
                    role: input.role_arn,
                    distribution: input.distribution.unwrap_or_else(|| "ByLogStream".to_owned()),
                    on_transformed: input.apply_on_transformed_logs,
                    selection: input.field_selection_criteria,
                    system_fields: input.emit_system_fields,
                })
            })
            .await?;
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
    /// Deletes a subscription filter; what waits for its destination is not handed over any more.
    DeleteSubscriptionFilter on "log-group:{logGroupName}:log-stream:": DeleteInput => Empty, |logs, call, input| {
        logs.store
            .change(|memory, plan| {
                let group = memory.group(call.region, &input.log_group_name)?;
                let found = memory.get::<SubscriptionFilter>(&in_group(group.id, &input.filter_name));
                plan.remove::<SubscriptionFilter>(found.ok_or_else(|| missing("The specified subscription filter does not exist."))?);
                Ok(Empty {})
            })
            .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInput {
    log_group_name: String,
    filter_name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOutput {
    subscription_filters: Vec<Described>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    filter_name: String,
    log_group_name: String,
    filter_pattern: String,
    destination_arn: String,
    role_arn: Option<String>,
    distribution: String,
    apply_on_transformed_logs: bool,
    creation_time: i64,
    field_selection_criteria: Option<String>,
    emit_system_fields: Option<Vec<String>>,
}

operation! {
    /// Shows the subscription filters of a group.
    DescribeSubscriptionFilters on "log-group:{logGroupName}:log-stream:": DescribeInput => DescribeOutput, |logs, call, input| {
        let group = logs.group(call, Some(&input.log_group_name), None)?;
        let prefix = input.filter_name_prefix.unwrap_or_default();
        let found: Vec<Arc<SubscriptionFilter>> = logs.store.see(|memory| {
            memory.of_group::<SubscriptionFilter>(group.id).filter(|filter| filter.name.starts_with(&prefix)).cloned().collect()
        });
        let page = page(found, |filter| filter.name.as_str(), input.next_token.as_deref(), input.limit)?;
        let described = |filter: Arc<SubscriptionFilter>| Described {
            filter_name: filter.name.clone(),
            log_group_name: group.name.clone(),
            filter_pattern: filter.pattern.clone(),
            destination_arn: filter.destination.clone(),
            role_arn: filter.role.clone(),
            distribution: filter.distribution.clone(),
            apply_on_transformed_logs: filter.on_transformed.unwrap_or(false),
            creation_time: filter.created,
            field_selection_criteria: filter.selection.clone(),
            emit_system_fields: filter.system_fields.clone(),
        };
        Ok(DescribeOutput { subscription_filters: page.items.into_iter().map(described).collect(), next_token: page.next_token })
    }
}
