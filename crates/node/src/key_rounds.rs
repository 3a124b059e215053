//! Background work of KMS: keys deleted, material replaced and dropped when it is due.

use std::sync::Arc;
use std::time::Duration;

use kms::Kms;
use tokio::sync::watch;

use crate::rounds;

/// How often it is asked what is due. Everything is due at days' distance.
const INTERVAL: Duration = Duration::from_secs(60);

/// Until the node stops.
pub(crate) async fn keep_up(kms: Arc<Kms>, stop: watch::Receiver<bool>) {
    let round = || async {
        kms.round().await;
        Ok::<bool, std::convert::Infallible>(false)
    };
    rounds::keep_up(INTERVAL, stop, round, |never| match never {}).await;
}
