//! CloudTrail Lake: event data stores, queries over them, and what is around both. How records are kept and how SQL is answered is
//! behind [`ports::EventStores`] and [`ports::QueryEngine`]; nothing here reads a record but to select it.
//!
//! A change of an event data store travels in the journal as a trail's does (ADR 4), so that which records it takes follows from the
//! journal alone: [`selection::StoreSelection`] is driven by whoever feeds the stores.

pub mod audit;
pub mod change;
pub mod channel;
pub mod dashboard;
pub mod data_store;
#[cfg(test)]
pub mod fakes;
pub mod federation;
pub mod generated;
#[cfg(test)]
mod generated_tests;
pub mod names;
pub mod paging;
pub mod policies;
pub mod query;
pub mod refresh;
pub mod rules;
pub mod samples;
pub mod selection;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_around;
pub mod translate;
pub mod upkeep;

use std::sync::Arc;

use base::Region;
use ports::StoreId;
use service::ApiError;

use crate::CloudTrail;
use crate::error::Error;
use crate::shared::Shared;
use change::DataStores;
use query::run::Queries;

impl CloudTrail {
    /// Where imports into an event data store go: its ARN, and its place among the stores of records. The refusals are those of
    /// StartImport. Source: CloudTrail API reference, StartImport.
    pub async fn import_destination(&self, named: &str, region: Region) -> Result<(String, StoreId), ApiError> {
        let store = self.lake.stores.find_active(named, region).await?.value;
        // Configuration items, evidence and events of applications are not in log files.
        if !["Management", "Data", "NetworkActivity"].contains(&store.category()) {
            let text = format!("Log files cannot be imported into an event data store of {} events.", store.category());
            return Err(Error::InvalidEventDataStoreCategoryException(text).into());
        }
        Ok((store.arn, change::store_id(&store.id)?))
    }
}

/// What the operations of Lake share.
pub struct Lake {
    pub(crate) stores: DataStores,
    pub(crate) queries: Arc<Queries>,
    pub(crate) upkeep: upkeep::Upkeep,
}

impl Lake {
    /// Opens it on what an earlier run left: changes that a crash kept out of the journal, queries that it interrupted.
    pub(crate) async fn open(shared: &Arc<Shared>) -> Result<Lake, ApiError> {
        let stores = DataStores::new(Arc::clone(shared));
        stores.recover().await?;
        let queries = Arc::new(Queries::new(Arc::clone(shared)));
        queries.recover().await?;
        Ok(Lake { stores, queries, upkeep: upkeep::Upkeep::default() })
    }
}
