//! Athena: SQL over the built-in event store, by the API that `aws athena` and its users' scripts call. Tables are names for that
//! store; results are files in the caller's bucket. Never changes a record.

mod catalog;
mod ddl;
mod end;
mod error;
mod execution_view;
mod named_queries;
pub mod ops;
mod paging;
mod results;
mod rows;
mod run;
#[cfg(test)]
mod tests;
mod tokens;
mod work_group;

use std::sync::Arc;

use base::Env;
use journal::Journal;
use objects::Objects;
use ports::{AccessRequest, Authorizer, Buckets, EventStores, QueryEngine};
use service::{ApiError, Builder, Call, Definition, PassedRole, Service};
use state::State;

use run::Executions;

/// What can be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long a query may run.
    pub query_timeout_ms: u64,
    /// What memory a query may use.
    pub query_memory_bytes: u64,
    /// Parts of a query that run at the same time.
    pub query_threads: usize,
}

impl Default for Options {
    /// The time is Athena's. Source: Athena user guide, "Service Quotas": DML query timeout.
    fn default() -> Options {
        Options { query_timeout_ms: 30 * 60 * 1_000, query_memory_bytes: 256 * 1024 * 1024, query_threads: 2 }
    }
}

/// What the service stands on.
pub struct Deps {
    /// Clock and chance.
    pub env: Env,
    /// Whose everything is.
    pub account: Arc<str>,
    /// How far calls are recorded: a query sees all that was recorded before it.
    pub journal: Arc<dyn Journal>,
    /// Tables, databases, queries.
    pub state: Arc<dyn State>,
    /// The rows of results.
    pub objects: Arc<dyn Objects>,
    /// Where results go.
    pub buckets: Arc<dyn Buckets>,
    /// Says whether a caller may write and read results.
    pub authorizer: Arc<dyn Authorizer>,
    /// The records; `None` if the server keeps none in columns.
    pub event_stores: Option<Arc<dyn EventStores>>,
    /// What answers SQL; `None` if this program has no engine.
    pub query_engine: Option<Arc<dyn QueryEngine>>,
    /// See [`Options`].
    pub options: Options,
}

impl Deps {
    /// Whether the caller may do this with the object, by policies of both kinds.
    pub(crate) async fn may(&self, call: &Call, action: &str, bucket: &str, key: &str) -> Result<bool, ApiError> {
        let resource = format!("arn:{}:s3:::{bucket}/{key}", call.region.partition());
        let context = call.context(&[]);
        let request = AccessRequest { caller: &call.caller, action, resource: &resource, context: &context };
        Ok(self.authorizer.decide(&request).await?.is_allow())
    }
}

/// The service.
pub struct Athena {
    deps: Arc<Deps>,
    executions: Arc<Executions>,
}

impl Athena {
    /// Opens the service on what an earlier run left: queries that it interrupted have failed.
    pub async fn open(deps: Deps) -> Result<Arc<Athena>, ApiError> {
        let deps = Arc::new(deps);
        let executions = Arc::new(Executions::new(Arc::clone(&deps)));
        executions.recover().await?;
        Ok(Arc::new(Athena { deps, executions }))
    }
}

impl Drop for Athena {
    /// Queries hold the service's storage.
    fn drop(&mut self) {
        self.executions.stop();
    }
}

impl Service for Athena {
    const MODEL: &'static str = "athena";
    const PREFIX: &'static str = "athena";
}

/// Source: Athena API reference, UpdateWorkGroup.
const EXECUTION_ROLE: [PassedRole; 1] = [PassedRole::arn("ConfigurationUpdates.ExecutionRole", "athena.amazonaws.com")];

/// The operations.
pub fn definition(athena: Arc<Athena>) -> Definition {
    Builder::new(athena)
        .on::<ops::batch_get_named_query::BatchGetNamedQuery>()
        .on::<ops::batch_get_query_execution::BatchGetQueryExecution>()
        .on::<ops::create_named_query::CreateNamedQuery>()
        .on::<ops::delete_named_query::DeleteNamedQuery>()
        .on::<ops::get_data_catalog::GetDataCatalog>()
        .on::<ops::get_database::GetDatabase>()
        .on::<ops::get_named_query::GetNamedQuery>()
        .on::<ops::get_query_execution::GetQueryExecution>()
        .on::<ops::get_query_results::GetQueryResults>()
        .on::<ops::get_table_metadata::GetTableMetadata>()
        .on::<ops::get_work_group::GetWorkGroup>()
        .on::<ops::list_data_catalogs::ListDataCatalogs>()
        .on::<ops::list_databases::ListDatabases>()
        .on::<ops::list_named_queries::ListNamedQueries>()
        .on::<ops::list_query_executions::ListQueryExecutions>()
        .on::<ops::list_table_metadata::ListTableMetadata>()
        .on::<ops::list_work_groups::ListWorkGroups>()
        .on::<ops::start_query_execution::StartQueryExecution>()
        .on::<ops::stop_query_execution::StopQueryExecution>()
        .on_passing::<ops::update_work_group::UpdateWorkGroup>(&EXECUTION_ROLE)
        .build()
}
