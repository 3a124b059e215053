//! Rows of the state tables: which tables there are, and which parts of stores have files. Nothing but the publisher writes to them, so
//! it writes whatever was there.

use iceberg::{Snapshot, Totals};
use ports::StoreId;
use serde::{Deserialize, Serialize};
use state::Typed;

/// Tables. Key: store.
pub(crate) const TABLES: Typed<TableRow> = Typed::new("federation/tables");
/// Parts of stores that have files in a table. Key: store, `/`, part.
pub(crate) const PARTS: Typed<PartRow> = Typed::new("federation/parts");

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
    /// The first snapshot that has it, after it came back the first one since: sequence and identifier. None has, before that is committed.
    pub(crate) added: Option<(u64, i64)>,
    /// The sequence of the first snapshot that has it no more, until it comes back.
    pub(crate) removed: Option<u64>,
}

pub(crate) fn part_key(store: &StoreId, part: &str) -> Vec<u8> {
    format!("{store}/{part}").into_bytes()
}
