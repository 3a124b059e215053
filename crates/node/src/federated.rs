//! Background work of federated event data stores: their tables follow them. It waits for nobody, nobody waits for it, and it is broken
//! off when the node stops.

use std::sync::Arc;
use std::time::Duration;

use cloudtrail::CloudTrail;
use tokio::sync::watch;

/// How often it is asked what is due.
const INTERVAL: Duration = Duration::from_secs(2);

/// Until the node stops.
pub(crate) async fn keep_up(cloudtrail: Arc<CloudTrail>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let round = async {
            loop {
                let more = tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => return Ok(()),
                    more = cloudtrail.federate() => more?,
                };
                if !more {
                    return Ok::<(), service::ApiError>(());
                }
            }
        };
        if let Err(error) = worker::aside(round).await {
            tracing::warn!(
                error = error.log.as_deref().unwrap_or(&error.message),
                "a table of an event data store is not up to date; it is tried again"
            );
        }
    }
}
