//! [`Target`]: where files go. In batches, so that a store is written in pieces of a good size.

use async_trait::async_trait;
use bytes::Bytes;

/// The longest name of a file.
pub const NAME_BYTES_MAX: usize = 4096;

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What tells it from all others, wherever an import of it begins: a whole path, or bucket and key.
    pub name: String,
    /// What changes when it is written again.
    pub stamp: String,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Which.
    pub file: Listed,
    /// Its bytes; or, of one that is sent in parts, a log file of some of its records.
    pub content: Bytes,
    /// More parts follow: the file is not done with yet.
    pub more: bool,
}

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many records it has.
    pub records: u64,
    /// How many of them nobody asked for.
    pub left_out: u64,
    /// Why nothing of it was taken.
    pub failed: Option<String>,
}

/// What became of some files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Of each file, in their order.
    pub files: Vec<Taken>,
    /// Records that the store did not have.
    pub kept: u64,
    /// Of those kept, the ones that are older than what it keeps.
    pub expired: u64,
    /// Records that it had.
    pub duplicate: u64,
    /// Records that it does not take: larger than any of AWS's.
    pub refused: u64,
    /// Bytes of records.
    pub json_bytes: u64,
}

/// A target does not answer, or refuses everything. The import ends; it goes on where it was when it is started again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(pub String);

/// See the module.
#[async_trait]
pub trait Target: Send + Sync + 'static {
    /// Which of these files are to be read: those that it has not taken as they are now.
    async fn unknown(&self, files: &[Listed]) -> Result<Vec<bool>, TargetError>;

    /// Takes files. What it answers for is durable. A file whose records are there already does no harm.
    async fn take(&self, files: Vec<Fetched>) -> Result<Answer, TargetError>;
}
