//! Rows of the state tables: which tables there are, and which parts of stores have files. Nothing else writes to them.

use bytes::Bytes;
use iceberg::{Snapshot, Totals};
use ports::StoreId;
use serde::{Deserialize, Serialize};
use state::{Expect, Op, Table};

/// Tables. Key: store.
pub(crate) const TABLES: Table = "federation/tables";
/// Parts of stores that have files in a table. Key: store, `/`, part.
pub(crate) const PARTS: Table = "federation/parts";

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableRow {
    pub(crate) version: u32,
    pub(crate) uuid: String,
    /// Those that readers may ask for, oldest first; the last one is the table.
    pub(crate) snapshots: Vec<Snapshot>,
    /// Those whose files are to go.
    pub(crate) expired: Vec<Snapshot>,
}

impl TableRow {
    /// The number of the current snapshot and of its metadata file; 0 before the first.
    pub(crate) fn sequence(&self) -> u64 {
        self.snapshots.last().map_or(0, |snapshot| snapshot.sequence)
    }
}

/// A part with files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartRow {
    pub(crate) version: u32,
    /// Of its data files.
    pub(crate) totals: Totals,
    pub(crate) manifest_bytes: u64,
    /// The first snapshot that has it: sequence and identifier. None has, before that is committed.
    pub(crate) added: Option<(u64, i64)>,
    /// The sequence of the first snapshot that has it no more.
    pub(crate) removed: Option<u64>,
}

pub(crate) fn part_key(store: &StoreId, part: &str) -> Vec<u8> {
    format!("{store}/{part}").into_bytes()
}

/// A write of a document, whatever was there: tables have one writer.
pub(crate) fn put<T: Serialize>(table: Table, key: impl Into<Vec<u8>>, value: &T) -> Op {
    let json = serde_json::to_vec(value).expect("these documents have string keys and no failing parts");
    Op::Put { table, key: key.into(), value: Bytes::from(json), expect: Expect::Any }
}

/// A removal.
pub(crate) fn delete(table: Table, key: impl Into<Vec<u8>>) -> Op {
    Op::Delete { table, key: key.into(), expect: Expect::Any }
}
