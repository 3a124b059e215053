//! What can go wrong with an object.

use std::io;
use std::sync::Arc;

/// What can go wrong with an object.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such object.
    #[error("there is no object {name}")]
    NotFound {
        /// The name.
        name: String,
    },

    /// Not a name for an object, or not beside those that exist.
    #[error("{name:?} cannot be an object's name: {why}")]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },

    /// The range begins beyond the object's end, or ends before it begins.
    #[error("object {name} of {len} bytes does not have that range")]
    BadRange {
        /// The name.
        name: String,
        /// The object's length in bytes.
        len: u64,
    },

    /// There is no room. Nothing was changed; it may succeed later.
    #[error("no space is left for objects")]
    Full,

    /// More was asked for than is handed out at once.
    #[error("{what} is {size}, more than the {max} allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        size: u64,
        /// The most that is allowed.
        max: usize,
    },

    /// The storage failed. A change that was under way may have happened or not.
    #[error("{doing} {name} failed")]
    Storage {
        /// What was being done.
        doing: &'static str,
        /// To which object, or folder.
        name: String,
        /// The cause.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Says what was being done when a file could not be used.
    pub(crate) fn io(doing: &'static str, name: &str) -> impl FnOnce(io::Error) -> Error {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full,
            _ => Error::storage(doing, name, source),
        }
    }

    pub(crate) fn storage(
        doing: &'static str,
        name: &str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Error {
        Error::Storage { doing, name: name.to_string(), source: Arc::new(source) }
    }
}
