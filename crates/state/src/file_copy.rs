//! [`FileCopy`]: a copy of the tables' file, there until it is dropped. Nothing else removes it but the next start.

use std::path::{Path, PathBuf};

/// What runs at the moment that a copy shows.
pub type Moment = Box<dyn FnOnce() + Send>;

/// A copy of the tables' file, durable. Dropping it removes the file.
#[derive(Debug)]
pub struct FileCopy(PathBuf);

impl FileCopy {
    /// The file that is there, or is about to be.
    pub(crate) fn at(path: PathBuf) -> FileCopy {
        FileCopy(path)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for FileCopy {
    #[allow(clippy::disallowed_methods, reason = "SQLite's files lie on the real file system, so their copies do too")]
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}
