//! Configuration and metadata tables with compare-and-swap: rows of bytes, ordered by key, changed all or nothing.
//!
//! Holds no business rules, and never keeps what the journal or the log files are the evidence of.

mod error;
mod file_copy;
pub mod key;
mod memory;
mod ops;
mod scoped;
mod sqlite;
mod typed;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;

pub use error::Error;
pub use file_copy::{FileCopy, Moment};
pub use memory::Memory;
pub use scoped::Scoped;
pub use sqlite::{Options, Sqlite};
pub use typed::{Change, Doc, Typed};

/// A table's name, fixed in the program: lower-case letters, digits, `-`, `_` and `/`, such as `s3/objects`.
pub type Table = &'static str;

/// The longest table name, in bytes.
pub const TABLE_BYTES_MAX: usize = 64;
/// The longest key. An S3 key of 1,024 bytes at most doubles when it is escaped; the rest is for what stands beside it.
pub const KEY_BYTES_MAX: usize = 8 * 1024;
/// The largest value: well above any document that AWS lets a caller store, well below what would hold up the writer.
pub const VALUE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most operations in one commit: S3 deletes up to 1,000 keys in a call, with a few rows each.
pub const COMMIT_OPS_MAX: usize = 10_000;
/// The most bytes of keys and values in one commit.
pub const COMMIT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most rows that one scan may ask for. [`scan_all`] goes on where a scan ends.
pub const SCAN_ROWS_MAX: usize = 10_000;
/// The most bytes of keys and values that one scan returns.
pub const SCAN_BYTES_MAX: usize = 64 * 1024 * 1024;

const _: () = assert!(VALUE_BYTES_MAX + KEY_BYTES_MAX <= COMMIT_BYTES_MAX && COMMIT_BYTES_MAX <= SCAN_BYTES_MAX);

/// A row as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The key, as written.
    pub key: Vec<u8>,
    /// The number of the commit that wrote the row: larger than that of every earlier commit, and never used again, so
    /// a row that was deleted and written anew is not mistaken for the old one. Never 0.
    pub rev: u64,
    /// The value, as written. By custom a JSON document that carries its own version.
    pub value: Bytes,
}

/// What must hold for a row before a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// There is no such row.
    Absent,
    /// There is such a row.
    Present,
    /// There is such a row and it has this revision.
    Rev(u64),
}

impl Expect {
    /// Whether it holds for a row with this revision, or for no row.
    pub fn holds(self, current: Option<u64>) -> bool {
        match self {
            Expect::Any => true,
            Expect::Absent => current.is_none(),
            Expect::Present => current.is_some(),
            Expect::Rev(rev) => current == Some(rev),
        }
    }
}

/// Expects what was read: the row of this revision, or still none.
impl From<Option<u64>> for Expect {
    fn from(rev: Option<u64>) -> Expect {
        rev.map_or(Expect::Absent, Expect::Rev)
    }
}

/// One step of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes a row, over what was there.
    Put {
        /// The table; it is made when it is first written to.
        table: Table,
        /// The key.
        key: Vec<u8>,
        /// The value.
        value: Bytes,
        /// What must hold for the row before the commit.
        expect: Expect,
    },
    /// Removes a row. With [`Expect::Any`] it may be absent.
    Delete {
        /// The table.
        table: Table,
        /// The key.
        key: Vec<u8>,
        /// What must hold for the row before the commit.
        expect: Expect,
    },
    /// Changes nothing, but the commit happens only if this holds.
    Check {
        /// The table.
        table: Table,
        /// The key.
        key: Vec<u8>,
        /// What must hold for the row before the commit.
        expect: Expect,
    },
}

/// What a commit did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// For each operation the revision that its row has after the commit, 0 if there is none. For a
    /// [`Op::Check`], the revision that it had before.
    pub revs: Vec<u64>,
}

/// Which rows a scan returns, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Only keys that begin with this.
    pub prefix: Vec<u8>,
    /// Where to begin: a whole key, prefix and all.
    pub start: Bound<Vec<u8>>,
    /// Where to end: a whole key, prefix and all.
    pub end: Bound<Vec<u8>>,
    /// From the last row to the first.
    pub reverse: bool,
}

type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

impl Range {
    /// The whole table, in order.
    pub fn all() -> Range {
        Range::prefix(Vec::new())
    }

    /// The keys that begin with `prefix`, in order.
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> Range {
        Range { prefix: prefix.into(), start: Bound::Unbounded, end: Bound::Unbounded, reverse: false }
    }

    /// Only keys from this one on.
    pub fn from(mut self, key: impl Into<Vec<u8>>) -> Range {
        self.start = Bound::Included(key.into());
        self
    }

    /// Only keys after this one.
    pub fn after(mut self, key: impl Into<Vec<u8>>) -> Range {
        self.start = Bound::Excluded(key.into());
        self
    }

    /// Only keys before this one.
    pub fn before(mut self, key: impl Into<Vec<u8>>) -> Range {
        self.end = Bound::Excluded(key.into());
        self
    }

    /// From the last row to the first.
    pub fn reverse(mut self) -> Range {
        self.reverse = true;
        self
    }

    /// The same range, going on behind the row with this key.
    fn go_on_after(mut self, key: Vec<u8>) -> Range {
        *(if self.reverse { &mut self.end } else { &mut self.start }) = Bound::Excluded(key);
        self
    }

    /// Prefix and bounds as one pair of bounds; `None` if no key can lie between them.
    fn bounds(&self) -> Option<Bounds> {
        let start = match &self.start {
            Bound::Included(key) | Bound::Excluded(key) if *key >= self.prefix => self.start.clone(),
            _ => Bound::Included(self.prefix.clone()),
        };
        let end = match (key::after_prefix(&self.prefix), &self.end) {
            (Some(after), Bound::Included(key) | Bound::Excluded(key)) if after <= *key => Bound::Excluded(after),
            (Some(after), Bound::Unbounded) => Bound::Excluded(after),
            _ => self.end.clone(),
        };
        let some = match (&start, &end) {
            (Bound::Included(start), Bound::Included(end)) => start <= end,
            (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => {
                start < end
            }
            _ => true,
        };
        some.then_some((start, end))
    }
}

/// Tables of rows. A read sees every commit that had been answered when it began, and never part of a commit.
#[async_trait]
pub trait State: Send + Sync + 'static {
    /// The row with this key.
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Error>;

    /// The first `limit` rows of a range (at most [`SCAN_ROWS_MAX`]), as of one moment. Fewer than `limit` only at the
    /// end of the range. A table that was never written to has no rows.
    async fn scan(&self, table: Table, range: Range, limit: usize) -> Result<Vec<Row>, Error>;

    /// Does all of the operations, or none if an expectation fails. Returns when the change is durable.
    ///
    /// Every expectation is about the rows as they were before the commit; a commit may write a row only once. If the
    /// future is dropped, or the error is [`Error::Storage`], the commit may have happened or not.
    async fn commit(&self, ops: Vec<Op>) -> Result<CommitInfo, Error>;

    /// Writes a copy of all tables as of one moment into a file, for a backup. `moment` runs at that moment: after every commit
    /// that is in the copy, before every one that is not. Waits for the disk. Tables that lie in no file refuse.
    async fn copy(&self, moment: Moment) -> Result<FileCopy, Error> {
        drop(moment);
        let source = std::io::Error::from(std::io::ErrorKind::Unsupported);
        Err(Error::Storage {
            doing: "copying tables that lie in no file".to_owned(),
            source: std::sync::Arc::new(source),
        })
    }
}

/// All rows of a range, page by page, for `visit`, which returns whether to go on. Each page is as of its own moment.
pub async fn scan_all<E: From<Error>>(
    state: &dyn State,
    table: Table,
    mut range: Range,
    mut visit: impl FnMut(Row) -> Result<bool, E>,
) -> Result<(), E> {
    const PAGE: usize = 500;
    loop {
        let rows = state.scan(table, range.clone(), PAGE).await?;
        let whole = rows.len() == PAGE;
        let Some(last) = rows.last().map(|row| row.key.clone()) else { return Ok(()) };
        for row in rows {
            if !visit(row)? {
                return Ok(());
            }
        }
        if !whole {
            return Ok(());
        }
        range = range.go_on_after(last);
    }
}
