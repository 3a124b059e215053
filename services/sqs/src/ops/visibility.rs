//! ChangeMessageVisibility, ChangeMessageVisibilityBatch.

use serde::Deserialize;

use super::check_batch;
use super::delete_message::BatchOutput;
use crate::Error;
use crate::attributes::VISIBILITY_SECS_MAX;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    queue_url: String,
    receipt_handle: String,
    visibility_timeout: i64,
}

fn check(secs: i64) -> Result<(), Error> {
    let reason = format!("Must be between 0 and {VISIBILITY_SECS_MAX}, if provided.");
    let fits = (0..=VISIBILITY_SECS_MAX).contains(&secs);
    if fits { Ok(()) } else { Err(Error::value(secs, "VisibilityTimeout", &reason)) }
}

operation! {
    /// Hides a message for longer, or no longer.
    ChangeMessageVisibility: Input => (), |sqs, call, input| {
        let live = sqs.queue(call, &input.queue_url, "ChangeMessageVisibility").await?;
        check(input.visibility_timeout)?;
        let results = sqs.change_visibility(&live, &[(&input.receipt_handle, input.visibility_timeout)]).await?;
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
    visibility_timeout: Option<i64>,
}

operation! {
    /// Hides up to ten messages for longer, or no longer.
    ChangeMessageVisibilityBatch: BatchInput => BatchOutput, |sqs, call, input| {
        let live = sqs.queue(call, &input.queue_url, "ChangeMessageVisibility").await?;
        check_batch("ChangeMessageVisibilityBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let secs = |entry: &Entry| entry.visibility_timeout.unwrap_or_else(|| live.setup().number("VisibilityTimeout"));
        let good: Vec<(&str, i64)> = input.entries.iter()
            .map(|entry| (entry.receipt_handle.as_str(), secs(entry)))
            .filter(|(_, secs)| check(*secs).is_ok())
            .collect();
        let mut changed = sqs.change_visibility(&live, &good).await?.into_iter();
        let results = input.entries.iter().map(|entry| {
            check(secs(entry)).and_then(|()| changed.next().unwrap_or(Ok(())))
        });
        let results: Vec<Result<(), Error>> = results.collect();
        Ok(BatchOutput::of(input.entries.into_iter().map(|entry| entry.id).collect(), results))
    }
}
