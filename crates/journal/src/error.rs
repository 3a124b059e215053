//! What can go wrong, said so that the reader knows whether an entry may still appear.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Seq;

/// Why a journal did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The disk has no room. From an append: nothing of the batch will ever appear. The next append tries again.
    #[error("the journal's disk is full: could not {doing} {}", path.display())]
    Full {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's reason.
        source: Arc<io::Error>,
    },
    /// The disk failed. From an append: nothing of the batch will ever appear. The next append tries again.
    #[error("the journal's disk failed: could not {doing} {}", path.display())]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's reason.
        source: Arc<io::Error>,
    },
    /// The disk failed while the batch was being written, and then the batch could not be erased either. It is not
    /// acknowledged, but all of it may be there after a restart.
    #[error("the journal's disk failed and whether the entries were written is unknown")]
    Uncertain {
        /// The failure that came first, or `None` if the writing thread is gone.
        #[source]
        cause: Option<Box<Error>>,
    },
    /// A file does not hold what was written to it. Nothing is repaired, cut or skipped.
    #[error("the journal file {} is corrupt at byte {offset}: {reason}", path.display())]
    Corrupt {
        /// The segment.
        path: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The entries asked for were given up.
    #[error("the journal starts at entry {first}")]
    Trimmed {
        /// The oldest entry still there.
        first: Seq,
    },
    /// A batch without entries.
    #[error("a batch must have at least one entry")]
    Empty,
    /// A batch above [`crate::MAX_BATCH_BYTES`] or [`crate::MAX_BATCH_ENTRIES`].
    #[error("a batch of {entries} entries with {bytes} bytes is too large for the journal")]
    TooLarge {
        /// Entries in the batch.
        entries: usize,
        /// Bytes of payload together.
        bytes: usize,
    },
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
}

impl Error {
    /// Turns a failure of the disk into an error that says what was being done with which file.
    pub(crate) fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Error::Full { doing, path, source: Arc::new(source) }
            }
            _ => Error::Disk { doing, path, source: Arc::new(source) },
        }
    }

    pub(crate) fn corrupt(path: &Path, offset: u64, reason: impl Into<String>) -> Error {
        Error::Corrupt { path: path.to_path_buf(), offset, reason: reason.into() }
    }
}
