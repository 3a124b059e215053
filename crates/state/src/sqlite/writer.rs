//! The thread that writes: takes all commits that wait, does them in one SQL transaction, answers them after one fsync.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::{mpsc, oneshot};

use super::Tables;
use super::cache::Cache;
use super::connection::failed;
use super::copy::Copying;
use crate::{CommitInfo, Error, Op, Row, Table};

/// The most commits in one SQL transaction, so that the first does not wait long for the last.
const GROUP_COMMITS_MAX: usize = 512;
/// No more commits join a transaction that writes this many bytes.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the writer is asked for.
pub(super) enum Request {
    Commit(Commit),
    Copy(Copying),
}

/// A commit to be done.
pub(super) struct Commit {
    pub(super) ops: Vec<Op>,
    pub(super) reply: oneshot::Sender<Result<CommitInfo, Error>>,
}

pub(super) struct Writer {
    connection: Connection,
    /// The last revision given out, also if what it was given to has failed.
    rev: u64,
    cache: Arc<Mutex<Cache>>,
    tables: Tables,
    /// Tables made in the SQL transaction under way.
    new_tables: HashSet<Table>,
    sql: HashMap<Table, Arc<Sql>>,
}

/// The statements for a table.
struct Sql {
    create: String,
    rev: String,
    put: String,
    delete: String,
}

impl Writer {
    pub(super) fn new(connection: Connection, rev: u64, cache: Arc<Mutex<Cache>>, tables: Tables) -> Writer {
        Writer { connection, rev, cache, tables, new_tables: HashSet::new(), sql: HashMap::new() }
    }

    /// Serves the queue until it is closed and empty.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        while let Some(first) = queue.blocking_recv() {
            let first = match first {
                Request::Commit(first) => first,
                Request::Copy(copying) => {
                    copying.begin();
                    continue;
                }
            };
            let mut copying = None;
            let mut bytes = first.bytes();
            let mut group = vec![first];
            while group.len() < GROUP_COMMITS_MAX
                && bytes < GROUP_BYTES_MAX
                && copying.is_none()
                && let Ok(next) = queue.try_recv()
            {
                match next {
                    Request::Commit(next) => {
                        bytes += next.bytes();
                        group.push(next);
                    }
                    Request::Copy(next) => copying = Some(next),
                }
            }
            self.group(group);
            if let Some(copying) = copying {
                copying.begin();
            }
        }
    }

    /// Does a group of commits and answers them.
    fn group(&mut self, group: Vec<Commit>) {
        self.with_cache(|cache| {
            for op in group.iter().flat_map(|commit| &commit.ops).filter(|op| op.writes()) {
                let (table, key, _) = op.target();
                cache.begin(table, key);
            }
        });
        let done = self.transaction(&group);
        if done.is_err() {
            self.roll_back();
        }
        let names = std::mem::take(&mut self.new_tables);
        match done {
            Ok(results) => {
                if !names.is_empty() {
                    let names = names.into_iter().map(str::to_string);
                    self.tables.write().unwrap_or_else(PoisonError::into_inner).extend(names);
                }
                self.answer(group, results);
            }
            // The largest may be the only one that finds no room: each for itself then.
            Err(Error::Full) if group.len() > 1 => {
                self.with_cache(Cache::end);
                group.into_iter().for_each(|commit| self.group(vec![commit]));
            }
            Err(error) => {
                self.with_cache(Cache::end);
                for commit in group {
                    // Nobody waits for it any more: fine.
                    let _ = commit.reply.send(Err(error.clone()));
                }
            }
        }
    }

    /// Does the commits in one SQL transaction. Returns when it is durable, with a result for each commit.
    fn transaction(&mut self, group: &[Commit]) -> Result<Vec<Result<CommitInfo, Error>>, Error> {
        let rev_before = self.rev;
        self.execute("BEGIN IMMEDIATE")?;
        let mut results = Vec::with_capacity(group.len());
        for commit in group {
            results.push(match self.check(&commit.ops)? {
                Ok(before) => Ok(self.apply(&commit.ops, before)?),
                Err(conflict) => Err(conflict),
            });
        }
        if self.rev != rev_before {
            let mut update = self
                .connection
                .prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'rev'")
                .map_err(failed("writing the revision"))?;
            update.execute([self.rev]).map_err(failed("writing the revision"))?;
        }
        self.execute("COMMIT")?;
        Ok(results)
    }

    /// The revisions that the rows have before a commit (`None` also where nobody asks), or the conflict.
    fn check(&mut self, ops: &[Op]) -> Result<Result<Vec<Option<u64>>, Error>, Error> {
        let mut revs = Vec::with_capacity(ops.len());
        for (index, op) in ops.iter().enumerate() {
            let (table, key, expect) = op.target();
            let asked = !op.writes() || expect != crate::Expect::Any;
            let current = if asked { self.current_rev(table, key)? } else { None };
            if !expect.holds(current) {
                return Ok(Err(Error::Conflict { table, index, current }));
            }
            revs.push(current);
        }
        Ok(Ok(revs))
    }

    fn apply(&mut self, ops: &[Op], before: Vec<Option<u64>>) -> Result<CommitInfo, Error> {
        self.rev += u64::from(ops.iter().any(Op::writes));
        let mut revs = Vec::with_capacity(ops.len());
        for (op, before) in ops.iter().zip(before) {
            revs.push(match op {
                Op::Put { table, key, value, .. } => self.put(table, key, value).map(|()| self.rev)?,
                Op::Delete { table, key, .. } => self.delete(table, key).map(|()| 0)?,
                Op::Check { .. } => before.unwrap_or(0),
            });
        }
        Ok(CommitInfo { revs })
    }

    fn current_rev(&mut self, table: Table, key: &[u8]) -> Result<Option<u64>, Error> {
        if !self.exists(table) {
            return Ok(None);
        }
        let sql = self.sql(table);
        let read = || self.connection.prepare_cached(&sql.rev)?.query_row([key], |row| row.get(0)).optional();
        read().map_err(failed(format!("reading a revision of {table}")))
    }

    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let sql = self.sql(table);
        if !self.exists(table) {
            self.connection.execute_batch(&sql.create).map_err(failed(format!("making the table {table}")))?;
            self.new_tables.insert(table);
        }
        let write = || self.connection.prepare_cached(&sql.put)?.execute(params![key, self.rev, value]);
        write().map(drop).map_err(failed(format!("writing a row of {table}")))
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<(), Error> {
        if !self.exists(table) {
            return Ok(());
        }
        let sql = self.sql(table);
        let write = || self.connection.prepare_cached(&sql.delete)?.execute([key]);
        write().map(drop).map_err(failed(format!("deleting a row of {table}")))
    }

    /// Tells the cache, then the callers: in this order, so that whoever has an answer reads what it says.
    fn answer(&self, group: Vec<Commit>, results: Vec<Result<CommitInfo, Error>>) {
        let mut replies = Vec::with_capacity(group.len());
        self.with_cache(|cache| {
            for (commit, result) in group.into_iter().zip(results) {
                if let Ok(info) = &result {
                    for (op, &rev) in commit.ops.into_iter().zip(&info.revs) {
                        match op {
                            Op::Put { table, key, value, .. } => {
                                cache.put(table, key.clone(), Some(Row { key, rev, value }));
                            }
                            Op::Delete { table, key, .. } => cache.put(table, key, None),
                            Op::Check { .. } => {}
                        }
                    }
                }
                replies.push((commit.reply, result));
            }
            cache.end();
        });
        for (reply, result) in replies {
            // Nobody waits for it any more: fine.
            let _ = reply.send(result);
        }
    }

    fn roll_back(&self) {
        // Some failures have rolled back already; and if this fails too, then so will the next BEGIN, and say why.
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn execute(&self, statement: &'static str) -> Result<(), Error> {
        let execute = || self.connection.prepare_cached(statement)?.execute([]);
        execute().map(drop).map_err(failed(statement))
    }

    fn exists(&self, table: Table) -> bool {
        self.new_tables.contains(table) || self.tables.read().unwrap_or_else(PoisonError::into_inner).contains(table)
    }

    fn sql(&mut self, table: Table) -> Arc<Sql> {
        self.sql.entry(table).or_insert_with(|| Arc::new(Sql::new(table))).clone()
    }

    fn with_cache(&self, act: impl FnOnce(&mut Cache)) {
        act(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Commit {
    fn bytes(&self) -> usize {
        let value = |op: &Op| if let Op::Put { value, .. } = op { value.len() } else { 0 };
        self.ops.iter().map(|op| op.target().1.len() + value(op)).sum()
    }
}

impl Sql {
    fn new(table: Table) -> Sql {
        let name = format!("\"t/{table}\"");
        Sql {
            create: format!(
                "CREATE TABLE {name} (k BLOB PRIMARY KEY, rev INTEGER NOT NULL, v BLOB NOT NULL) WITHOUT ROWID"
            ),
            rev: format!("SELECT rev FROM {name} WHERE k = ?1"),
            put: format!(
                "INSERT INTO {name} (k, rev, v) VALUES (?1, ?2, ?3)
                 ON CONFLICT (k) DO UPDATE SET rev = excluded.rev, v = excluded.v"
            ),
            delete: format!("DELETE FROM {name} WHERE k = ?1"),
        }
    }
}
