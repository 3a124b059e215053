//! [`StoreSelection`]: which event data stores take a record, as of its place in the journal. Reads nothing but the journal.

use std::collections::BTreeMap;

use base::Region;
use bytes::Bytes;
use ports::{StoreId, Unavailable};
use record::RecordView;
use serde::{Deserialize, Serialize};

use super::change::{StoreChange, TOPIC};
use crate::selectors::{Selection, Selectors};

/// The version of what is saved.
const VERSION: u32 = 1;

/// See the module.
#[derive(Default)]
pub struct StoreSelection {
    known: Known,
}

/// What it knows, as it is saved.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    version: u32,
    /// That of the last change seen: an entry that is appended twice is taken once.
    revision: u64,
    /// Those that take records, by UUID.
    stores: BTreeMap<String, Taking>,
}

impl Default for Known {
    fn default() -> Known {
        Known { version: VERSION, revision: 0, stores: BTreeMap::new() }
    }
}

/// A store that takes records.
#[derive(Debug, Serialize, Deserialize)]
struct Taking {
    region: Region,
    multi_region: bool,
    selectors: Selectors,
}

impl StoreSelection {
    /// Knows of no store yet.
    pub fn new() -> StoreSelection {
        StoreSelection::default()
    }
}

impl ports::Selection for StoreSelection {
    fn restore(&mut self, saved: &[u8]) -> Result<(), Unavailable> {
        let known = serde_json::from_slice(saved);
        self.known =
            known.map_err(|error| Unavailable(format!("what event data stores select cannot be read: {error}")))?;
        Ok(())
    }

    fn save(&self) -> Bytes {
        Bytes::from(serde_json::to_vec(&self.known).expect("a document with string keys"))
    }

    fn control(&mut self, position: u64, topic: &str, document: &[u8]) {
        if topic != TOPIC {
            return;
        }
        let change: StoreChange = match serde_json::from_slice(document) {
            Ok(change) => change,
            Err(error) => {
                tracing::error!(position, %error, "a change of an event data store cannot be read and is passed over");
                return;
            }
        };
        if change.revision <= self.known.revision {
            return;
        }
        self.known.revision = change.revision;
        match change.store.filter(|store| store.ingests()) {
            Some(store) => {
                let selectors = Selectors::Advanced(store.selectors);
                let taking = Taking { region: store.region, multi_region: store.multi_region, selectors };
                self.known.stores.insert(change.id, taking);
            }
            None => {
                self.known.stores.remove(&change.id);
            }
        }
    }

    fn select(&mut self, _position: u64, record: &[u8], into: &mut Vec<StoreId>) {
        if self.known.stores.is_empty() {
            return;
        }
        // What does not read as a record is in the built-in store alone.
        let Ok(view) = RecordView::parse(record) else { return };
        let selection = Selection::new(&view);
        for (id, store) in &self.known.stores {
            let here = store.multi_region || store.region.as_str() == selection.region();
            if here && selection.matches(&store.selectors) {
                into.extend(StoreId::parse(id));
            }
        }
    }
}
