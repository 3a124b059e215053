//! How an event data store is found and changed. As with trails, a change is in the tables and in the journal, in one order, or it is
//! an error; what a crash left in between is made good by [`DataStores::recover`].
//!
//! ```text
//! lock ─ append what is left over ─ read ─ change ─ commit {store, change row, revision} ─ append ─ drop change row ─ unlock
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::Region;
use ports::StoreId;
use ports::lake::StoreKey;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Op, Range, Row};
use tokio::sync::{Mutex, MutexGuard};

use super::data_store::{EventDataStore, Status};
use super::names::{data_store_id, no_data_store};
use crate::error::Error;
use crate::rows::{self, Found, ONLY, STORE_CHANGES, STORE_REVISION, STORES, STORES_BEGUN};
use crate::shared::Shared;

/// The topic under which changes are in the journal.
pub const TOPIC: &str = "cloudtrail/event-data-store";

/// CloudTrail user guide, "Quotas in AWS CloudTrail": event data stores per region, those pending deletion not counted.
pub const STORES_PER_REGION_MAX: usize = 10;

/// More stores than there can be: ten in each region, and as many again that are pending deletion, with room.
const ALL_MAX: usize = 10_000;

/// A store's new form, as the journal carries it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreChange {
    /// Of this document.
    pub version: u32,
    /// Larger than that of every earlier change of any store.
    pub revision: u64,
    /// Whose change.
    pub id: String,
    /// The store from here on; `None` once it is gone.
    pub store: Option<EventDataStore>,
}

/// The event data stores.
pub struct DataStores {
    shared: Arc<Shared>,
    changing: Mutex<()>,
    /// A change may be in the tables and not in the journal.
    left_over: AtomicBool,
    /// A retention may be in the tables and not yet with those who keep the records.
    retention_left: AtomicBool,
}

/// The right to change stores: there is one at a time.
pub struct Changing<'a> {
    stores: &'a DataStores,
    _lock: MutexGuard<'a, ()>,
    revision: Option<Found<u64>>,
}

impl DataStores {
    /// The stores kept in the tables.
    pub fn new(shared: Arc<Shared>) -> DataStores {
        DataStores {
            shared,
            changing: Mutex::default(),
            left_over: AtomicBool::new(false),
            retention_left: AtomicBool::new(false),
        }
    }

    /// Makes good what a crash left: changes that are not in the journal, stores that were made and belong to nobody, a retention
    /// that was not passed on. Called once at the start.
    pub async fn recover(&self) -> Result<(), ApiError> {
        let _lock = self.changing.lock().await;
        self.append_leftovers().await?;
        let begun = self.shared.state.scan(STORES_BEGUN, Range::all(), ALL_MAX).await.map_err(ApiError::unavailable)?;
        for row in begun {
            let id = String::from_utf8_lossy(&row.key).into_owned();
            if self.get(&id).await?.is_none()
                && let Some(stores) = &self.shared.event_stores
            {
                stores.remove(&store_id(&id)?).await?;
            }
            let delete = rows::delete(STORES_BEGUN, row.key, Expect::Any);
            self.shared.state.commit(vec![delete]).await.map_err(ApiError::unavailable)?;
        }
        self.pass_on_retention().await
    }

    async fn pass_on_retention(&self) -> Result<(), ApiError> {
        let Some(stores) = &self.shared.event_stores else { return Ok(()) };
        for store in self.all().await? {
            stores.create(&store_id(&store.id)?, store.retention_days).await?;
        }
        Ok(())
    }

    /// A retention is about to change: whatever becomes of that, those who keep the records learn of it in the next round at the
    /// latest.
    pub fn retention_changes(&self) {
        self.retention_left.store(true, Ordering::Release);
    }

    /// Appends to the journal what a failure kept out of it, and passes on a retention, if there is something. To be called every few
    /// seconds.
    pub async fn catch_up(&self) -> Result<(), ApiError> {
        if self.retention_left.load(Ordering::Acquire) {
            // No change goes on meanwhile.
            let _lock = self.changing.lock().await;
            self.pass_on_retention().await?;
            self.retention_left.store(false, Ordering::Release);
        }
        if !self.left_over.load(Ordering::Acquire) {
            return Ok(());
        }
        let _lock = self.changing.lock().await;
        self.append_leftovers().await
    }

    /// All stores of all regions, by UUID.
    pub async fn all(&self) -> Result<Vec<EventDataStore>, ApiError> {
        let rows = self.shared.state.scan(STORES, Range::all(), ALL_MAX).await.map_err(ApiError::unavailable)?;
        rows.iter().map(|row| rows::read(STORES, row).map_err(ApiError::internal)).collect()
    }

    /// The stores of a region, by UUID.
    pub async fn of_region(&self, region: Region) -> Result<Vec<EventDataStore>, ApiError> {
        Ok(self.all().await?.into_iter().filter(|store| store.region == region).collect())
    }

    /// The store that is meant, pending deletion or not.
    pub async fn find(&self, named: &str, region: Region) -> Result<Found<EventDataStore>, ApiError> {
        let id = data_store_id(named, region, &self.shared.account)?;
        let found = self.get(&id).await?.filter(|found| found.value.region == region);
        found.ok_or_else(|| no_data_store(named).into())
    }

    /// The store that is meant, if it is not pending deletion.
    pub async fn find_active(&self, named: &str, region: Region) -> Result<Found<EventDataStore>, ApiError> {
        active(self.find(named, region).await?)
    }

    /// The store of this UUID.
    pub async fn get(&self, id: &str) -> Result<Option<Found<EventDataStore>>, ApiError> {
        rows::get(&*self.shared.state, STORES, id.as_bytes()).await.map_err(ApiError::unavailable)
    }

    /// Waits for the right to change stores.
    pub async fn change(&self) -> Result<Changing<'_>, ApiError> {
        let lock = self.changing.lock().await;
        self.append_leftovers().await?;
        let revision = rows::get(&*self.shared.state, STORE_REVISION, ONLY).await.map_err(ApiError::unavailable)?;
        Ok(Changing { stores: self, _lock: lock, revision })
    }

    async fn append_leftovers(&self) -> Result<(), ApiError> {
        loop {
            let rows = self.shared.state.scan(STORE_CHANGES, Range::all(), 100).await.map_err(ApiError::unavailable)?;
            if rows.is_empty() {
                self.left_over.store(false, Ordering::Release);
                return Ok(());
            }
            for row in rows {
                self.append(row).await?;
            }
        }
    }

    async fn append(&self, row: Row) -> Result<(), ApiError> {
        self.left_over.store(true, Ordering::Release);
        let entry = worker::entry::control(&self.shared.topic(TOPIC), &row.value);
        self.shared.journal.append(vec![entry]).await.map_err(ApiError::unavailable)?;
        // If this fails the change is appended again: its revision tells readers that they have seen it.
        let delete = rows::delete(STORE_CHANGES, row.key, Expect::Any);
        self.shared.state.commit(vec![delete]).await.map_err(ApiError::unavailable)?;
        self.left_over.store(false, Ordering::Release);
        Ok(())
    }
}

/// Refuses a store that is pending deletion.
pub fn active(found: Found<EventDataStore>) -> Result<Found<EventDataStore>, ApiError> {
    if found.value.status == Status::PendingDeletion {
        let text = format!("The event data store is inactive: {} is pending deletion.", found.value.arn);
        return Err(Error::InactiveEventDataStoreException(text).into());
    }
    Ok(found)
}

/// The name of a store among the stores of records.
pub fn store_id(id: &str) -> Result<StoreId, ApiError> {
    StoreId::parse(id).ok_or_else(|| ApiError::internal(format!("{id} cannot name a store")))
}

impl Changing<'_> {
    /// Notes that a store is about to be made, so that what a crash leaves of it is found. Makes its place for records,
    /// under a key if there is one.
    pub async fn begin(&self, id: &str, retention_days: u32, key: Option<StoreKey>) -> Result<(), ApiError> {
        let stores = self.stores.shared.stores()?;
        let begun = rows::put(STORES_BEGUN, id, &1_u32, Expect::Absent);
        self.stores.shared.state.commit(vec![begun]).await.map_err(ApiError::unavailable)?;
        let place = store_id(id)?;
        stores.create(&place, retention_days).await?;
        if let Some(key) = key {
            stores.encrypt(&place, key).await?;
        }
        Ok(())
    }

    /// Writes a store (`rev` of the row it replaces, `None` for a new one). Returns it when it is durable and in the journal.
    pub async fn write(self, mut store: EventDataStore, rev: Option<u64>) -> Result<EventDataStore, ApiError> {
        let revision = self.next_revision();
        store.revision = revision;
        let mut ops = vec![rows::put(STORES, store.id.as_str(), &store, rev.into())];
        if rev.is_none() {
            ops.push(rows::delete(STORES_BEGUN, store.id.as_str(), Expect::Any));
        }
        let change = StoreChange { version: 1, revision, id: store.id.clone(), store: Some(store.clone()) };
        self.commit(ops, change).await?;
        Ok(store)
    }

    /// Writes what is no business of those who feed the store: the journal is left alone.
    pub async fn write_quietly(self, store: &EventDataStore, rev: u64) -> Result<(), ApiError> {
        let put = rows::put(STORES, store.id.as_str(), store, Expect::Rev(rev));
        self.stores.shared.state.commit(vec![put]).await.map_err(commit_error)?;
        Ok(())
    }

    /// Removes a store, whose records are gone by now. Returns when that is durable and in the journal.
    pub async fn remove(self, id: &str, rev: u64) -> Result<(), ApiError> {
        let change = StoreChange { version: 1, revision: self.next_revision(), id: id.to_owned(), store: None };
        self.commit(vec![rows::delete(STORES, id, Expect::Rev(rev))], change).await
    }

    fn next_revision(&self) -> u64 {
        self.revision.as_ref().map_or(1, |found| found.value + 1)
    }

    async fn commit(self, mut ops: Vec<Op>, change: StoreChange) -> Result<(), ApiError> {
        let key = change.revision.to_be_bytes().to_vec();
        let row = rows::put(STORE_CHANGES, key.clone(), &change, Expect::Absent);
        let Op::Put { value, .. } = &row else { unreachable!("rows::put makes a put") };
        let value = value.clone();
        ops.push(row);
        let expect = self.revision.as_ref().map(|found| found.rev).into();
        ops.push(rows::put(STORE_REVISION, ONLY, &change.revision, expect));
        if let Err(error) = self.stores.shared.state.commit(ops).await {
            // Unless it was a conflict, it may have been made all the same.
            self.stores.left_over.fetch_or(!error.is_conflict(), Ordering::AcqRel);
            return Err(commit_error(error));
        }
        self.stores.append(Row { key, rev: 0, value }).await
    }
}

/// A commit that another request was faster with, or that storage failed.
pub fn commit_error(error: state::Error) -> ApiError {
    match error {
        state::Error::Conflict { .. } => {
            Error::ConflictException("The resource was changed by another request. Try again.".to_owned()).into()
        }
        other => ApiError::unavailable(other),
    }
}
