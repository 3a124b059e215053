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

/// The journal, to whoever runs the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalStatus {
    /// The oldest entry that is still there.
    pub first: u64,
    /// The position after the last.
    pub end: u64,
    /// What its files take.
    pub bytes_on_disk: u64,
    /// How many files.
    pub segments: u64,
    /// Appends that wait to be written.
    pub queue_depth: u64,
    /// Writes, each one synced, since the start.
    pub commits: u64,
    /// How long the last one took.
    pub last_commit_ms: u64,
    /// Appends refused since the start because the disk was full, or failed.
    pub refused: u64,
}

/// Whether calls are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordingStatus {
    /// It is not switched off.
    pub on: bool,
    /// Records of finished calls wait for a journal that does not take them.
    pub waiting: bool,
}

/// Log files of a trail that are not in their bucket yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailBacklog {
    /// Its ARN.
    pub trail: String,
    /// How many files.
    pub files: u64,
    /// When the oldest was finished, in milliseconds since 1970.
    pub oldest_ms: i64,
}

/// What an event store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventStoreStatus {
    /// Its name.
    pub store: String,
    /// Records, those in memory included.
    pub records: u64,
    /// What they take where they are stored.
    pub stored_bytes: u64,
    /// What their JSON takes.
    pub json_bytes: u64,
    /// The time of the oldest event, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
    /// The time of the newest event.
    pub newest_ms: Option<i64>,
}

/// What is known of a place whose log files are imported as they come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowStatus {
    /// `s3://BUCKET/PREFIX=STORE`.
    pub place: String,
    /// When it was last looked through to the end, in milliseconds since 1970.
    pub looked_at_ms: Option<i64>,
    /// Log files that were there then.
    pub files: u64,
    /// Log files that were imported since the server started.
    pub files_imported: u64,
    /// Records that were kept of them.
    pub records_kept: u64,
    /// Log files that cannot be imported.
    pub files_failed: u64,
    /// Some of them, each with the reason.
    pub failures: Vec<String>,
    /// Why it cannot be looked through now.
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

    /// Records as they come, from the one after `after` (a journal position), or from now on. Ends when the server stops. With
    /// `positions`, each line starts with the record's journal position and a tab, and a line that is a position alone says how far
    /// the tail is: at its start, and whenever it has passed entries that are no records.
    fn tail(&self, after: Option<u64>, positions: bool) -> RecordLines;

    /// Keeps every file that a backup needs, for as long as the answer is read (a day at most) and the server runs. The first line
    /// is JSON and says what to copy; the others are empty and say that the hold goes on.
    async fn hold_for_backup(&self) -> Result<RecordLines, Unavailable>;

    /// How far the consumers are.
    fn consumers(&self) -> Vec<ConsumerProgress>;

    /// Whose server this is.
    fn account(&self) -> String;

    /// Whether calls are recorded.
    fn recording(&self) -> RecordingStatus;

    /// How the journal is.
    fn journal(&self) -> JournalStatus;

    /// The time of the first event at this journal position or soon after it, in milliseconds since 1970.
    async fn event_time(&self, position: u64) -> Option<i64>;

    /// The trails whose files wait.
    async fn backlogs(&self) -> Result<Vec<TrailBacklog>, Unavailable>;

    /// What the last validation of each trail found, in the order of their ARNs.
    fn validation(&self) -> Vec<TrailValidation>;

    /// What the event stores hold, in the order of their names.
    fn event_stores(&self) -> Vec<EventStoreStatus>;

    /// The places that are followed, in the order of the configuration.
    fn follows(&self) -> Vec<FollowStatus>;

    /// The position after the last recorded entry.
    fn journal_end(&self) -> u64;

    /// Milliseconds since the server started.
    fn uptime_ms(&self) -> u64;
}
