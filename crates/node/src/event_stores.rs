//! Background work of the event stores: small parts become large ones, old ones go.

use std::sync::Arc;
use std::time::Duration;

use eventstore::Stores;
use tokio::sync::watch;

use crate::rounds;

/// How often it is asked what is due.
const INTERVAL: Duration = Duration::from_secs(5);

/// Until the node stops.
pub(crate) async fn keep_up(stores: Arc<Stores>, stop: watch::Receiver<bool>) {
    let failed = |error: ports::Unavailable| tracing::warn!(%error, "the event stores could not be kept in order; it is tried again");
    rounds::keep_up(INTERVAL, stop, || stores.upkeep(), failed).await;
}
