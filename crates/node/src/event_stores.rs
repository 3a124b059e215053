//! Background work of the event stores, beside everything else: small parts become large ones, old ones go. A merge takes long, so it
//! waits for nobody, nobody waits for it, and it is broken off when the node stops.

use std::sync::Arc;
use std::time::Duration;

use eventstore::Stores;
use tokio::sync::watch;

/// How often it is asked what is due.
const INTERVAL: Duration = Duration::from_secs(5);

/// Until the node stops.
pub(crate) async fn keep_up(stores: Arc<Stores>, mut stop: watch::Receiver<bool>) {
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
                    more = stores.upkeep() => more?,
                };
                if !more {
                    return Ok::<(), ports::Unavailable>(());
                }
            }
        };
        if let Err(error) = worker::aside(round).await {
            tracing::warn!(%error, "the event stores could not be kept in order; it is tried again");
        }
    }
}
