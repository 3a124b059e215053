//! Cairn's own API, for whoever runs the server: flush, tail, status, backup, import, look-ups, metric filters over past events. It is called like any other service: signed, authorized,
//! recorded.

pub mod decisions;
#[cfg(test)]
mod decisions_tests;
mod files;
pub mod ops;
mod summary;

use std::sync::Arc;

use ports::{EventStores, HandOver, MetricFilters, Operator};
use service::{ApiError, Builder, Definition, Service};

/// The service.
pub struct Cairn {
    /// The server.
    pub operator: Arc<dyn Operator>,
    /// Takes log files into event stores; absent where there are none.
    pub receiver: Option<Arc<importer::Receiver>>,
    /// Where records are looked up; absent where there are none.
    pub event_stores: Option<Arc<dyn EventStores>>,
    /// Metric filters of the first account's log groups; absent where there are none.
    pub metric_filters: Option<Arc<dyn MetricFilters>>,
    /// What was decided in calls; absent where nothing records.
    pub decisions: Option<Arc<decisions::Decisions>>,
}

impl Service for Cairn {
    const MODEL: &'static str = "cairn";
    const PREFIX: &'static str = "cairn";
}

/// The refusal of a server without event stores.
pub(crate) fn no_stores() -> ApiError {
    ApiError::new("EventStoresNotEnabledException", 400, "This server keeps no event stores.")
}

/// The refusal for a store that is not there.
pub(crate) fn no_store(name: &str) -> ApiError {
    ApiError::new("EventDataStoreNotFoundException", 400, format!("There is no event store {name}."))
}

impl Cairn {
    /// The log groups' metric filters.
    pub(crate) fn metric_filters(&self) -> Result<&dyn MetricFilters, ApiError> {
        self.metric_filters.as_deref().ok_or_else(|| ApiError::unavailable("this server has no log groups"))
    }
}

/// A refusal of log groups.
pub(crate) fn refused(error: HandOver) -> ApiError {
    match error {
        HandOver::NotFound(text) => ApiError::new("ResourceNotFoundException", 400, text),
        HandOver::Denied(text) => ApiError::new("AccessDeniedException", 400, text),
        HandOver::Invalid(text) => ApiError::new("InvalidParameterException", 400, text),
        HandOver::Unavailable(text) => ApiError::unavailable(text),
    }
}

/// A count as the model has it.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The operations.
pub fn definition(cairn: Arc<Cairn>) -> Definition {
    Builder::new(cairn)
        .on::<ops::backfill_metric_filter::BackfillMetricFilter>()
        .on::<ops::check_import::CheckImport>()
        .on::<ops::explain::Explain>()
        .on::<ops::flush::Flush>()
        .on::<ops::get_status::GetStatus>()
        .on::<ops::hold_for_backup::HoldForBackup>()
        .on::<ops::import_files::ImportFiles>()
        .on::<ops::look_up::LookUp>()
        .on::<ops::preview_metric_filter::PreviewMetricFilter>()
        .on::<ops::tail::Tail>()
        .build()
}
