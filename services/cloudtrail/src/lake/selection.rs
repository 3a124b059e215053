//! [`StoreSelection`]: which event data stores take a record, as of its place in the journal. Reads nothing but the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Region;
use bytes::Bytes;
use ports::{StoreId, Unavailable};
use record::RecordView;
use serde::{Deserialize, Serialize};

use super::change::{StoreChange, TOPIC};
use super::data_store::EventDataStore;
use crate::selectors::{Selection, Selectors};
use crate::trail::organization::Scope;

/// The version of what is saved.
const VERSION: u32 = 1;

/// See the module.
pub struct StoreSelection {
    /// The server's first account, whose changes have the plain topic.
    first: Arc<str>,
    known: Known,
}

/// What it knows, as it is saved.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    version: u32,
    /// That of the last change seen: an entry that is appended twice is taken once.
    revision: u64,
    /// The same of other accounts, by account.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    revisions: BTreeMap<String, u64>,
    /// Those that take records, by UUID.
    stores: BTreeMap<String, Taking>,
}

impl Default for Known {
    fn default() -> Known {
        Known { version: VERSION, revision: 0, revisions: BTreeMap::new(), stores: BTreeMap::new() }
    }
}

/// A store that takes records.
#[derive(Debug, Serialize, Deserialize)]
struct Taking {
    region: Region,
    multi_region: bool,
    selectors: Selectors,
    /// Whose it is, if it is not the first account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// The organization whose members' records it takes too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    organization: Option<Scope>,
}

impl StoreSelection {
    /// Knows of no store yet. `first`: the server's first account.
    pub fn new(first: Arc<str>) -> StoreSelection {
        StoreSelection { first, known: Known::default() }
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
        let account = match topic.strip_prefix(TOPIC) {
            Some("") => None,
            Some(rest) => match rest.strip_prefix('/') {
                Some(account) => Some(account.to_owned()),
                None => return,
            },
            None => return,
        };
        let change: StoreChange = match serde_json::from_slice(document) {
            Ok(change) => change,
            Err(error) => {
                tracing::error!(position, %error, "a change of an event data store cannot be read and is passed over");
                return;
            }
        };
        let revision = match &account {
            Some(account) => self.known.revisions.entry(account.clone()).or_default(),
            None => &mut self.known.revision,
        };
        if change.revision <= *revision {
            return;
        }
        *revision = change.revision;
        match change.store.filter(|store| store.ingests()) {
            Some(store) => {
                let selectors = Selectors::Advanced(store.selectors);
                let EventDataStore { region, multi_region, organization, .. } = store;
                let taking = Taking { region, multi_region, selectors, account, organization };
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
        let recipient = view.recipient_account_id.as_deref().unwrap_or(&self.first);
        for (id, store) in &self.known.stores {
            let of_member = store.organization.as_ref().is_some_and(|organization| organization.has(recipient));
            if !of_member && recipient != store.account.as_deref().unwrap_or(&self.first) {
                continue;
            }
            let here = store.multi_region || store.region.as_str() == selection.region();
            if here && selection.matches(&store.selectors) {
                into.extend(StoreId::parse(id));
            }
        }
    }
}
