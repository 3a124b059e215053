//! Opening the file: its lock, its form, its settings.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use crate::Error;

/// The newest form of the file that this program knows.
pub(super) const SCHEMA_VERSION: i64 = 1;
/// "Crn1" in ASCII, where SQLite keeps what program a file belongs to.
const APPLICATION_ID: i64 = 0x4372_6e31;
/// What SQLite may keep of the file in memory, per connection.
const PAGE_CACHE_KIB: i64 = 1024;
/// A write-ahead log that grew beyond this is cut back to it.
const LOG_BYTES_KEPT: i64 = 16 * 1024 * 1024;
/// How long a reader waits while the log is being recovered, which is the only time when it must wait.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// Statements kept prepared, per connection: a handful for each table.
const STATEMENTS_MAX: usize = 256;

/// Says what was being done when SQLite failed.
pub(super) fn failed(doing: impl Into<String>) -> impl FnOnce(rusqlite::Error) -> Error {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::Full,
        _ => Error::Storage { doing: doing.into(), source: Arc::new(error) },
    }
}

/// The same, where the file may turn out to be none of SQLite's.
fn failed_at(path: &Path, doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Error {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::NotOurs { path: path.display().to_string() },
        _ => failed(format!("{doing} {}", path.display()))(error),
    }
}

/// Takes the file for this process until the lock is dropped (or the process ends, however).
pub(super) fn lock(path: &Path) -> Result<File, Error> {
    let lock = create(&beside(path, ".lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.display().to_string() }),
        Err(TryLockError::Error(source)) => {
            Err(Error::Storage { doing: format!("locking {}", path.display()), source: Arc::new(source) })
        }
    }
}

/// The connection that writes, the last revision, and the names of the tables. Makes the file if need be.
pub(super) fn open_writer(path: &Path, bytes_max: Option<u64>) -> Result<(Connection, u64, HashSet<String>), Error> {
    // SQLite would let everybody read it. It gives its log the same mode as the file.
    drop(create(path)?);
    let connection = connect(path)?;
    prepare_schema(&connection, path)?;
    let settings = || {
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
        if let Some(bytes_max) = bytes_max {
            let page_bytes: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            let pages = i64::try_from(bytes_max).unwrap_or(i64::MAX) / page_bytes;
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        }
        let rev: i64 = connection.query_row("SELECT value FROM meta WHERE name = 'rev'", [], |row| row.get(0))?;
        let mut tables = connection.prepare("SELECT substr(name, 3) FROM sqlite_schema WHERE name LIKE 't/%'")?;
        let names = tables.query_map([], |row| row.get(0))?.collect::<Result<HashSet<String>, _>>()?;
        Ok((mode, rev, names))
    };
    let (mode, rev, names) = settings().map_err(failed_at(path, "opening"))?;
    if mode != "wal" {
        let source = io::Error::other(format!("the file system allows no write-ahead log (journal mode {mode})"));
        return Err(Error::Storage { doing: format!("opening {}", path.display()), source: Arc::new(source) });
    }
    let rev = u64::try_from(rev).map_err(|_| Error::NotOurs { path: path.display().to_string() })?;
    Ok((connection, rev, names))
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Error> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true).map_err(failed_at(path, "opening"))?;
    Ok(connection)
}

pub(super) fn connect(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        connection.pragma_update(None, "cache_size", -PAGE_CACHE_KIB)?;
        Ok(connection)
    };
    open().map_err(failed_at(path, "opening"))
}

/// Refuses what is not ours or newer than we know; gives a new file its form.
fn prepare_schema(connection: &Connection, path: &Path) -> Result<(), Error> {
    let not_ours = || Error::NotOurs { path: path.display().to_string() };
    let number = |sql: &str| {
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(failed_at(path, "reading the form of"))
    };
    let things = number("SELECT count(*) FROM sqlite_schema")?;
    let version = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    match (things, version, application) {
        (0, 0, 0) => connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE;
                 CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
                 INSERT INTO meta VALUES ('rev', 0);
                 PRAGMA application_id = {APPLICATION_ID};
                 PRAGMA user_version = {SCHEMA_VERSION};
                 COMMIT;"
            ))
            .map_err(failed_at(path, "making")),
        (_, found, APPLICATION_ID) if found > SCHEMA_VERSION => {
            Err(Error::NewerSchema { path: path.display().to_string(), found, known: SCHEMA_VERSION })
        }
        (_, SCHEMA_VERSION, APPLICATION_ID) => {
            let meta = connection
                .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'meta'", [], |_| Ok(()))
                .optional()
                .map_err(failed_at(path, "reading the form of"))?;
            meta.ok_or_else(not_ours)
        }
        _ => Err(not_ours()),
    }
}

#[allow(clippy::disallowed_methods, reason = "SQLite's file lies on the real file system, so its lock and mode do too")]
pub(super) fn create(path: &Path) -> Result<File, Error> {
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    open.map_err(|source| Error::Storage { doing: format!("opening {}", path.display()), source: Arc::new(source) })
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
