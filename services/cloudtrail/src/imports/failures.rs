//! The files that an import could not take, and what became of them when it was tried again.

use std::collections::BTreeSet;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Op, Range, State, Table};

use crate::rows;

/// Failures. Key: import, location.
pub const FAILURES: Table = "cloudtrail/import-failures";
/// Rows changed at once.
const CHUNK: usize = 1_000;

/// Where a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureStatus {
    /// The file could not be imported.
    Failed,
    /// It is tried again.
    Retry,
    /// It was imported when it was tried again.
    Succeeded,
}

/// A row of [`FAILURES`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRow {
    /// The form of this document.
    pub v: u32,
    /// `s3://BUCKET/KEY`.
    pub location: String,
    /// See [`FailureStatus`].
    pub status: FailureStatus,
    /// What sort of failure.
    pub error_type: String,
    /// Why.
    pub message: String,
    /// When this was written.
    pub updated_ms: i64,
}

fn key(id: &str, location: &str) -> Vec<u8> {
    state::key::key(&[id, location])
}

fn storage(error: state::Error) -> ApiError {
    ApiError::unavailable(error)
}

/// Some failures of an import, those after a location.
pub async fn page(state: &dyn State, id: &str, after: Option<&str>, limit: usize) -> Result<Vec<FailureRow>, ApiError> {
    let mut range = Range::prefix(state::key::key(&[id]));
    if let Some(after) = after {
        range.start = std::ops::Bound::Excluded(key(id, after));
    }
    let found = state.scan(FAILURES, range, limit).await.map_err(storage)?;
    found.iter().map(|row| rows::read(FAILURES, row)).collect::<Result<_, _>>().map_err(storage)
}

/// Does something with each failure: the row that it becomes, or `None` if it stays.
async fn change(state: &dyn State, id: &str, each: impl Fn(&FailureRow) -> Option<FailureRow>) -> Result<(), ApiError> {
    let mut after: Option<String> = None;
    loop {
        let some = page(state, id, after.as_deref(), CHUNK).await?;
        let Some(last) = some.last() else { return Ok(()) };
        after = Some(last.location.clone());
        let changed = some.iter().filter_map(&each);
        let ops: Vec<Op> = changed.map(|row| rows::put(FAILURES, key(id, &row.location), &row, Expect::Any)).collect();
        if !ops.is_empty() {
            state.commit(ops).await.map_err(storage)?;
        }
    }
}

/// Says of all failures that they are tried again.
pub async fn mark_retried(state: &dyn State, id: &str, now: Timestamp) -> Result<(), ApiError> {
    change(state, id, |row| {
        let again = || FailureRow { status: FailureStatus::Retry, updated_ms: now.ms(), ..row.clone() };
        (row.status == FailureStatus::Failed).then(again)
    })
    .await
}

/// Writes down what failed; what was tried again and is not among it has succeeded, if everything was looked at.
pub async fn settle(
    state: &dyn State,
    id: &str,
    failed: Vec<FailureRow>,
    looked_at_all: bool,
    now: Timestamp,
) -> Result<(), ApiError> {
    let locations: BTreeSet<&str> = failed.iter().map(|row| row.location.as_str()).collect();
    if looked_at_all {
        change(state, id, |row| {
            let done = || FailureRow { status: FailureStatus::Succeeded, updated_ms: now.ms(), ..row.clone() };
            (row.status == FailureStatus::Retry && !locations.contains(row.location.as_str())).then(done)
        })
        .await?;
    }
    for some in failed.chunks(CHUNK) {
        let ops = some.iter().map(|row| rows::put(FAILURES, key(id, &row.location), row, Expect::Any));
        state.commit(ops.collect()).await.map_err(storage)?;
    }
    Ok(())
}

/// Forgets the failures of an import.
pub async fn remove(state: &dyn State, id: &str) -> Result<(), ApiError> {
    loop {
        let found = state.scan(FAILURES, Range::prefix(state::key::key(&[id])), CHUNK).await.map_err(storage)?;
        if found.is_empty() {
            return Ok(());
        }
        let delete = |row: state::Row| Op::Delete { table: FAILURES, key: row.key, expect: Expect::Any };
        state.commit(found.into_iter().map(delete).collect()).await.map_err(storage)?;
    }
}
