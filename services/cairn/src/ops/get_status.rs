//! GetStatus: shows how the server is: version, recording, journal, consumers, files that wait for their buckets, event stores.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::{Cairn, number};

/// Shows how the server is.
pub struct GetStatus;

/// Nothing.
#[derive(Deserialize)]
pub struct Input {}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    version: &'static str,
    uptime_seconds: i64,
    account_id: String,
    recording: Recording,
    journal_end: i64,
    journal: Journal,
    consumers: Vec<Consumer>,
    backlogs: Vec<Backlog>,
    validation: Vec<Validation>,
    event_stores: Vec<EventStore>,
    follows: Vec<Follow>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Recording {
    on: bool,
    waiting: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Journal {
    first: i64,
    entries: i64,
    bytes_on_disk: i64,
    segments: i64,
    queue_depth: i64,
    commits: i64,
    last_commit_ms: i64,
    refused: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_event_time: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Consumer {
    name: String,
    cursor: i64,
    lag: i64,
    /// The time of the first event that it has not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind_since: Option<Timestamp>,
    failure: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Backlog {
    trail: String,
    files: i64,
    oldest: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Validation {
    trail: String,
    checked_at: Timestamp,
    valid: bool,
    digests_checked: i64,
    files_checked: i64,
    problem_count: i64,
    problems: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventStore {
    store: String,
    records: i64,
    stored_bytes: i64,
    json_bytes: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_event_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_event_time: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Follow {
    place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    looked_at: Option<Timestamp>,
    files: i64,
    files_imported: i64,
    records_kept: i64,
    files_failed: i64,
    failures: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl Operation for GetStatus {
    type Service = Cairn;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetStatus";
    const RESOURCE: &'static str = "*";

    async fn run(cairn: &Cairn, _: &Call, _: Input) -> Result<Output, ApiError> {
        let operator = &*cairn.operator;
        let mut consumers = Vec::new();
        for consumer in operator.consumers() {
            let behind = if consumer.lag > 0 { operator.event_time(consumer.cursor).await } else { None };
            consumers.push(Consumer {
                name: consumer.name,
                cursor: number(consumer.cursor),
                lag: number(consumer.lag),
                behind_since: behind.map(Timestamp::from_ms),
                failure: consumer.failure,
            });
        }
        let backlogs = operator.backlogs().await?.into_iter().map(|backlog| Backlog {
            trail: backlog.trail,
            files: number(backlog.files),
            oldest: Timestamp::from_ms(backlog.oldest_ms),
        });
        let validation = operator.validation().into_iter().map(|validation| Validation {
            trail: validation.trail,
            checked_at: Timestamp::from_ms(validation.checked_at_ms),
            valid: validation.valid,
            digests_checked: number(validation.digests_checked),
            files_checked: number(validation.files_checked),
            problem_count: number(validation.problem_count),
            problems: validation.problems,
        });
        let event_stores = operator.event_stores().into_iter().map(|status| EventStore {
            store: status.store,
            records: number(status.records),
            stored_bytes: number(status.stored_bytes),
            json_bytes: number(status.json_bytes),
            oldest_event_time: status.oldest_ms.map(Timestamp::from_ms),
            newest_event_time: status.newest_ms.map(Timestamp::from_ms),
        });
        let follows = operator.follows().into_iter().map(|status| Follow {
            place: status.place,
            looked_at: status.looked_at_ms.map(Timestamp::from_ms),
            files: number(status.files),
            files_imported: number(status.files_imported),
            records_kept: number(status.records_kept),
            files_failed: number(status.files_failed),
            failures: status.failures,
            failure: status.failure,
        });
        let (recording, journal) = (operator.recording(), operator.journal());
        Ok(Output {
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: number(operator.uptime_ms() / 1000),
            account_id: operator.account(),
            recording: Recording { on: recording.on, waiting: recording.waiting },
            journal_end: number(journal.end),
            journal: Journal {
                first: number(journal.first),
                entries: number(journal.end.saturating_sub(journal.first)),
                bytes_on_disk: number(journal.bytes_on_disk),
                segments: number(journal.segments),
                queue_depth: number(journal.queue_depth),
                commits: number(journal.commits),
                last_commit_ms: number(journal.last_commit_ms),
                refused: number(journal.refused),
                oldest_event_time: operator.event_time(journal.first).await.map(Timestamp::from_ms),
            },
            consumers,
            backlogs: backlogs.collect(),
            validation: validation.collect(),
            event_stores: event_stores.collect(),
            follows: follows.collect(),
        })
    }
}
