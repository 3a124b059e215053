//! A thread that reads. Never writes, and never holds a transaction longer than one read.

use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, ToSql};
use tokio::sync::{mpsc, oneshot};

use super::Tables;
use super::cache::{Cache, Ticket};
use super::connection::failed;
use crate::{Error, Row, Table, ops};

/// A read to be done.
pub(super) enum Read {
    Get {
        table: Table,
        key: Vec<u8>,
        ticket: Ticket,
        reply: oneshot::Sender<Result<Option<Row>, Error>>,
    },
    Scan {
        table: Table,
        start: Bound<Vec<u8>>,
        end: Bound<Vec<u8>>,
        reverse: bool,
        limit: usize,
        reply: oneshot::Sender<Result<Vec<Row>, Error>>,
    },
}

pub(super) struct Reader {
    pub(super) connection: Connection,
    pub(super) cache: Arc<Mutex<Cache>>,
    pub(super) tables: Tables,
}

impl Reader {
    /// Serves the queue, together with other readers, until it is closed.
    pub(super) fn run(self, queue: &Mutex<mpsc::Receiver<Read>>) {
        loop {
            // Whoever holds the lock waits for the next read, the others for the lock.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
            // An answer that nobody waits for any more is dropped.
            match next {
                None => return,
                Some(Read::Get { table, key, ticket, reply }) => drop(reply.send(self.get(table, key, ticket))),
                Some(Read::Scan { reply, .. }) if reply.is_closed() => {}
                Some(Read::Scan { table, start, end, reverse, limit, reply }) => {
                    drop(reply.send(self.scan(table, &start, &end, reverse, limit)));
                }
            }
        }
    }

    fn get(&self, table: Table, key: Vec<u8>, ticket: Ticket) -> Result<Option<Row>, Error> {
        let read = || {
            let mut select =
                self.connection.prepare_cached(&format!("SELECT rev, v FROM \"t/{table}\" WHERE k = ?1"))?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, u64>(0)?, value(row, 1)?));
            select.query_row([&key], row).optional()
        };
        let found = read().map_err(failed(format!("reading a row of {table}")))?;
        let row = found.map(|(rev, value)| Row { key: key.clone(), rev, value });
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).fill(table, &key, row.as_ref(), ticket);
        Ok(row)
    }

    fn scan(
        &self,
        table: Table,
        start: &Bound<Vec<u8>>,
        end: &Bound<Vec<u8>>,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        if !self.tables.read().unwrap_or_else(PoisonError::into_inner).contains(table) {
            return Ok(Vec::new());
        }
        let doing = || format!("reading rows of {table}");
        let mut sql = format!("SELECT k, rev, v FROM \"t/{table}\" WHERE ");
        let mut params: Vec<&dyn ToSql> = Vec::new();
        match start {
            Bound::Included(key) => (sql.push_str("k >= ?"), params.push(key)).1,
            Bound::Excluded(key) => (sql.push_str("k > ?"), params.push(key)).1,
            Bound::Unbounded => sql.push_str("TRUE"),
        }
        match end {
            Bound::Included(key) => (sql.push_str(" AND k <= ?"), params.push(key)).1,
            Bound::Excluded(key) => (sql.push_str(" AND k < ?"), params.push(key)).1,
            Bound::Unbounded => {}
        }
        sql.push_str(if reverse { " ORDER BY k DESC LIMIT ?" } else { " ORDER BY k LIMIT ?" });
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        params.push(&limit);

        let mut select = self.connection.prepare_cached(&sql).map_err(failed(doing()))?;
        let mut found = select.query(params.as_slice()).map_err(failed(doing()))?;
        let mut rows = Vec::new();
        let mut bytes = 0;
        while let Some(row) = found.next().map_err(failed(doing()))? {
            let read = || Ok(Row { key: row.get(0)?, rev: row.get(1)?, value: value(row, 2)? });
            let row = read().map_err(failed(doing()))?;
            bytes += row.key.len() + row.value.len();
            ops::check_scanned(bytes)?;
            rows.push(row);
        }
        Ok(rows)
    }
}

fn value(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Bytes> {
    Ok(Bytes::copy_from_slice(row.get_ref(column)?.as_blob()?))
}
