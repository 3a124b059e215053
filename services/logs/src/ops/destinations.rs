//! Destinations: streams of Kinesis and Firehose that other accounts send to. There are none here, and these say so as AWS says it of a
//! stream that is not there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Empty;
use crate::error::{bad_token, invalid, missing};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutInput {
    #[serde(rename = "destinationName")]
    _destination_name: String,
    target_arn: String,
    #[serde(rename = "roleArn")]
    _role_arn: String,
    #[serde(rename = "tags")]
    _tags: Option<BTreeMap<String, String>>,
}

operation! {
    /// Refuses a destination.
    PutDestination on "destination:{destinationName}": PutInput => Empty, |_logs, _call, input| {
        let service = base::arn::Arn::parse(&input.target_arn).map(|arn| arn.service).unwrap_or_default();
        match service.as_str() {
            "kinesis" | "firehose" => Err(invalid(
                "Could not deliver test message to specified destination. Check if the destination is valid.",
            )),
            _ => Err(invalid(format!("Invalid targetArn '{}'", input.target_arn))),
        }
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyInput {
    #[serde(rename = "destinationName")]
    _destination_name: String,
    #[serde(rename = "accessPolicy")]
    _access_policy: String,
    #[serde(rename = "forceUpdate")]
    _force_update: Option<bool>,
}

operation! {
    /// Knows no destination.
    PutDestinationPolicy on "destination:{destinationName}": PolicyInput => Empty, |_logs, _call, _input| {
        Err(missing("The specified destination does not exist."))
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteInput {
    #[serde(rename = "destinationName")]
    _destination_name: String,
}

operation! {
    /// Knows no destination.
    DeleteDestination on "destination:{destinationName}": DeleteInput => Empty, |_logs, _call, _input| {
        Err(missing("The specified destination does not exist."))
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInput {
    #[serde(rename = "DestinationNamePrefix")]
    _destination_name_prefix: Option<String>,
    next_token: Option<String>,
    #[serde(rename = "limit")]
    _limit: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOutput {
    destinations: Vec<Empty>,
}

operation! {
    /// Knows no destination.
    DescribeDestinations on "destination:*": DescribeInput => DescribeOutput, |_logs, _call, input| {
        match input.next_token {
            Some(_) => Err(bad_token()),
            None => Ok(DescribeOutput { destinations: Vec::new() }),
        }
    }
}
