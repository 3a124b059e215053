//! The built-in event store at the end of a world: every record of the journal is in it once, with its bytes, and there are no others.

use std::collections::{BTreeMap, BTreeSet};

use eventstore::Stores;
use ports::lake::{FIND_MAX, Find, FindPosition};
use ports::{EventStores, StoreId, Unavailable};

use crate::Stopped;
use crate::client::Line;
use crate::oracle::hash_of;

/// Reads the whole store.
pub(crate) async fn check(line: &Line, stores: &Stores) -> Result<(), Stopped> {
    let violated = |what: String| {
        line.witness.violated(9, what);
        Err(Stopped)
    };
    let owed = line.witness.records();
    let end = owed.last().map_or(0, |record| record.seq + 1);
    // A consumer that does not come so far was found by I8.
    stores.visible(end).await;
    let found = match everything(stores, &StoreId::events()).await {
        Ok(found) => found,
        Err(error) => return violated(format!("the event store cannot be read: {error}")),
    };
    for record in &owed {
        let count = found.get(&record.hash).copied().unwrap_or(0);
        if count != 1 {
            return violated(format!("the event store has {record:?} {count} times"));
        }
    }
    let known: BTreeSet<u64> = line.witness.records().iter().map(|record| record.hash).collect();
    if let Some((hash, count)) = found.iter().find(|(hash, count)| !known.contains(hash) || **count != 1) {
        return violated(format!(
            "the event store has a record that is not in the journal, or {count} times: {hash:x}"
        ));
    }
    Ok(())
}

/// The hash of every record of a store, with how often it is there.
pub(crate) async fn everything(stores: &Stores, store: &StoreId) -> Result<BTreeMap<u64, usize>, Unavailable> {
    let mut found: BTreeMap<u64, usize> = BTreeMap::new();
    let mut after: Option<FindPosition> = None;
    loop {
        let find = Find { needles: Vec::new(), from_ms: i64::MIN, to_ms: i64::MAX, max: FIND_MAX, after };
        let page = stores.find(store, find).await?;
        for record in page.records {
            *found.entry(hash_of(&record.json)).or_default() += 1;
        }
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}
