//! SQS's operations: each is a few lines over what the modules around this folder do.

/// An operation. It asks by itself whether its caller may, as a queue is named by its URL; one that names its `on` what the gateway asks
/// about is asked for there.
macro_rules! operation {
    ($(#[$doc:meta])* $name:ident: $input:ty => $output:ty, |$sqs:ident, $call:ident, $in:pat_param| $body:block) => {
        operation!(@ [$(#[$doc])*] $name "{QueueUrl}" true $input, $output, $sqs, $call, $in, $body);
    };
    ($(#[$doc:meta])* $name:ident on $resource:literal: $input:ty => $output:ty, |$sqs:ident, $call:ident, $in:pat_param| $body:block) => {
        operation!(@ [$(#[$doc])*] $name $resource false $input, $output, $sqs, $call, $in, $body);
    };
    (@ [$(#[$doc:meta])*] $name:ident $resource:literal $asks:literal $input:ty, $output:ty, $sqs:ident, $call:ident, $in:pat_param, $body:block) => {
        $(#[$doc])*
        pub struct $name;

        impl service::Operation for $name {
            type Service = crate::Sqs;
            type Input = $input;
            type Output = $output;
            const NAME: &'static str = stringify!($name);
            const RESOURCE: &'static str = $resource;
            const ASKS_ITSELF: bool = $asks;

            async fn run($sqs: &crate::Sqs, $call: &service::Call, $in: $input) -> Result<$output, service::ApiError> $body
        }
    };
}

pub mod create_queue;
pub mod delete_message;
pub mod delete_queue;
pub mod list_queues;
pub mod move_tasks;
pub mod permissions;
pub mod queue_attributes;
pub mod receive_message;
pub mod send_message;
pub mod tags;
pub mod visibility;

use std::collections::HashSet;

use serde::Serialize;
use service::ApiError;

use crate::Error;

/// The most entries of a batch.
const ENTRIES_MAX: usize = 10;
/// The longest identifier of an entry.
const ENTRY_ID_MAX: usize = 80;

/// An entry of a batch that failed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchResultErrorEntry {
    id: String,
    sender_fault: bool,
    code: String,
    message: String,
}

impl BatchResultErrorEntry {
    fn new(id: String, error: impl Into<ApiError>) -> BatchResultErrorEntry {
        let error = error.into();
        BatchResultErrorEntry {
            id,
            sender_fault: error.status < 500,
            code: error.code.into_owned(),
            message: error.message,
        }
    }
}

/// Refuses a batch whose entries cannot be told apart, or are none or too many.
fn check_batch<'a>(kind: &'static str, ids: impl Iterator<Item = &'a str> + Clone) -> Result<(), Error> {
    let count = ids.clone().count();
    match count {
        0 => return Err(Error::EmptyBatchRequest(kind)),
        1..=ENTRIES_MAX => {}
        _ => return Err(Error::TooManyEntriesInBatchRequest(count)),
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut seen = HashSet::new();
    for id in ids {
        if !(1..=ENTRY_ID_MAX).contains(&id.len()) || !id.chars().all(is_allowed) {
            return Err(Error::InvalidBatchEntryId);
        }
        if !seen.insert(id) {
            return Err(Error::BatchEntryIdsNotDistinct(id.to_owned()));
        }
    }
    Ok(())
}

/// Refuses a number outside of its range.
fn check_range(value: Option<i64>, parameter: &str, range: std::ops::RangeInclusive<i64>) -> Result<(), Error> {
    match value {
        Some(value) if !range.contains(&value) => {
            let reason = format!("Must be between {} and {}, if provided.", range.start(), range.end());
            Err(Error::value(value, parameter, &reason))
        }
        _ => Ok(()),
    }
}
