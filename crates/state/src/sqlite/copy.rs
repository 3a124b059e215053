//! A copy of the file while it is written on: the writer fixes the moment, a thread of its own copies what was there then.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use tokio::sync::oneshot;

use super::connection::{beside, connect, create, failed, open_reader};
use crate::{Error, FileCopy, Moment};

/// What the name of a copy starts with, behind the file's own.
const SUFFIX: &str = ".copy-";
/// Pages copied at a time.
const PAGES: std::ffi::c_int = 1024;

/// A copy to be begun, on its way to the writer.
pub(super) struct Copying {
    /// Reads nothing yet.
    pub(super) connection: Connection,
    pub(super) moment: Moment,
    pub(super) reply: oneshot::Sender<Result<Connection, Error>>,
}

impl Copying {
    /// Called by the only thread that commits, so that nothing is committed between the moment and the first read, which fixes
    /// what the connection sees.
    pub(super) fn begin(self) {
        let Copying { connection, moment, reply } = self;
        moment();
        let begun = connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;");
        // Nobody waits for it any more: fine.
        let _ = reply.send(begun.map(|()| connection).map_err(failed("beginning to copy the tables")));
    }
}

/// A connection that will be copied from.
pub(super) fn source(path: &Path) -> Result<Connection, Error> {
    open_reader(path)
}

/// Writes what `from` sees into a file beside the original. Durable on return.
pub(super) fn write(from: &Connection, original: &Path, number: u64) -> Result<FileCopy, Error> {
    let path = beside(original, &format!("{SUFFIX}{number}"));
    let copy = FileCopy::at(path.clone());
    drop(create(&path)?);
    let mut to = connect(&path)?;
    let run = |to: &mut Connection| {
        let backup = Backup::new(from, to)?;
        while backup.step(PAGES)? != StepResult::Done {}
        Ok(())
    };
    run(&mut to).map_err(failed(format!("copying the tables to {}", path.display())))?;
    Ok(copy)
}

/// Removes copies that a crash has left.
#[allow(clippy::disallowed_methods, reason = "SQLite's files lie on the real file system, so their copies do too")]
pub(super) fn tidy(original: &Path) -> Result<(), Error> {
    let folder = original.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let start =
        beside(original, SUFFIX).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let tidy = || {
        let names = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        let left = names.iter().filter(|entry| entry.file_name().to_string_lossy().starts_with(&start));
        left.map(std::fs::DirEntry::path).collect::<Vec<PathBuf>>().iter().try_for_each(std::fs::remove_file)
    };
    let doing = || format!("removing unfinished copies of {}", original.display());
    tidy().map_err(|source| Error::Storage { doing: doing(), source: std::sync::Arc::new(source) })
}
