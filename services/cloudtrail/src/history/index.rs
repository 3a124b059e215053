//! [`Index`]: the tail of history in memory, and the rows of its sealed segments.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use state::Range;

use super::segment::Item;
use crate::rows::{self, SEGMENTS};
use crate::shared::Shared;

/// A sealed segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Of this document.
    pub version: u32,
    /// The object.
    pub object: String,
    /// Its length in bytes.
    pub len_bytes: u64,
    /// The first record's place in the journal.
    pub first_seq: u64,
    /// The last record's place.
    pub last_seq: u64,
    /// The oldest event, in seconds.
    pub oldest_secs: i64,
    /// The newest.
    pub newest_secs: i64,
    /// How many records it has.
    pub records: u64,
}

/// What is not sealed yet.
#[derive(Default)]
pub(super) struct Tail {
    /// In the order of the journal.
    pub items: VecDeque<Item>,
    /// Of the records.
    pub bytes: usize,
}

/// History as it is looked up.
pub struct Index {
    pub(super) shared: Arc<Shared>,
    tail: Mutex<Tail>,
    sealed_records: AtomicU64,
    segments: AtomicU64,
}

impl Index {
    /// Nothing is read yet.
    pub fn new(shared: Arc<Shared>) -> Index {
        Index { shared, tail: Mutex::default(), sealed_records: AtomicU64::new(0), segments: AtomicU64::new(0) }
    }

    pub(super) fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many records there are, and how many sealed segments.
    pub(crate) fn size(&self) -> (u64, u64) {
        let tail = u64::try_from(self.tail().items.len()).unwrap_or(u64::MAX);
        let sealed = self.sealed_records.load(Ordering::Relaxed);
        (sealed.saturating_add(tail), self.segments.load(Ordering::Relaxed))
    }

    /// Counts what an earlier run left.
    pub(super) async fn count_segments(&self) -> Result<(), state::Error> {
        let (mut records, mut segments) = (0, 0);
        let all = state::scan_all(&*self.shared.state, SEGMENTS, Range::all(), |row| {
            records += rows::read::<Segment>(SEGMENTS, &row)?.records;
            segments += 1;
            Ok::<bool, state::Error>(true)
        });
        all.await?;
        self.sealed_records.store(records, Ordering::Relaxed);
        self.segments.store(segments, Ordering::Relaxed);
        Ok(())
    }

    /// A segment of so many records was sealed.
    pub(super) fn count_sealed(&self, records: u64) {
        if records > 0 {
            self.sealed_records.fetch_add(records, Ordering::Relaxed);
            self.segments.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A segment of so many records is gone.
    pub(super) fn count_expired(&self, records: u64) {
        self.sealed_records.fetch_sub(records, Ordering::Relaxed);
        self.segments.fetch_sub(1, Ordering::Relaxed);
    }
}
