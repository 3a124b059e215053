//! Data protection policies of groups: PutDataProtectionPolicy, GetDataProtectionPolicy, DeleteDataProtectionPolicy. Checked, kept and
//! shown; nothing is masked.

use serde::{Deserialize, Serialize};

use super::{Empty, json_object};
use crate::error::invalid;
use crate::rows::Dated;

/// Of a policy. Source: CloudWatch Logs API reference, PutDataProtectionPolicy.
const CHARS_MAX: usize = 30_720;

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
pub struct Shown {
    log_group_identifier: String,
    policy_document: Option<String>,
    last_updated_time: Option<i64>,
}

operation! {
    /// Gives a group a policy.
    PutDataProtectionPolicy on "log-group:{logGroupIdentifier}:log-stream:": PutInput => Shown, |logs, call, input| {
        let policy = json_object(&input.policy_document, "policyDocument")?;
        let statements = policy.get("Statement").and_then(|list| list.as_array()).map_or(0, Vec::len);
        if statements == 0 || !policy.contains_key("Name") || !policy.contains_key("Version") {
            return Err(invalid("policyDocument must have Name, Version and Statement."));
        }
        if input.policy_document.chars().count() > CHARS_MAX {
            return Err(invalid(format!("policyDocument can have at most {CHARS_MAX} characters.")));
        }
        let group = logs.group(call, None, Some(&input.log_group_identifier))?;
        let at = call.time.ms();
        let text = input.policy_document;
        logs.change_group(&group, |group| {
            group.data_protection = Some(Dated { text: text.clone(), at });
            Ok(Shown { log_group_identifier: input.log_group_identifier, policy_document: Some(text), last_updated_time: Some(at) })
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupInput {
    log_group_identifier: String,
}

operation! {
    /// Shows a group's policy.
    GetDataProtectionPolicy on "log-group:{logGroupIdentifier}:log-stream:": GroupInput => Shown, |logs, call, input| {
        let group = logs.group(call, None, Some(&input.log_group_identifier))?;
        let policy = group.data_protection.clone();
        Ok(Shown {
            log_group_identifier: input.log_group_identifier,
            last_updated_time: policy.as_ref().map(|policy| policy.at),
            policy_document: policy.map(|policy| policy.text),
        })
    }
}

operation! {
    /// Takes a group's policy away.
    DeleteDataProtectionPolicy on "log-group:{logGroupIdentifier}:log-stream:": GroupInput => Empty, |logs, call, input| {
        let group = logs.group(call, None, Some(&input.log_group_identifier))?;
        logs.change_group(&group, |group| {
            group.data_protection = None;
            Ok(Empty {})
        })
        .await
    }
}
