//! What whoever runs the server asks of it: `cairn flush`, `cairn tail`, `cairn status`.

use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

use crate::Unavailable;

/// What a flush did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Every record before this journal position is in a log file now.
    pub cut: u64,
    /// Log files and digests written by this flush.
    pub files_delivered: u64,
    /// Trails whose files wait for a bucket that does not take them.
    pub trails_waiting: Vec<WaitingTrail>,
}

/// A trail whose files wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingTrail {
    /// Its ARN.
    pub trail: String,
    /// What its bucket said.
    pub why: String,
}

/// How far one consumer of the journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerProgress {
    /// `delivery`, `history` …
    pub name: String,
    /// The next entry it will take.
    pub cursor: u64,
    /// Entries it has not taken yet.
    pub lag: u64,
    /// Its last failure, if it has not succeeded since.
    pub failure: Option<String>,
}

/// What the last validation of a trail's files found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailValidation {
    /// Its ARN.
    pub trail: String,
    /// When it ended, in milliseconds since 1970.
    pub checked_at_ms: i64,
    /// Everything was checked, and nothing is wrong.
    pub valid: bool,
    /// Digests looked at.
    pub digests_checked: u64,
    /// Log files looked at, those included that are as they were when they were last found valid.
    pub files_checked: u64,
    /// How many things are wrong, or could not be checked.
    pub problem_count: u64,
    /// The first of them, in words.
    pub problems: Vec<String>,
}

/// Lines of records, each one record of JSON and a line end.
pub type RecordLines = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// The server, to whoever runs it.
#[async_trait]
pub trait Operator: Send + Sync + 'static {
    /// Delivers all that is recorded now.
    async fn flush(&self) -> Result<Flushed, Unavailable>;

    /// Records as they come, from the one after `after` (a journal position), or from now on. Ends when the server stops.
    fn tail(&self, after: Option<u64>) -> RecordLines;

    /// How far the consumers are.
    fn consumers(&self) -> Vec<ConsumerProgress>;

    /// What the last validation of each trail found, in the order of their ARNs.
    fn validation(&self) -> Vec<TrailValidation>;

    /// The position after the last recorded entry.
    fn journal_end(&self) -> u64;

    /// Milliseconds since the server started.
    fn uptime_ms(&self) -> u64;
}
