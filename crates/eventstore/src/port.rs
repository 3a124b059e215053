//! What services ask of the stores: [`ports::EventStores`].

use async_trait::async_trait;
use ports::lake::{Appended, Find, Found, NewRecord, StoreKey, StoreStats};
use ports::{EventStores, KeyError, StoreId, Unavailable};

use crate::encryption::KeyRow;
use crate::stores::{Stores, failed};

#[async_trait]
impl EventStores for Stores {
    async fn create(&self, store: &StoreId, retention_days: u32) -> Result<(), Unavailable> {
        self.make(store, retention_days).await
    }

    async fn set_retention(&self, store: &StoreId, days: u32) -> Result<(), Unavailable> {
        self.fresh().await?;
        self.inner().store(store)?;
        self.make(store, days).await
    }

    async fn encrypt(&self, store: &StoreId, key: StoreKey) -> Result<(), Unavailable> {
        if *store == StoreId::events() {
            return Err(Unavailable("the built-in event store is under no key".to_owned()));
        }
        self.put_under(store, KeyRow::new(&key)).await
    }

    async fn unlock(&self, store: &StoreId) -> Result<(), KeyError> {
        self.may_read(store).await
    }

    async fn remove(&self, store: &StoreId) -> Result<(), Unavailable> {
        if *store == StoreId::events() {
            return Err(Unavailable("the built-in event store cannot be removed".to_owned()));
        }
        self.unmake(store).await
    }

    fn stores(&self) -> Vec<StoreId> {
        self.inner().stores.keys().cloned().collect()
    }

    async fn append(&self, store: &StoreId, records: Vec<NewRecord>) -> Result<Appended, Unavailable> {
        self.add(store, records, false).await
    }

    async fn append_new(&self, store: &StoreId, records: Vec<NewRecord>) -> Result<Appended, Unavailable> {
        self.add(store, records, true).await
    }

    async fn visible(&self, position: u64) {
        // The sender lives as long as the stores.
        let _ = self.visible.subscribe().wait_for(|next| *next >= position).await;
    }

    fn durable(&self) -> u64 {
        self.inner().cursor.next
    }

    async fn flush(&self) -> Result<(), Unavailable> {
        self.seal().await
    }

    async fn find(&self, store: &StoreId, what: Find) -> Result<Found, Unavailable> {
        self.is_readable(store).await.map_err(|error| failed("looking into an encrypted store", error))?;
        self.look_up(store, what).await
    }

    fn stats(&self, store: &StoreId) -> Option<StoreStats> {
        self.count(store)
    }
}
