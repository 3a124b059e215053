//! What follows from the events themselves: the tail that is not sealed, which chunks there are, how far streams and sources are. Changed by
//! the consumer alone (and by deletions); all of it is made again from rows and the journal.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::crypt::Cipher;
use crate::rows::{Chunk, Stats};

/// What AWS counts for an event besides its text. Source: CloudWatch Logs API reference, PutLogEvents.
pub const EVENT_OVERHEAD_BYTES: u64 = 26;

/// Where an event stands among those of its group: by time, then as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its time, in milliseconds.
    pub ts: i64,
    /// The journal's entry that brought it.
    pub seq: u64,
    /// Which one of the entry's.
    pub index: u32,
}

impl Place {
    /// Before every event of this time.
    pub const fn before(ts: i64) -> Place {
        Place { ts, seq: 0, index: 0 }
    }

    /// After every event of this time.
    pub const fn behind(ts: i64) -> Place {
        Place { ts, seq: u64::MAX, index: u32::MAX }
    }
}

/// A log event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The identifier of its stream.
    pub stream: u64,
    /// When it came, in milliseconds.
    pub ingested: i64,
    /// UTF-8.
    pub text: Bytes,
}

impl Event {
    /// As AWS counts it.
    pub fn bytes(&self) -> u64 {
        self.text.len() as u64 + EVENT_OVERHEAD_BYTES
    }
}

/// The events of one group.
#[derive(Default)]
pub struct LiveGroup {
    /// Not sealed yet.
    pub tail: BTreeMap<Place, Event>,
    /// Of the tail, as AWS counts.
    pub tail_bytes: u64,
    /// Entries that could not be decrypted, with their places.
    pub locked: Vec<(u64, Bytes)>,
    /// What chunks are to be encrypted under.
    pub cipher: Option<Arc<Cipher>>,
    /// By name.
    pub chunks: BTreeMap<String, Arc<Chunk>>,
    /// Of the chunks, as AWS counts.
    pub chunk_bytes: u64,
}

impl LiveGroup {
    /// `storedBytes`.
    pub fn stored_bytes(&self) -> u64 {
        self.chunk_bytes + self.tail_bytes
    }

    /// Adds a chunk.
    pub fn add(&mut self, chunk: Chunk) {
        self.chunk_bytes += chunk.bytes;
        if let Some(before) = self.chunks.insert(chunk.name.clone(), Arc::new(chunk)) {
            self.chunk_bytes = self.chunk_bytes.saturating_sub(before.bytes);
        }
    }

    /// Takes a chunk away.
    pub fn remove(&mut self, name: &str) {
        if let Some(chunk) = self.chunks.remove(name) {
            self.chunk_bytes = self.chunk_bytes.saturating_sub(chunk.bytes);
        }
    }
}

/// See the module.
#[derive(Default)]
pub struct Live {
    /// By group.
    pub groups: HashMap<u64, LiveGroup>,
    /// By stream.
    pub streams: HashMap<u64, Stats>,
    /// Streams whose [`Stats`] are not in their rows yet.
    pub changed: HashSet<u64>,
    /// Group and source: the last position and part.
    pub sources: HashMap<(u64, String), (u64, u32)>,
    /// Sources that are not in their rows yet.
    pub changed_sources: HashSet<(u64, String)>,
    /// Bytes in all tails, in memory.
    pub tail_bytes: usize,
}

impl Live {
    /// How far a stream is.
    pub fn stats(&self, stream: u64) -> Stats {
        self.streams.get(&stream).copied().unwrap_or_default()
    }

    /// `storedBytes` of a group.
    pub fn stored_bytes(&self, group: u64) -> u64 {
        self.groups.get(&group).map_or(0, LiveGroup::stored_bytes)
    }

    /// Notes that a stream has an event.
    pub fn note(&mut self, stream: u64, ts: i64, ingested: i64, seq: u64) {
        let stats = self.streams.entry(stream).or_default();
        stats.first = Some(stats.first.map_or(ts, |first| first.min(ts)));
        stats.last = Some(stats.last.map_or(ts, |last| last.max(ts)));
        stats.ingested = Some(stats.ingested.map_or(ingested, |last| last.max(ingested)));
        stats.seq = stats.seq.max(seq);
        self.changed.insert(stream);
    }
}

impl Live {
    /// Takes away all that a group had.
    pub fn forget(&mut self, group: u64) {
        if let Some(gone) = self.groups.remove(&group) {
            let texts: usize = gone.tail.values().map(|event| event.text.len()).sum();
            self.tail_bytes = self.tail_bytes.saturating_sub(texts);
        }
        self.sources.retain(|(of, _), _| *of != group);
        self.changed_sources.retain(|(of, _)| *of != group);
    }
}
