//! Background work of federated event data stores: their tables follow them.

use std::sync::Arc;
use std::time::Duration;

use cloudtrail::CloudTrail;
use tokio::sync::watch;

use crate::rounds;

/// How often it is asked what is due.
const INTERVAL: Duration = Duration::from_secs(2);

/// Until the node stops.
pub(crate) async fn keep_up(cloudtrail: Arc<CloudTrail>, stop: watch::Receiver<bool>) {
    let failed = |error: service::ApiError| {
        tracing::warn!(
            error = error.log.as_deref().unwrap_or(&error.message),
            "a table of an event data store is not up to date; it is tried again"
        );
    };
    rounds::keep_up(INTERVAL, stop, || cloudtrail.federate(), failed).await;
}
