//! What can go wrong with a table.

use std::sync::Arc;

use crate::Table;

/// What can go wrong with a table. Cheap to clone: one cause may fail many commits.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An expectation did not hold. Nothing was changed.
    #[error("commit to {table}: the expectation of operation {index} does not hold, the revision is {current:?}")]
    Conflict {
        /// The table of the first operation whose expectation failed.
        table: Table,
        /// The place of that operation in the commit, from 0.
        index: usize,
        /// The revision that the row has, if there is a row.
        current: Option<u64>,
    },

    /// There is no room for the change. Nothing was changed; later commits may succeed.
    #[error("no space is left for the state tables")]
    Full,

    /// A limit of this crate was passed.
    #[error("{what} is {size}, more than the {max} allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        size: usize,
        /// The most that is allowed.
        max: usize,
    },

    /// Not a table name. See [`Table`].
    #[error("{table:?} is not a table name")]
    BadTable {
        /// The name.
        table: Table,
    },

    /// A commit writes one row twice.
    #[error("commit to {table}: operation {index} writes a row that an earlier one writes")]
    WrittenTwice {
        /// The table.
        table: Table,
        /// The place of the second operation in the commit, from 0.
        index: usize,
    },

    /// A stored document could not be read, or a given one not be written, as the type that the program holds it to be.
    #[error("a document of {table} does not have the expected form")]
    Document {
        /// The table.
        table: Table,
        /// What is wrong with it.
        source: Arc<serde_json::Error>,
    },

    /// An update met a newer revision each time it tried.
    #[error("update of {table}: others changed the row {tries} times in a row")]
    Contended {
        /// The table.
        table: Table,
        /// How often it tried.
        tries: u32,
    },

    /// The file was written by a newer version of the program.
    #[error("{path} has schema version {found}, this version of the program knows up to {known}: use a newer one")]
    NewerSchema {
        /// The file.
        path: String,
        /// The file's version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },

    /// The file is something else than state tables.
    #[error("{path} is not a file of state tables")]
    NotOurs {
        /// The file.
        path: String,
    },

    /// Another process has the file open.
    #[error("{path} is in use by another process")]
    InUse {
        /// The file.
        path: String,
    },

    /// The store was shut down.
    #[error("the state tables are closed")]
    Closed,

    /// The storage failed. A commit that was under way may have happened or not.
    #[error("{doing} failed")]
    Storage {
        /// What was being done.
        doing: String,
        /// The cause.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Whether the cause was a failed expectation.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Error::Conflict { .. })
    }
}
