//! Tables in one SQLite file, written by one thread, read by a few. Uses the real file system, not `base::Disk`:
//! SQLite brings its own, whose crash safety is tested better than a replacement could be. A simulation uses
//! [`Memory`](crate::Memory).
//!
//! ```text
//! commit ─▶ bounded queue ─▶ writer thread: all that wait, in one SQL transaction ─▶ one fsync ─▶ answers
//! get    ─▶ cache of hot rows ─▶ (missed) bounded queue ─▶ reader threads, a connection each
//! scan   ───────────────────────────────▶ bounded queue ─▶ reader threads
//! ```
//! The file: table `meta` (name, value) with the last revision, and per table `"t/<name>"` (k, rev, v), ordered by k.

mod cache;
mod connection;
mod copy;
mod reader;
mod writer;

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{Builder, JoinHandle};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::{CommitInfo, Error, FileCopy, KEY_BYTES_MAX, Moment, Op, Range, Row, State, Table, ops};
use cache::{Cache, Found};
use copy::Copying;
use reader::{Read, Reader};
use writer::{Commit, Request, Writer};

/// Commits that may wait for the writer; more callers wait for a place in the queue.
const COMMITS_WAITING_MAX: usize = 1024;
/// Reads that may wait for a reader.
const READS_WAITING_MAX: usize = 1024;
/// Threads that read, with a connection each. Reads are short; the second is there for when the first meets a long scan.
const READERS: usize = 2;

/// How to open the tables.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most bytes that the cache of hot rows holds. 0 for none.
    pub cache_bytes: usize,
    /// The largest that the file may grow, in bytes; commits beyond answer [`Error::Full`]. `None` for the disk's limit.
    pub file_bytes_max: Option<u64>,
}

impl Default for Options {
    fn default() -> Options {
        Options { cache_bytes: 4 * 1024 * 1024, file_bytes_max: None }
    }
}

/// Tables in one SQLite file. Dropping it waits for the commits that are queued, then closes the file.
pub struct Sqlite {
    // Declared, and so dropped, in this order: without senders the threads end, then they are waited for, then the lock goes.
    commits: mpsc::Sender<Request>,
    reads: mpsc::Sender<Read>,
    cache: Arc<Mutex<Cache>>,
    tables: Tables,
    path: PathBuf,
    next_copy: AtomicU64,
    _threads: Threads,
    _lock: File,
}

/// The names of the tables that exist, without the `t/`.
type Tables = Arc<RwLock<HashSet<String>>>;

struct Threads(Vec<JoinHandle<()>>);

impl Drop for Threads {
    fn drop(&mut self) {
        for thread in self.0.drain(..) {
            // A thread that panicked has said so already, and there is nobody here to tell.
            let _ = thread.join();
        }
    }
}

impl Sqlite {
    /// Opens the file, or makes it (readable by its owner only) in a folder that exists. Blocks while it recovers what
    /// a crash left. A file serves one process at a time: a second gets [`Error::InUse`].
    pub fn open(path: &Path, options: Options) -> Result<Sqlite, Error> {
        let lock = connection::lock(path)?;
        copy::tidy(path)?;
        let (connection, rev, names) = connection::open_writer(path, options.file_bytes_max)?;
        let tables: Tables = Arc::new(RwLock::new(names));
        let cache = Arc::new(Mutex::new(Cache::new(options.cache_bytes)));
        let mut threads = Threads(Vec::new());

        let (reads, queue) = mpsc::channel(READS_WAITING_MAX);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..READERS {
            let connection = connection::open_reader(path)?;
            let reader = Reader { connection, cache: cache.clone(), tables: tables.clone() };
            let queue = queue.clone();
            threads.0.push(spawn(format!("state-reader-{number}"), move || reader.run(&queue))?);
        }

        let (commits, queue) = mpsc::channel(COMMITS_WAITING_MAX);
        let writer = Writer::new(connection, rev, cache.clone(), tables.clone());
        threads.0.push(spawn("state-writer".into(), move || writer.run(queue))?);
        let (path, next_copy) = (path.to_path_buf(), AtomicU64::new(1));
        Ok(Sqlite { commits, reads, cache, tables, path, next_copy, _threads: threads, _lock: lock })
    }

    fn exists(&self, table: Table) -> bool {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).contains(table)
    }
}

/// Waits for something that takes long, in a thread of its own.
async fn in_thread<T: Send + 'static>(run: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let (reply, answer) = oneshot::channel();
    // Whoever waited may have gone; what was made is dropped then. The thread ends by itself.
    drop(spawn("state-copy".into(), move || drop(reply.send(run())))?);
    answer.await.map_err(|_| Error::Closed)?
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    let doing = format!("starting the thread {name}");
    Builder::new().name(name).spawn(run).map_err(|source| Error::Storage { doing, source: Arc::new(source) })
}

#[async_trait]
impl State for Sqlite {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Error> {
        ops::check_table(table)?;
        if key.len() > KEY_BYTES_MAX || !self.exists(table) {
            return Ok(None);
        }
        let found = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(table, key);
        let ticket = match found {
            Found::Row(row) => return Ok(row),
            Found::Nothing(ticket) => ticket,
        };
        let (reply, answer) = oneshot::channel();
        let read = Read::Get { table, key: key.to_vec(), ticket, reply };
        self.reads.send(read).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn scan(&self, table: Table, range: Range, limit: usize) -> Result<Vec<Row>, Error> {
        ops::check_scan(table, limit)?;
        let Some((start, end)) = range.bounds() else { return Ok(Vec::new()) };
        if limit == 0 || !self.exists(table) {
            return Ok(Vec::new());
        }
        let (reply, answer) = oneshot::channel();
        let read = Read::Scan { table, start, end, reverse: range.reverse, limit, reply };
        self.reads.send(read).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn commit(&self, ops: Vec<Op>) -> Result<CommitInfo, Error> {
        ops::check_commit(&ops)?;
        let (reply, answer) = oneshot::channel();
        self.commits.send(Request::Commit(Commit { ops, reply })).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn copy(&self, moment: Moment) -> Result<FileCopy, Error> {
        let path = self.path.clone();
        let connection = in_thread(move || copy::source(&path)).await?;
        let (reply, answer) = oneshot::channel();
        let begin = Request::Copy(Copying { connection, moment, reply });
        self.commits.send(begin).await.map_err(|_| Error::Closed)?;
        let connection = answer.await.map_err(|_| Error::Closed)??;
        let (path, number) = (self.path.clone(), self.next_copy.fetch_add(1, Ordering::Relaxed));
        in_thread(move || copy::write(&connection, &path, number)).await
    }
}

#[cfg(test)]
mod tests;
