//! CloudTrail: trails, event selection, delivery of log files and digests, and event history.
//!
//! Records come from the journal alone: nothing here makes one, changes one, or loses one that a trail selects.

pub mod delivery;
pub mod digest;
mod error;
#[cfg(test)]
mod fakes;
mod figures;
mod flush;
#[cfg(test)]
mod flush_tests;
pub mod history;
pub mod imports;
mod keys;
#[cfg(test)]
mod keys_tests;
pub mod lake;
mod ops;
pub mod organization;
#[cfg(test)]
mod organization_tests;
mod rows;
pub mod selectors;
mod shared;
#[cfg(test)]
mod stepped;
#[cfg(test)]
mod testing;
pub mod trail;
pub mod watch;

use std::sync::Arc;

use service::{ApiError, Builder, Definition, PassedRole, Service};

pub use delivery::{Delivery, LogDelivery};
pub use digest::evidence::Evidence;
pub use digest::key_maker::{KeyMaker, RsaKeyMaker};
pub use digest::keys::PublicKey;
pub use error::Error;
pub use flush::FlushReport;
pub use history::History;
pub use lake::selection::StoreSelection;
pub use organization::{Instances, Organized};
pub use shared::{Deps, DigestRegions, Options};
pub use watch::Watch;

use shared::Shared;
use trail::store::TrailStore;
use worker::{Consumer, Failure};

/// The service.
pub struct CloudTrail {
    shared: Arc<Shared>,
    trails: TrailStore,
    lake: lake::Lake,
    history: Arc<history::Index>,
    imports: Arc<imports::Imports>,
}

impl Drop for CloudTrail {
    /// Workers and what they share hold one another; queries hold the service's storage.
    fn drop(&mut self) {
        self.shared.drop_workers();
        self.lake.queries.stop();
        self.imports.interrupt();
    }
}

impl Service for CloudTrail {
    const MODEL: &'static str = "cloudtrail";
    const PREFIX: &'static str = "cloudtrail";
    const ACROSS_ACCOUNTS: bool = true;
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
            shared.topic(trail::store::TOPIC),
        );
        trails.recover().await?;
        let lake = lake::Lake::open(&shared).await?;
        let history = Arc::new(history::Index::new(Arc::clone(&shared)));
        let (state, buckets) = (Arc::clone(&shared.state), Arc::clone(&shared.buckets));
        let imports = imports::Imports::new(shared.env.clone(), state, buckets);
        Ok(Arc::new(CloudTrail { shared, trails, lake, history, imports }))
    }

    /// Completes trail changes that a failure of the journal has cut short: until then a trail is one thing to its owner and another
    /// to delivery. Does what is due for event data stores, queries and dashboards, and
    /// goes on with an import that a failure of the tables has cut off. Takes notice of who is in the organization. To be called every few seconds.
    pub async fn catch_up(&self) -> Result<(), ApiError> {
        self.trails.catch_up().await?;
        self.follow_members().await?;
        self.lake_upkeep().await?;
        self.imports.go_on().await
    }

    /// Does one step of making the tables of federated event data stores what they are to be, if one is due. Says whether there is more
    /// to do at once. To be called every few seconds, by one caller.
    pub async fn federate(&self) -> Result<bool, ApiError> {
        lake::federation::step(self).await
    }

    /// Which event stores take a record of the journal: the built-in one all, event data stores what they select.
    /// To be asked of the server's first account; it hears of the stores of all.
    pub fn selection(&self) -> Box<dyn ports::Selection> {
        Box::new(StoreSelection::new(Arc::clone(&self.shared.account)))
    }

    /// What answers SQL over the event stores, if this server has something that does.
    pub fn query_engine(&self) -> Option<&Arc<dyn ports::QueryEngine>> {
        self.shared.query_engine.as_ref()
    }

    /// Imports of log files into event data stores. They can begin once [`imports::Imports::provide`] was called.
    pub fn imports(&self) -> &Arc<imports::Imports> {
        &self.imports
    }

    /// The consumers that make the service work: to be added to the crew of the journal, once.
    /// Refuses a journal that is older than the tables.
    pub async fn consumers(&self) -> Result<(Delivery, History, LogDelivery), Failure> {
        let failed = |error: state::Error| Failure(error.to_string());
        let delivery = Delivery::open(Arc::clone(&self.shared)).await.map_err(failed)?;
        let history = History::open(Arc::clone(&self.history)).await.map_err(failed)?;
        let logs = LogDelivery::open(Arc::clone(&self.shared)).await.map_err(failed)?;
        let all: [&dyn Consumer; 3] = [&delivery, &history, &logs];
        for (name, cursor) in all.map(|consumer| (consumer.name(), consumer.needs())) {
            worker::ahead(name, cursor, &*self.shared.journal)?;
        }
        self.shared.start_workers();
        Ok((delivery, history, logs))
    }
}

/// The roles that requests name, and for whom they are: the last is Lake Formation's. Sources: CloudTrail user guide, "Role policy document for
/// CloudTrail to use CloudWatch Logs for monitoring", "Copy trail events to an event data store" and "Federate an event data store".
const LOG_ROLE: [PassedRole; 1] = [PassedRole::arn("CloudWatchLogsRoleArn", "cloudtrail.amazonaws.com")];
const IMPORT_ROLE: [PassedRole; 1] =
    [PassedRole::arn("ImportSource.S3.S3BucketAccessRoleArn", "cloudtrail.amazonaws.com")];
const FEDERATION_ROLE: [PassedRole; 1] = [PassedRole::arn("FederationRoleArn", "lakeformation.amazonaws.com")];

/// The operations.
pub fn definition(service: Arc<CloudTrail>) -> Definition {
    Builder::new(service)
        .on::<ops::add_tags::AddTags>()
        .on::<ops::cancel_query::CancelQuery>()
        .on::<ops::create_channel::CreateChannel>()
        .on::<ops::create_dashboard::CreateDashboard>()
        .on::<ops::create_event_data_store::CreateEventDataStore>()
        .on_passing::<ops::create_trail::CreateTrail>(&LOG_ROLE)
        .on::<ops::delete_channel::DeleteChannel>()
        .on::<ops::delete_dashboard::DeleteDashboard>()
        .on::<ops::delete_event_data_store::DeleteEventDataStore>()
        .on::<ops::delete_resource_policy::DeleteResourcePolicy>()
        .on::<ops::delete_trail::DeleteTrail>()
        .on::<ops::deregister_organization_delegated_admin::DeregisterOrganizationDelegatedAdmin>()
        .on::<ops::describe_query::DescribeQuery>()
        .on::<ops::describe_trails::DescribeTrails>()
        .on::<ops::disable_federation::DisableFederation>()
        .on_passing::<ops::enable_federation::EnableFederation>(&FEDERATION_ROLE)
        .on::<ops::generate_query::GenerateQuery>()
        .on::<ops::get_channel::GetChannel>()
        .on::<ops::get_dashboard::GetDashboard>()
        .on::<ops::get_event_configuration::GetEventConfiguration>()
        .on::<ops::get_event_data_store::GetEventDataStore>()
        .on::<ops::get_event_selectors::GetEventSelectors>()
        .on::<ops::get_import::GetImport>()
        .on::<ops::get_insight_selectors::GetInsightSelectors>()
        .on::<ops::get_query_results::GetQueryResults>()
        .on::<ops::get_resource_policy::GetResourcePolicy>()
        .on::<ops::get_trail::GetTrail>()
        .on::<ops::get_trail_status::GetTrailStatus>()
        .on::<ops::list_channels::ListChannels>()
        .on::<ops::list_dashboards::ListDashboards>()
        .on::<ops::list_event_data_stores::ListEventDataStores>()
        .on::<ops::list_import_failures::ListImportFailures>()
        .on::<ops::list_imports::ListImports>()
        .on::<ops::list_public_keys::ListPublicKeys>()
        .on::<ops::list_queries::ListQueries>()
        .on::<ops::list_tags::ListTags>()
        .on::<ops::list_trails::ListTrails>()
        .on::<ops::lookup_events::LookupEvents>()
        .on::<ops::put_event_configuration::PutEventConfiguration>()
        .on::<ops::put_event_selectors::PutEventSelectors>()
        .on::<ops::put_resource_policy::PutResourcePolicy>()
        .on::<ops::register_organization_delegated_admin::RegisterOrganizationDelegatedAdmin>()
        .on::<ops::remove_tags::RemoveTags>()
        .on::<ops::restore_event_data_store::RestoreEventDataStore>()
        .on::<ops::search_sample_queries::SearchSampleQueries>()
        .on::<ops::start_dashboard_refresh::StartDashboardRefresh>()
        .on::<ops::start_event_data_store_ingestion::StartEventDataStoreIngestion>()
        .on_passing::<ops::start_import::StartImport>(&IMPORT_ROLE)
        .on::<ops::start_logging::StartLogging>()
        .on::<ops::start_query::StartQuery>()
        .on::<ops::stop_event_data_store_ingestion::StopEventDataStoreIngestion>()
        .on::<ops::stop_import::StopImport>()
        .on::<ops::stop_logging::StopLogging>()
        .on::<ops::update_channel::UpdateChannel>()
        .on::<ops::update_dashboard::UpdateDashboard>()
        .on::<ops::update_event_data_store::UpdateEventDataStore>()
        .on_passing::<ops::update_trail::UpdateTrail>(&LOG_ROLE)
        .build()
}
