//! The journal: a durable, ordered, hash-chained, replayable log of opaque entries. One journal, many consumers.
//!
//! It knows nothing of what an entry means, never acknowledges what is not on disk, never shows a consumer what is not
//! durable, and never lets an entry appear that it refused.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "conformance")]
mod damage;
mod end;
mod error;
#[cfg(feature = "conformance")]
pub mod faulty_disk;
#[cfg(feature = "conformance")]
pub mod follower;
mod format;
pub mod measure;
mod memory;
mod queue;
mod recovery;
mod scan;
mod segment_journal;
mod segments;
mod tail;
mod writer;

pub use error::Error;
pub use format::{MAX_BATCH_BYTES, MAX_BATCH_ENTRIES};
pub use measure::{Measure, Measured};
pub use memory::MemoryJournal;
pub use recovery::{Extent, Recovery, Verified, extents, verify};
pub use segment_journal::{Committer, Options, SegmentJournal};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The position of an entry. The first is 1, and there are no gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u64);

impl Seq {
    /// Before every entry: what a consumer has read that has read nothing, and the chain head of an empty journal.
    pub const ZERO: Seq = Seq(0);
    /// The first entry ever appended.
    pub const FIRST: Seq = Seq(1);

    /// The position with that number.
    pub const fn new(number: u64) -> Seq {
        Seq(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position after this one.
    pub const fn next(self) -> Seq {
        Seq(self.0.saturating_add(1))
    }

    /// The position `count` entries later.
    pub const fn plus(self, count: u64) -> Seq {
        Seq(self.0.saturating_add(count))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One entry. The bytes are shared, not copied; keeping one may keep its neighbours (at most some MiB) in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub seq: Seq,
    /// What the writer said it is; the journal does not look at it.
    pub kind: u8,
    /// Its content.
    pub payload: Bytes,
}

/// How much one [`Journal::read`] may return. One entry is returned however small the limits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// At most so many bytes of payload together.
    pub max_bytes: usize,
    /// At most so many entries.
    pub max_entries: usize,
}

impl Default for ReadLimit {
    /// 1 MiB, 4,096 entries: some milliseconds of work for a consumer.
    fn default() -> ReadLimit {
        ReadLimit { max_bytes: 1 << 20, max_entries: 4096 }
    }
}

/// The hash that stands for every entry up to and including `seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The last durable entry, or [`Seq::ZERO`] if there has never been one.
    pub seq: Seq,
    /// SHA-256 over the hash before and the entries that were committed together.
    pub hash: [u8; 32],
}

/// What an operator wants to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Appends that wait to be written.
    pub queue_depth: usize,
    /// Length of all segment files together.
    pub bytes_on_disk: u64,
    /// Number of segment files.
    pub segments: usize,
    /// Entries made durable since the journal was opened.
    pub appended_entries: u64,
    /// Group commits (each one write and one sync) since the journal was opened.
    pub commits: u64,
    /// How long the last commit took, in milliseconds.
    pub last_commit_ms: u64,
    /// Appends refused because the disk was full, since the journal was opened.
    pub refused_full: u64,
    /// Appends refused because the disk failed, since the journal was opened.
    pub refused_disk: u64,
    /// How long each sync took, in milliseconds.
    pub sync_ms: Measured,
    /// Entries made durable by each commit.
    pub commit_entries: Measured,
    /// Bytes of entries made durable since the journal was opened, before compression.
    pub appended_bytes: u64,
}

/// A durable, ordered log. Every implementation passes the suite in the module `conformance`.
pub trait Journal: Send + Sync + 'static {
    /// Completes when the entries are durable, with the position of the first. All of a batch or nothing of it; appends
    /// complete in the order in which they were numbered.
    ///
    /// The append takes its place when this is called, or, if the queue is full, when the future is first polled and there is
    /// room. Dropping the future after that does not undo it.
    ///
    /// After [`Error::Uncertain`] the entries may or may not be there; after any other error they never will be.
    fn append(&self, batch: Vec<(u8, Bytes)>) -> BoxFuture<'static, Result<Seq, Error>>;

    /// Durable entries from `from` on, without gaps, and nothing if `from` is not durable yet. May return less than there
    /// is; returns at least one entry if there is one. Waits for the disk if the entries are old.
    ///
    /// [`Error::Trimmed`] if `from` is before [`Journal::first`].
    fn read(&self, from: Seq, limit: ReadLimit) -> Result<Vec<Entry>, Error>;

    /// The position after the last durable entry.
    fn durable_end(&self) -> Seq;

    /// The oldest entry still here, or [`Journal::durable_end`] if there is none.
    fn first(&self) -> Seq;

    /// Completes when the entry `seq` is durable, at once if it already is. Never completes if the journal is closed before.
    fn wait_for(&self, seq: Seq) -> BoxFuture<'static, ()>;

    /// Gives up entries before `before`; an implementation may keep some of them. Waits for the disk.
    fn trim(&self, before: Seq) -> Result<(), Error>;

    /// The hash over everything that is durable.
    fn chain_head(&self) -> ChainHead;

    /// Counters.
    fn stats(&self) -> Stats;

    /// Refuses further appends, makes durable what is queued, and stops. Reads still work. Waits for the disk.
    fn close(&self);
}
