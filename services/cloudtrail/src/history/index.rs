//! [`Index`]: the tail of history in memory, and the rows of its sealed segments.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::segment::Item;
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
}

impl Index {
    /// Nothing is read yet.
    pub fn new(shared: Arc<Shared>) -> Index {
        Index { shared, tail: Mutex::default() }
    }

    pub(super) fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
