//! CloudTrail: trails, event selection, delivery of log files and digests, and event history.
//!
//! Records come from the journal alone: nothing here makes one, changes one, or loses one that a trail selects.

pub mod delivery;
pub mod digest;
mod error;
mod figures;
mod flush;
#[cfg(test)]
mod flush_tests;
pub mod history;
pub mod imports;
mod ops;
mod rows;
pub mod selectors;
mod shared;
#[cfg(test)]
mod stepped;
#[cfg(test)]
mod testing;
pub mod trail;

use std::sync::Arc;

use service::{ApiError, Builder, Definition, Service};

pub use delivery::Delivery;
pub use digest::evidence::Evidence;
pub use digest::key_maker::{KeyMaker, RsaKeyMaker};
pub use digest::keys::PublicKey;
pub use error::Error;
pub use flush::FlushReport;
pub use history::History;
pub use shared::{Deps, DigestRegions, Options};

use shared::Shared;
use trail::store::TrailStore;
use worker::{Consumer, Failure};

/// The service.
pub struct CloudTrail {
    shared: Arc<Shared>,
    trails: TrailStore,
    history: Arc<history::Index>,
    imports: Arc<imports::Imports>,
}

impl Drop for CloudTrail {
    /// Workers and what they share hold one another.
    fn drop(&mut self) {
        self.shared.drop_workers();
        self.imports.interrupt();
    }
}

impl Service for CloudTrail {
    const MODEL: &'static str = "cloudtrail";
    const PREFIX: &'static str = "cloudtrail";
}

impl CloudTrail {
    /// Opens the service on what an earlier run left. Appends trail changes to the journal that a crash kept out of it.
    pub async fn new(deps: Deps) -> Result<Arc<CloudTrail>, ApiError> {
        let shared = Arc::new(Shared::new(deps));
        let trails = TrailStore::new(
            shared.env.clone(),
            Arc::clone(&shared.account),
            Arc::clone(&shared.state),
            Arc::clone(&shared.journal),
            shared.options.recording,
        );
        trails.recover().await?;
        let history = Arc::new(history::Index::new(Arc::clone(&shared)));
        let (state, buckets) = (Arc::clone(&shared.state), Arc::clone(&shared.buckets));
        let imports = imports::Imports::new(shared.env.clone(), state, buckets);
        Ok(Arc::new(CloudTrail { shared, trails, history, imports }))
    }

    /// Completes trail changes that a failure of the journal has cut short: until then a trail is one thing to its owner and another
    /// to delivery. To be called every few seconds.
    pub async fn catch_up(&self) -> Result<(), ApiError> {
        self.trails.catch_up().await
    }

    /// Imports of log files into event data stores. They can begin once [`imports::Imports::provide`] was called.
    pub fn imports(&self) -> &Arc<imports::Imports> {
        &self.imports
    }

    /// The consumers that make the service work: to be added to the crew of the journal, once.
    /// Refuses a journal that is older than the tables.
    pub async fn consumers(&self) -> Result<(Delivery, History), Failure> {
        let failed = |error: state::Error| Failure(error.to_string());
        let delivery = Delivery::open(Arc::clone(&self.shared)).await.map_err(failed)?;
        let history = History::open(Arc::clone(&self.history)).await.map_err(failed)?;
        for (name, cursor) in [(delivery.name(), delivery.needs()), (history.name(), history.needs())] {
            worker::ahead(name, cursor, &*self.shared.journal)?;
        }
        self.shared.start_workers();
        Ok((delivery, history))
    }
}

/// The operations.
pub fn definition(service: Arc<CloudTrail>) -> Definition {
    Builder::new(service)
        .on::<ops::add_tags::AddTags>()
        .on::<ops::create_trail::CreateTrail>()
        .on::<ops::delete_trail::DeleteTrail>()
        .on::<ops::describe_trails::DescribeTrails>()
        .on::<ops::get_event_selectors::GetEventSelectors>()
        .on::<ops::get_import::GetImport>()
        .on::<ops::get_insight_selectors::GetInsightSelectors>()
        .on::<ops::get_trail::GetTrail>()
        .on::<ops::get_trail_status::GetTrailStatus>()
        .on::<ops::list_import_failures::ListImportFailures>()
        .on::<ops::list_imports::ListImports>()
        .on::<ops::list_public_keys::ListPublicKeys>()
        .on::<ops::list_tags::ListTags>()
        .on::<ops::list_trails::ListTrails>()
        .on::<ops::lookup_events::LookupEvents>()
        .on::<ops::put_event_selectors::PutEventSelectors>()
        .on::<ops::remove_tags::RemoveTags>()
        .on::<ops::start_import::StartImport>()
        .on::<ops::start_logging::StartLogging>()
        .on::<ops::stop_import::StopImport>()
        .on::<ops::stop_logging::StopLogging>()
        .on::<ops::update_trail::UpdateTrail>()
        .build()
}
