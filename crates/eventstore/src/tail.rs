//! The tail of a store: records of the journal that are in no part yet. In memory alone, as the journal still has them.

use std::collections::VecDeque;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use bytes::Bytes;

use crate::encode::{Form, Input, encode};

/// Rows are made columns in batches of so many; fewer at the end are made columns whenever somebody asks.
pub(crate) const CHUNK_ROWS: usize = 1024;

/// A record of the tail.
#[derive(Clone, Debug)]
pub(crate) struct TailRow {
    /// Its place in the journal.
    pub(crate) seq: u64,
    pub(crate) json: Bytes,
    pub(crate) hash: u128,
    /// The time of the event.
    pub(crate) time_ms: Option<i64>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Tail {
    pub(crate) rows: VecDeque<TailRow>,
    pub(crate) bytes: usize,
    /// The first rows as columns, [`CHUNK_ROWS`] each.
    batches: Vec<RecordBatch>,
}

/// The tail at one moment.
pub(crate) struct TailView {
    batches: Vec<RecordBatch>,
    /// Rows that are no columns yet.
    rest: Vec<Bytes>,
}

impl Tail {
    pub(crate) fn push(&mut self, row: TailRow) {
        self.bytes += row.json.len();
        self.rows.push_back(row);
    }

    /// Forgets rows that are in a part now: those before this place in the journal.
    pub(crate) fn forget_before(&mut self, seq: u64) {
        let mut changed = false;
        while self.rows.front().is_some_and(|row| row.seq < seq) {
            if let Some(row) = self.rows.pop_front() {
                self.bytes = self.bytes.saturating_sub(row.json.len());
                changed = true;
            }
        }
        if changed {
            self.batches = Vec::new();
            self.rows.shrink_to_fit();
        }
    }

    pub(crate) fn view(&self) -> TailView {
        let done = self.batches.len() * CHUNK_ROWS;
        TailView {
            batches: self.batches.clone(),
            rest: self.rows.iter().skip(done).map(|row| row.json.clone()).collect(),
        }
    }

    /// The next full chunk that is no columns yet: its number, and its records.
    pub(crate) fn chunk(&self) -> Option<(usize, Vec<Bytes>)> {
        let done = self.batches.len() * CHUNK_ROWS;
        if self.rows.len() < done + CHUNK_ROWS {
            return None;
        }
        let rows = self.rows.iter().skip(done).take(CHUNK_ROWS);
        Some((self.batches.len(), rows.map(|row| row.json.clone()).collect()))
    }

    /// Takes a chunk as columns, if it is still the next one and of the same records.
    pub(crate) fn chunk_done(&mut self, number: usize, first: &Bytes, batch: RecordBatch) {
        let here = self.rows.get(number * CHUNK_ROWS).is_some_and(|row| row.json.as_ptr() == first.as_ptr());
        if here && self.batches.len() == number {
            self.batches.push(batch);
        }
    }
}

/// Records as columns for queries.
pub(crate) fn columns(rows: &[Bytes]) -> Result<RecordBatch, ArrowError> {
    encode(rows.iter().map(|json| Input { json, checksum: None }), Form::Logical)
}

impl TailView {
    /// All rows as columns.
    pub(crate) fn into_batches(mut self) -> Result<Vec<RecordBatch>, ArrowError> {
        for chunk in self.rest.chunks(CHUNK_ROWS) {
            self.batches.push(columns(chunk)?);
        }
        Ok(self.batches)
    }
}
