//! Tables in memory, for tests and simulation: what is committed outlives the server that wrote it, but not the process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{CommitInfo, Error, Op, Range, Row, State, Table, ops};

/// Tables in memory. Clones share them, so a test can stop one server and start the next on what it left.
#[derive(Clone, Default)]
pub struct Memory {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    tables: BTreeMap<Table, BTreeMap<Vec<u8>, (u64, Bytes)>>,
    rev: u64,
    full: bool,
}

impl Memory {
    /// No tables yet.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// From now on every commit that would write fails with [`Error::Full`], or no longer does.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn rev_of(&self, table: Table, key: &[u8]) -> Option<u64> {
        self.tables.get(table)?.get(key).map(|(rev, _)| *rev)
    }

    /// Does one operation; returns the revision that the row has then, 0 for none.
    fn apply(&mut self, op: Op, rev: u64, before: Option<u64>) -> u64 {
        match op {
            Op::Put { table, key, value, .. } => {
                self.tables.entry(table).or_default().insert(key, (rev, value));
                rev
            }
            Op::Delete { table, key, .. } => {
                self.tables.entry(table).or_default().remove(&key);
                0
            }
            Op::Check { .. } => before.unwrap_or(0),
        }
    }
}

#[async_trait]
impl State for Memory {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, Error> {
        ops::check_table(table)?;
        let inner = self.lock();
        let found = inner.tables.get(table).and_then(|rows| rows.get(key));
        Ok(found.map(|(rev, value)| Row { key: key.to_vec(), rev: *rev, value: value.clone() }))
    }

    async fn scan(&self, table: Table, range: Range, limit: usize) -> Result<Vec<Row>, Error> {
        ops::check_scan(table, limit)?;
        let inner = self.lock();
        let (Some(rows), Some((start, end))) = (inner.tables.get(table), range.bounds()) else { return Ok(Vec::new()) };
        let bounds = (start.as_ref().map(Vec::as_slice), end.as_ref().map(Vec::as_slice));
        let found = rows.range::<[u8], (Bound<&[u8]>, Bound<&[u8]>)>(bounds);
        let mut bytes = 0;
        let row = |(key, (rev, value)): (&Vec<u8>, &(u64, Bytes))| {
            bytes += key.len() + value.len();
            ops::check_scanned(bytes)?;
            Ok(Row { key: key.clone(), rev: *rev, value: value.clone() })
        };
        if range.reverse { found.rev().take(limit).map(row).collect() } else { found.take(limit).map(row).collect() }
    }

    async fn commit(&self, ops: Vec<Op>) -> Result<CommitInfo, Error> {
        ops::check_commit(&ops)?;
        let mut inner = self.lock();
        let mut before = Vec::with_capacity(ops.len());
        for (index, op) in ops.iter().enumerate() {
            let (table, key, expect) = op.target();
            let current = inner.rev_of(table, key);
            if !expect.holds(current) {
                return Err(Error::Conflict { table, index, current });
            }
            before.push(current);
        }
        if ops.iter().any(Op::writes) {
            if inner.full {
                return Err(Error::Full);
            }
            inner.rev += 1;
        }
        let rev = inner.rev;
        let revs = ops.into_iter().zip(before).map(|(op, before)| inner.apply(op, rev, before)).collect();
        Ok(CommitInfo { revs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expect, conformance};

    #[tokio::test]
    async fn conforms() {
        conformance::all(&Memory::new()).await;
    }

    #[tokio::test]
    async fn full_and_recovered() {
        let state = Memory::new();
        let put = || vec![Op::Put { table: "t", key: b"k".to_vec(), value: Bytes::new(), expect: Expect::Any }];
        state.set_full(true);
        assert!(matches!(state.commit(put()).await, Err(Error::Full)));
        assert_eq!(state.get("t", b"k").await.unwrap(), None);
        state.set_full(false);
        assert!(state.commit(put()).await.is_ok());
    }
}
