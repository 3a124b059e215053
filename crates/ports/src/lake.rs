//! The searchable event stores and the SQL over them: what the services ask of whoever keeps records in columns, and of whoever
//! answers queries. Never says how records are kept, and no value here is a row of a table.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use base::Region;
use bytes::Bytes;
use tokio::sync::watch;

use crate::{KeyError, Unavailable};

/// The built-in store that has every record of the journal, whatever trails and event data stores select.
pub const EVENTS: &str = "events";

/// The longest name of a store.
pub const STORE_ID_BYTES_MAX: usize = 64;

/// Which store: [`EVENTS`], or the UUID of an event data store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(Arc<str>);

impl StoreId {
    /// The store of this name: 1 to [`STORE_ID_BYTES_MAX`] lower-case letters, digits and `-`. `None` for what is no name.
    pub fn parse(name: &str) -> Option<StoreId> {
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let len = (1..=STORE_ID_BYTES_MAX).contains(&name.len());
        (len && name.bytes().all(good)).then(|| StoreId(name.into()))
    }

    /// The built-in store.
    pub fn events() -> StoreId {
        StoreId(EVENTS.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A record for a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// The record: one JSON object, whose bytes come back exactly as they are.
    pub json: Bytes,
    /// What the column `eventJsonChecksum` says of it; only audit events have one.
    pub checksum: Option<String>,
}

impl NewRecord {
    /// A record without a checksum.
    pub fn new(json: impl Into<Bytes>) -> NewRecord {
        NewRecord { json: json.into(), checksum: None }
    }
}

/// What became of appended records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Records that the store did not have.
    pub kept: u64,
    /// Records that it had already, byte for byte, or that came twice in one call.
    pub duplicate: u64,
    /// Of those that it did not have, the ones that are older than what it keeps: nobody finds them, and soon they are gone.
    pub expired: u64,
    /// What is no JSON object in UTF-8, and is not kept.
    pub unreadable: u64,
}

/// What of a record a text is compared with, as a whole and with its case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// Any of the others that names something: an identifier, access key, ARN, address, user, account, or any text inside
    /// `requestParameters` and `responseElements`.
    Any,
    /// `eventID`, or `sharedEventID`.
    EventId,
    /// `requestID`.
    RequestId,
    /// `userIdentity.accessKeyId`.
    AccessKeyId,
    /// The ARN of the caller, of the session's issuer, or of a resource, or one inside a parameter.
    Arn,
    /// `sourceIPAddress`.
    SourceIp,
    /// Who: as LookupEvents' `Username`.
    Username,
    /// A resource's name or ARN: as LookupEvents' `ResourceName`; also any text inside `requestParameters` or `responseElements`.
    ResourceName,
    /// A resource's type: as LookupEvents' `ResourceType`.
    ResourceType,
    /// `eventName`.
    EventName,
    /// `eventSource`.
    EventSource,
    /// `readOnly`: `true` or `false`.
    ReadOnly,
    /// `awsRegion`.
    Region,
    /// `eventCategory`, `Management` where a record has none.
    Category,
}

/// A text that a member has to equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    /// Which member.
    pub member: Member,
    /// What it has to be.
    pub text: String,
}

/// Which records to find. They come newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Find {
    /// All of these must hold; without any, every record of the time.
    pub needles: Vec<Needle>,
    /// Events at this time or later, in milliseconds since 1970.
    pub from_ms: i64,
    /// Events before this time.
    pub to_ms: i64,
    /// No more than so many; at most [`FIND_MAX`].
    pub max: usize,
    /// Go on behind this record: [`Found::next`] of the answer before.
    pub after: Option<FindPosition>,
}

/// The most records in one answer of [`EventStores::find`].
pub const FIND_MAX: usize = 1_000;

/// Where a record stands in the order of [`EventStores::find`]. Stays what it is when records are added or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FindPosition {
    /// The time of the event, in milliseconds since 1970.
    pub time_ms: i64,
    /// Tells apart records of one moment: a hash of their bytes.
    pub hash: u128,
}

/// A record that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRecord {
    /// Its bytes, exactly.
    pub json: Bytes,
    /// Where it stands.
    pub position: FindPosition,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Newest first.
    pub records: Vec<FoundRecord>,
    /// There may be more, behind this.
    pub next: Option<FindPosition>,
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Records, those in memory included.
    pub rows: u64,
    /// What they take where they are stored.
    pub stored_bytes: u64,
    /// What their JSON takes.
    pub json_bytes: u64,
    /// The time of the oldest event, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
    /// The time of the newest event.
    pub newest_ms: Option<i64>,
}

/// A data key under a key of KMS, under which a store is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreKey {
    /// The ARN of the key of KMS.
    pub key_arn: String,
    /// The ARN of the resource that the store is of, for the policy of the key.
    pub source_arn: String,
    /// Where the key is.
    pub region: Region,
    /// The data key (32 bytes), as KMS encrypted it.
    pub data_key: Vec<u8>,
}

/// Keeps records in columns. There is always the store [`EVENTS`].
#[async_trait]
pub trait EventStores: Send + Sync + 'static {
    /// Makes a store, or leaves one that is there as it is but for its retention. Durable when it returns.
    async fn create(&self, store: &StoreId, retention_days: u32) -> Result<(), Unavailable>;

    /// How long records are kept, counted from the time of the event. Durable when it returns; older ones are not seen from then on.
    /// An error if there is no such store.
    async fn set_retention(&self, store: &StoreId, days: u32) -> Result<(), Unavailable>;

    /// Keeps a store under a data key from here on; what is there is moved in the background. Durable when it returns. A store that is
    /// under the same key of KMS already stays as it is. An error if there is no such store.
    async fn encrypt(&self, store: &StoreId, _key: StoreKey) -> Result<(), Unavailable> {
        Err(Unavailable(format!("event store {store} cannot be kept under a key")))
    }

    /// Asks KMS, if the store is under a key, whether it may be read: to be called before a query, or a look-up. What may not be read cannot
    /// be found; what comes is kept all the same.
    async fn unlock(&self, _store: &StoreId) -> Result<(), KeyError> {
        Ok(())
    }

    /// Removes a store with all it has, or does nothing if it is absent. Durable when it returns; space is freed later. [`EVENTS`]
    /// cannot be removed.
    async fn remove(&self, store: &StoreId) -> Result<(), Unavailable>;

    /// The stores there are, in the order of their names.
    fn stores(&self) -> Vec<StoreId>;

    /// Adds records: those of an import, of PutAuditEvents. Durable and visible when it returns. A record that the store has already
    /// (the same bytes) is counted and not kept; two that share an `eventID` and differ are both kept. An error if there is no
    /// such store; after an error some may have been kept, and the same call may be made again.
    async fn append(&self, store: &StoreId, records: Vec<NewRecord>) -> Result<Appended, Unavailable>;

    /// Adds records that no store can have yet, as their identifiers were made just now: like [`EventStores::append`], but nothing is
    /// read, so a store takes them whatever its key says.
    async fn append_new(&self, store: &StoreId, records: Vec<NewRecord>) -> Result<Appended, Unavailable> {
        self.append(store, records).await
    }

    /// Waits until every entry of the journal before `position` can be seen by queries and [`EventStores::find`]. Reading one's
    /// own call needs this.
    async fn visible(&self, position: u64);

    /// The first position of the journal that is not stored durably yet.
    fn durable(&self) -> u64;

    /// Stores what is in memory. Durable when it returns.
    async fn flush(&self) -> Result<(), Unavailable>;

    /// Finds records, by an index: costs little however much there is. No records if there is no such store.
    async fn find(&self, store: &StoreId, what: Find) -> Result<Found, Unavailable>;

    /// What a store holds. `None` if there is no such store.
    fn stats(&self, store: &StoreId) -> Option<StoreStats>;
}

/// Which event data stores take a record of the journal (all go into [`EVENTS`] anyhow). A state machine over the CONTROL entries
/// of the journal, driven by the one consumer that feeds the stores: after a crash it is restored to what it was at the consumer's
/// cursor and sees the same entries again, so what it answers must follow from what it saw and from nothing else.
pub trait Selection: Send + 'static {
    /// Becomes what [`Selection::save`] wrote. Called before all else, and not at all when nothing was ever saved.
    fn restore(&mut self, saved: &[u8]) -> Result<(), Unavailable>;

    /// All it knows, to be stored together with the consumer's cursor; small (it is written at every seal).
    fn save(&self) -> Bytes;

    /// Sees a CONTROL entry, of any topic.
    fn control(&mut self, position: u64, topic: &str, document: &[u8]);

    /// Adds the stores that take this record. What names no store that is there is passed over.
    fn select(&mut self, position: u64, record: &[u8], into: &mut Vec<StoreId>);
}

/// How SQL is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// CloudTrail Lake: a store's UUID is a table; columns have CloudTrail's casing.
    Lake,
    /// Athena: tables have names and databases; columns are lower-case.
    Athena,
}

/// A table that a query may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryTable {
    /// As in FROM, in lower case: `events`, a UUID, `default.cloudtrail_logs`.
    pub name: String,
    /// What it reads.
    pub store: StoreId,
}

/// What a query may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    /// Memory; beyond it a query spills, or fails.
    pub memory_bytes: u64,
    /// Rows of the result; more is an error. `None`: no bound but the reader's.
    pub max_rows: Option<u64>,
    /// How long it may run.
    pub timeout_ms: u64,
    /// Parts of it that run at the same time.
    pub max_concurrency: usize,
}

/// A query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryRequest {
    /// One statement.
    pub sql: String,
    /// What takes the place of `?`, in order: SQL literals' text, as the API gives them.
    pub parameters: Vec<String>,
    /// All that FROM may name.
    pub tables: Vec<QueryTable>,
    /// Where names without a database are looked for.
    pub default_database: Option<String>,
    /// How it is meant.
    pub dialect: Dialect,
    /// What it may use.
    pub limits: QueryLimits,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// As the dialect shows it.
    pub name: String,
    /// Trino's name of its type: `varchar`, `timestamp(3)`, `map(varchar,varchar)`.
    pub r#type: String,
}

/// A row as text: Trino's forms (timestamps `2026-11-22 05:28:03.000`, booleans `true`, maps `{k=v}`, arrays `[a, b]`, rows
/// `{field=value}`), `None` for null.
pub type TextRow = Vec<Option<String>>;

/// Takes a result while it is made. An error ends the query with that error.
#[async_trait]
pub trait RowSink: Send {
    /// The columns; called once, first.
    async fn columns(&mut self, columns: Vec<Column>) -> Result<(), QueryError>;

    /// Some rows, each with as many values as there are columns. Waiting here holds the query up.
    async fn rows(&mut self, rows: Vec<TextRow>) -> Result<(), QueryError>;
}

/// How far a query is; read by others while it runs.
#[derive(Debug, Default)]
pub struct QueryProgress {
    rows_scanned: AtomicU64,
    bytes_scanned: AtomicU64,
    rows_matched: AtomicU64,
}

impl QueryProgress {
    /// Counts rows that were read, whether they matched or not.
    pub fn add_scanned(&self, rows: u64, bytes: u64) {
        self.rows_scanned.fetch_add(rows, Ordering::Relaxed);
        self.bytes_scanned.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts rows of the result.
    pub fn add_matched(&self, rows: u64) {
        self.rows_matched.fetch_add(rows, Ordering::Relaxed);
    }

    /// Rows read.
    pub fn rows_scanned(&self) -> u64 {
        self.rows_scanned.load(Ordering::Relaxed)
    }

    /// Bytes read from storage.
    pub fn bytes_scanned(&self) -> u64 {
        self.bytes_scanned.load(Ordering::Relaxed)
    }

    /// Rows of the result.
    pub fn rows_matched(&self) -> u64 {
        self.rows_matched.load(Ordering::Relaxed)
    }
}

/// What went wrong with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryErrorKind {
    /// It does not parse.
    Syntax,
    /// It names a table, column or function that is not there.
    UnknownName,
    /// Types do not fit, or a value cannot be converted.
    Type,
    /// It is no statement that only reads.
    NotReading,
    /// It needs more memory than it may have.
    TooMuchMemory,
    /// Its result has more rows than it may have.
    TooManyRows,
    /// It ran for too long.
    TimedOut,
    /// Somebody cancelled it.
    Cancelled,
    /// What it reads is under a key that may not be used.
    Locked,
    /// Something of ours failed; the message is for a client too and says nothing of our insides.
    Internal,
}

/// A query that cannot be run, or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// What sort of failure.
    pub kind: QueryErrorKind,
    /// For the client.
    pub message: String,
    /// The line of the statement, from 1.
    pub line: Option<u32>,
    /// The column in that line, from 1, in characters.
    pub column: Option<u32>,
}

impl QueryError {
    /// An error of no place in the statement.
    pub fn new(kind: QueryErrorKind, message: impl Into<String>) -> QueryError {
        QueryError { kind, message: message.into(), line: None, column: None }
    }

    /// The same error, at a place in the statement.
    pub fn at(mut self, line: u32, column: u32) -> QueryError {
        self.line = Some(line);
        self.column = Some(column);
        self
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "line {line}:{column}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for QueryError {}

/// Answers SQL over event stores.
#[async_trait]
pub trait QueryEngine: Send + Sync + 'static {
    /// Parses a query and resolves its names; runs nothing and waits for nothing. Answers which stores it reads, each once, in the
    /// order of their names.
    fn check(&self, request: &QueryRequest) -> Result<Vec<StoreId>, QueryError>;

    /// Runs a query to its end, or until `cancel` becomes true. Everything it holds is freed when it returns, or is dropped.
    async fn run(
        &self,
        request: QueryRequest,
        sink: &mut dyn RowSink,
        progress: Arc<QueryProgress>,
        cancel: watch::Receiver<bool>,
    ) -> Result<(), QueryError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_stores() {
        let long = "a".repeat(STORE_ID_BYTES_MAX);
        for good in [EVENTS, "f85bd3a4-1c5e-4b8c-9d2f-0123456789ab", &long] {
            assert_eq!(StoreId::parse(good).unwrap().as_str(), good);
        }
        let too_long = "a".repeat(STORE_ID_BYTES_MAX + 1);
        for bad in ["", "A", "a/b", "a.b", "ä", &too_long] {
            assert!(StoreId::parse(bad).is_none(), "{bad:?}");
        }
        assert_eq!(StoreId::parse(EVENTS), Some(StoreId::events()));
    }

    #[test]
    fn errors_say_where() {
        let error = QueryError::new(QueryErrorKind::Syntax, "expected FROM");
        assert_eq!(error.to_string(), "expected FROM");
        assert_eq!(error.at(2, 7).to_string(), "line 2:7: expected FROM");
    }
}
