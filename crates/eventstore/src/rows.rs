//! Rows of the state tables: which stores there are, of which parts each is made, and how far the journal has been read. Nothing else
//! writes to these tables.

use base::ids;
use bytes::Bytes;
use ports::StoreId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use state::{Error, Expect, Op, Row, Table};

use crate::encryption::{Encrypted, KeyRow};

/// Event stores. Key: name.
pub(crate) const STORES: Table = "lake/stores";
/// Parts of stores. Key: store, `/`, name.
pub(crate) const PARTS: Table = "lake/parts";
/// How far the journal has been read. One row.
pub(crate) const CURSOR: Table = "lake/cursor";
/// The key of the only row.
pub(crate) const ONLY: &[u8] = b"only";

/// A store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreRow {
    pub(crate) version: u32,
    /// Records are kept so long, from the time of the event.
    pub(crate) retention_days: u32,
    /// Makes the hashes of records: chosen by chance, so that nobody can make two records that share one.
    pub(crate) hash_seed: u64,
    /// Under what new parts are; `None`: in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyRow>,
}

/// A part of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartRow {
    pub(crate) version: u32,
    pub(crate) rows: u64,
    /// Length of the columns' object.
    pub(crate) column_bytes: u64,
    /// Length of the index's object.
    pub(crate) index_bytes: u64,
    /// What the records' JSON takes.
    pub(crate) json_bytes: u64,
    /// The earliest event; of records without a time, when they came.
    pub(crate) oldest_ms: i64,
    /// The latest event; see there.
    pub(crate) newest_ms: i64,
    pub(crate) granules: u64,
    pub(crate) filter_bits: u64,
    pub(crate) hashes: u64,
    /// From the journal: the position after the last record. A part of an import has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) journal_end: Option<u64>,
    /// Where its objects are, if not in the folder of its store's name: it was made beside it and then took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<String>,
    /// Under what its objects are; `None`: in clear. Lengths are those of what was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encrypted: Option<Encrypted>,
}

/// How far the journal has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CursorRow {
    pub(crate) version: u32,
    /// The first entry that is not stored.
    pub(crate) next: u64,
    /// What selection knows, in hexadecimal.
    pub(crate) selection: String,
}

impl CursorRow {
    pub(crate) fn new(next: u64, selection: &[u8]) -> CursorRow {
        CursorRow { version: 1, next, selection: ids::hex(selection) }
    }

    pub(crate) fn selection(&self) -> Bytes {
        ids::unhex(&self.selection).unwrap_or_default().into()
    }
}

/// The key of a part's row.
pub(crate) fn part_key(store: &StoreId, part: &str) -> Vec<u8> {
    format!("{store}/{part}").into_bytes()
}

/// The store and the part of a key.
pub(crate) fn read_part_key(key: &[u8]) -> Option<(StoreId, String)> {
    let (store, part) = std::str::from_utf8(key).ok()?.split_once('/')?;
    Some((StoreId::parse(store)?, part.to_owned()))
}

/// Reads a row's document.
pub(crate) fn read<T: DeserializeOwned>(table: Table, row: &Row) -> Result<T, Error> {
    serde_json::from_slice(&row.value).map_err(|source| Error::Document { table, source: std::sync::Arc::new(source) })
}

/// A write of a document.
pub(crate) fn put<T: Serialize>(table: Table, key: impl Into<Vec<u8>>, value: &T, expect: Expect) -> Op {
    let json = serde_json::to_vec(value).expect("these documents have string keys and no failing parts");
    Op::Put { table, key: key.into(), value: Bytes::from(json), expect }
}

/// A removal.
pub(crate) fn delete(table: Table, key: impl Into<Vec<u8>>, expect: Expect) -> Op {
    Op::Delete { table, key: key.into(), expect }
}
