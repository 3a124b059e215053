//! What is known of each file: that all of its records were taken, as it was then; or why not. It is written after the records, so
//! that a crash between the two makes a file be read again, never be forgotten.

use bytes::Bytes;
use ports::StoreId;
use serde::{Deserialize, Serialize};
use state::{Expect, Op, State, Table};

use crate::target::Listed;

/// Files that were imported. Key: store, filter's tag, name.
pub const FILES: Table = "importer/files";

/// A row of [`FILES`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// The form of this document.
    pub v: u32,
    /// What the file was like: [`Listed::stamp`].
    pub stamp: String,
    /// How many records it has.
    pub records: u64,
    /// Why nothing of it was taken, if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

fn key(store: &StoreId, tag: &str, name: &str) -> Vec<u8> {
    state::key::key(&[store.as_str(), tag, name])
}

/// Which files are to be read: new ones, changed ones, and those that failed.
pub(crate) async fn unknown(
    state: &dyn State,
    store: &StoreId,
    tag: &str,
    files: &[Listed],
) -> Result<Vec<bool>, state::Error> {
    let mut unknown = Vec::with_capacity(files.len());
    for file in files {
        let row = state.get(FILES, &key(store, tag, &file.name)).await?;
        // A row that cannot be read knows nothing: reading the file again does no harm.
        let row = row.and_then(|row| serde_json::from_slice::<FileRow>(&row.value).ok());
        unknown.push(row.is_none_or(|row| row.stamp != file.stamp || row.failed.is_some()));
    }
    Ok(unknown)
}

/// A write of what is known of a file now.
pub(crate) fn put(store: &StoreId, tag: &str, file: &Listed, records: u64, failed: Option<String>) -> Op {
    let row = FileRow { v: 1, stamp: file.stamp.clone(), records, failed };
    let value = serde_json::to_vec(&row).expect("texts and numbers can always be written");
    Op::Put { table: FILES, key: key(store, tag, &file.name), value: Bytes::from(value), expect: Expect::Any }
}

/// Everything of a store.
pub(crate) fn of_store(store: &StoreId) -> Vec<u8> {
    state::key::key(&[store.as_str()])
}
