//! The reconciliation at the end of an import: what was there, what was read, what became of it, and what is missing.

use serde::Serialize;

/// Failures that are listed one by one; the others are counted.
pub const FAILURES_MAX: usize = 10_000;
/// Missing files that are listed one by one; the others are counted.
pub const MISSING_MAX: usize = 10_000;

/// A file that could not be imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileFailure {
    /// Its key.
    pub key: String,
    /// Why.
    pub why: String,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Files in AWS's layout or loose JSON, that were asked for.
    pub files_seen: u64,
    /// How many folders they are in.
    pub folders_seen: u64,
    /// Of them, those that were imported before, and have not changed.
    pub files_known: u64,
    /// Of them, those that were read now.
    pub files_read: u64,
    /// Of them, those that could not be.
    pub files_failed: u64,
    /// Log files that nobody asked for: of other times, accounts, regions.
    pub files_left_out: u64,
    /// Files of other sorts.
    pub files_other: u64,
    /// Bytes of the files that were read.
    pub file_bytes: u64,
    /// Bytes of the records in them.
    pub json_bytes: u64,
    /// Records in them.
    pub records_read: u64,
    /// Of them, those that the store did not have.
    pub records_kept: u64,
    /// Of those kept, the ones that are older than what the store keeps: nobody finds them, and soon they are gone.
    pub records_expired: u64,
    /// Of them, those that it had, byte for byte.
    pub records_duplicate: u64,
    /// Of them, those that nobody asked for.
    pub records_left_out: u64,
    /// Of them, those that are too large to be real.
    pub records_refused: u64,
    /// Digests that were read to know which files there should be.
    pub digests_read: u64,
    /// Digests that could not be read.
    pub digests_failed: u64,
    /// Files that they name.
    pub files_named: u64,
    /// How many of those are not there.
    pub files_missing: u64,
    /// The failures, as they came.
    pub failures: Vec<FileFailure>,
    /// The keys of missing files, in the order of the digests.
    pub missing: Vec<String>,
    /// It was stopped before the end.
    pub stopped: bool,
}

impl Report {
    /// Notes a failure.
    pub(crate) fn fails(&mut self, key: &str, why: &str) {
        self.files_failed += 1;
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(FileFailure { key: key.to_owned(), why: why.to_owned() });
        }
    }

    /// Notes a file that a digest names and that is not there.
    pub(crate) fn misses(&mut self, key: String) {
        self.files_missing += 1;
        if self.missing.len() < MISSING_MAX {
            self.missing.push(key);
        }
    }

    /// Whether every file was imported, now or before, and none is missing.
    pub fn is_whole(&self) -> bool {
        self.files_failed == 0 && self.files_missing == 0 && self.records_refused == 0 && !self.stopped
    }
}
