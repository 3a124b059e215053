//! DeleteMessage, DeleteMessageBatch.

use serde::{Deserialize, Serialize};

use super::{BatchResultErrorEntry, check_batch};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    queue_url: String,
    receipt_handle: String,
}

operation! {
    /// Deletes a message that was received.
    DeleteMessage: Input => (), |sqs, call, input| {
        let live = sqs.queue(call, &input.queue_url, "DeleteMessage").await?;
        let results = sqs.delete_messages(&live, &[&input.receipt_handle]).await?;
        Ok(results.into_iter().collect::<Result<(), _>>()?)
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchInput {
    queue_url: String,
    #[serde(default)]
    entries: Vec<Entry>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    id: String,
    receipt_handle: String,
}

/// An entry that succeeded.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Successful {
    pub(super) id: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchOutput {
    pub(super) successful: Vec<Successful>,
    pub(super) failed: Vec<BatchResultErrorEntry>,
}

impl BatchOutput {
    /// Of entries and how they ended.
    pub(super) fn of(ids: Vec<String>, results: Vec<Result<(), crate::Error>>) -> BatchOutput {
        let mut output = BatchOutput { successful: Vec::new(), failed: Vec::new() };
        for (id, result) in ids.into_iter().zip(results) {
            match result {
                Ok(()) => output.successful.push(Successful { id }),
                Err(error) => output.failed.push(BatchResultErrorEntry::new(id, error)),
            }
        }
        output
    }
}

operation! {
    /// Deletes up to ten messages that were received.
    DeleteMessageBatch: BatchInput => BatchOutput, |sqs, call, input| {
        let live = sqs.queue(call, &input.queue_url, "DeleteMessage").await?;
        check_batch("DeleteMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let handles: Vec<&str> = input.entries.iter().map(|entry| entry.receipt_handle.as_str()).collect();
        let results = sqs.delete_messages(&live, &handles).await?;
        Ok(BatchOutput::of(input.entries.into_iter().map(|entry| entry.id).collect(), results))
    }
}
