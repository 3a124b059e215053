//! Imports as they are stored.

use serde::{Deserialize, Serialize};
use state::Table;

/// Imports. Key: UUID.
pub const IMPORTS: Table = "cloudtrail/imports";

/// Where an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Asked for.
    Initializing,
    /// Goes on.
    InProgress,
    /// Over: some files, or all of it, could not be imported.
    Failed,
    /// Over: somebody stopped it.
    Stopped,
    /// Over: every file is imported.
    Completed,
}

impl Status {
    /// As the API has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Initializing => "INITIALIZING",
            Status::InProgress => "IN_PROGRESS",
            Status::Failed => "FAILED",
            Status::Stopped => "STOPPED",
            Status::Completed => "COMPLETED",
        }
    }

    /// Whether it is not over.
    pub fn is_on(self) -> bool {
        matches!(self, Status::Initializing | Status::InProgress)
    }
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Folders with log files that were found.
    pub prefixes_found: u64,
    /// Folders that are done.
    pub prefixes_completed: u64,
    /// Files that are imported.
    pub files: u64,
    /// Records that were imported.
    pub events: u64,
    /// Files that could not be.
    pub failed: u64,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRow {
    /// The form of this document.
    pub v: u32,
    /// UUID.
    pub id: String,
    /// Where it was asked for.
    pub region: String,
    /// The ARN of the event data store.
    pub destination: String,
    /// Where its records go.
    pub store: String,
    /// `s3://BUCKET/PREFIX/`, as it was asked for.
    pub uri: String,
    /// The bucket's region.
    pub bucket_region: String,
    /// The role that was named.
    pub role_arn: String,
    /// Events of this time or later.
    pub start_ms: Option<i64>,
    /// Events of this time or earlier.
    pub end_ms: Option<i64>,
    /// Where it is.
    pub status: Status,
    /// When it was asked for.
    pub created_ms: i64,
    /// When this was last written.
    pub updated_ms: i64,
    /// How far it was then.
    pub statistics: Statistics,
}
