//! PublishBatch: each entry succeeds or fails for itself; those that succeed are durable together.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::message::{Draft, GivenAttribute, MESSAGE_BYTES_MAX};
use crate::publish::{Ready, check_order};
use crate::sealing::Publisher;

/// Source: SNS API reference, PublishBatch.
const ENTRIES_MAX: usize = 10;
/// Source: SNS API reference, PublishBatchRequestEntry.
const ID_CHARS_MAX: usize = 80;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    topic_arn: String,
    publish_batch_request_entries: Vec<Entry>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    message: String,
    subject: Option<String>,
    message_structure: Option<String>,
    message_attributes: Option<BTreeMap<String, GivenAttribute>>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    successful: Vec<Success>,
    failed: Vec<Failure>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Success {
    id: String,
    message_id: String,
    sequence_number: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Failure {
    id: String,
    code: String,
    message: String,
    sender_fault: bool,
}

operation! {
    /// Publishes up to ten messages to a topic.
    PublishBatch on "{TopicArn}": Input => Output, |sns, call, input| {
        let topic = sns.topic(call, &input.topic_arn, "TopicArn")?;
        let entries = input.publish_batch_request_entries;
        if entries.is_empty() {
            return Err(Error::EmptyBatchRequest.into());
        }
        if entries.len() > ENTRIES_MAX {
            return Err(Error::TooManyEntriesInBatchRequest.into());
        }
        let mut ids = HashSet::new();
        for entry in &entries {
            let is_good = (1..=ID_CHARS_MAX).contains(&entry.id.len())
                && entry.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            if !is_good {
                return Err(Error::InvalidBatchEntryId.into());
            }
            if !ids.insert(entry.id.clone()) {
                return Err(Error::BatchEntryIdsNotDistinct.into());
            }
        }
        let (mut names, mut ready, mut failed, mut bytes) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (at, entry) in entries.into_iter().enumerate() {
            let draft = Draft {
                subject: entry.subject,
                message: entry.message,
                structure: entry.message_structure,
                attributes: entry.message_attributes.unwrap_or_default(),
                group_id: entry.message_group_id,
                deduplication_id: entry.message_deduplication_id,
            };
            let checked = draft.check(Some(at + 1)).and_then(|checked| {
                check_order(&topic, draft.group_id.as_deref(), draft.deduplication_id.as_deref())?;
                Ok(checked)
            });
            match checked {
                Ok(checked) => {
                    bytes += checked.bytes;
                    names.push(entry.id);
                    let Draft { group_id, deduplication_id, .. } = draft;
                    ready.push(Ready { checked, group_id, deduplication_id, once: None });
                }
                Err(error @ Error::ValidationError(_)) => return Err(error.into()),
                Err(error) => failed.push(Failure {
                    id: entry.id,
                    code: error.code().to_owned(),
                    message: error.to_string(),
                    sender_fault: true,
                }),
            }
        }
        if bytes > MESSAGE_BYTES_MAX {
            return Err(Error::BatchRequestTooLong.into());
        }
        let context = call.context(&[]);
        let by = Publisher { caller: &call.caller, request: Some(&context), source_arn: None };
        let published = sns.publish(&topic, &by, ready).await?;
        let success = |(id, one): (String, crate::publish::Published)| Success { id, message_id: one.id, sequence_number: one.sequence };
        Ok(Output { successful: names.into_iter().zip(published).map(success).collect(), failed })
    }
}
