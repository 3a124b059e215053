//! Field index policies of groups: PutIndexPolicy, DeleteIndexPolicy, DescribeIndexPolicies, DescribeFieldIndexes. Checked and kept; what
//! is read is read without them. Source: CloudWatch Logs user guide, "Create field indexes to improve query performance".

use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use super::{Empty, json_object};
use crate::Logs;
use crate::error::{bad_token, invalid};
use crate::rows::{Dated, Group};

/// Fields of a policy.
const FIELDS_MAX: usize = 20;
/// Of a field's name.
const FIELD_CHARS_MAX: usize = 100;

/// The fields of a policy.
pub fn fields(text: &str) -> Vec<String> {
    let read: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let fields = read.as_ref().and_then(|policy| policy.get("Fields")).and_then(|fields| fields.as_array());
    fields.into_iter().flatten().filter_map(|field| field.as_str().map(str::to_owned)).collect()
}

/// Refuses what is no policy.
pub fn check(text: &str) -> Result<(), ApiError> {
    let policy = json_object(text, "policyDocument")?;
    let listed = policy.get("Fields").and_then(|fields| fields.as_array());
    let listed = match listed {
        Some(listed) => listed,
        None if policy.contains_key("FieldsV2") => return Ok(()),
        None => return Err(invalid("policyDocument must have a list of Fields.")),
    };
    let good = |field: &serde_json::Value| {
        field.as_str().is_some_and(|field| (1..=FIELD_CHARS_MAX).contains(&field.chars().count()))
    };
    if listed.is_empty() || listed.len() > FIELDS_MAX || !listed.iter().all(good) {
        return Err(invalid(format!(
            "policyDocument must have from 1 to {FIELDS_MAX} Fields of at most {FIELD_CHARS_MAX} characters each."
        )));
    }
    Ok(())
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutInput {
    log_group_identifier: String,
    policy_document: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutOutput {
    index_policy: Described,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    log_group_identifier: String,
    last_update_time: i64,
    policy_document: String,
    source: &'static str,
}

impl Described {
    fn of(logs: &Logs, group: &Group) -> Option<Described> {
        let policy = group.index_policy.as_ref()?;
        Some(Described {
            log_group_identifier: group.arn(&logs.deps.account),
            last_update_time: policy.at,
            policy_document: policy.text.clone(),
            source: "LOG_GROUP",
        })
    }
}

operation! {
    /// Gives a group a field index policy.
    PutIndexPolicy on "log-group:{logGroupIdentifier}:log-stream:": PutInput => PutOutput, |logs, call, input| {
        check(&input.policy_document)?;
        let group = logs.group(call, None, Some(&input.log_group_identifier))?;
        super::metric_filters::check_class(&group).map_err(|error| invalid(error.message))?;
        let index_policy = logs.change_group(&group, |group| {
            group.index_policy = Some(Dated { text: input.policy_document, at: call.time.ms() });
            Described::of(logs, group).ok_or_else(|| ApiError::internal("the policy that was set is not there"))
        }).await?;
        Ok(PutOutput { index_policy })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteInput {
    log_group_identifier: String,
}

operation! {
    /// Takes a group's field index policy away.
    DeleteIndexPolicy on "log-group:{logGroupIdentifier}:log-stream:": DeleteInput => Empty, |logs, call, input| {
        let group = logs.group(call, None, Some(&input.log_group_identifier))?;
        logs.change_group(&group, |group| {
            group.index_policy = None;
            Ok(Empty {})
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInput {
    log_group_identifiers: Vec<String>,
    next_token: Option<String>,
}

fn groups(logs: &Logs, call: &Call, input: &DescribeInput) -> Result<Vec<std::sync::Arc<Group>>, ApiError> {
    // All are on the first page.
    if input.next_token.is_some() {
        return Err(bad_token());
    }
    input.log_group_identifiers.iter().map(|one| logs.group(call, None, Some(one))).collect()
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoliciesOutput {
    index_policies: Vec<Described>,
}

operation! {
    /// Shows field index policies.
    DescribeIndexPolicies on "log-group:*": DescribeInput => PoliciesOutput, |logs, call, input| {
        let groups = groups(logs, call, &input)?;
        Ok(PoliciesOutput { index_policies: groups.iter().filter_map(|group| Described::of(logs, group)).collect() })
    }
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexesOutput {
    field_indexes: Vec<FieldIndex>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldIndex {
    log_group_identifier: String,
    field_index_name: String,
    last_scan_time: i64,
    #[serde(rename = "type")]
    kind: &'static str,
}

operation! {
    /// Shows the fields that policies name.
    DescribeFieldIndexes on "log-group:*": DescribeInput => IndexesOutput, |logs, call, input| {
        let mut field_indexes = Vec::new();
        for group in groups(logs, call, &input)? {
            let Some(policy) = &group.index_policy else { continue };
            field_indexes.extend(fields(&policy.text).into_iter().map(|field| FieldIndex {
                log_group_identifier: group.arn(&logs.deps.account),
                field_index_name: field,
                last_scan_time: call.time.ms(),
                kind: "FIELD_INDEX",
            }));
        }
        Ok(IndexesOutput { field_indexes })
    }
}
