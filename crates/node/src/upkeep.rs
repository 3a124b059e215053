//! What is done every few seconds: the journal is trimmed, records and trail changes that wait for it are tried again, and the contents of
//! objects that are gone are removed.

use std::sync::Arc;
use std::time::Duration;

use gateway::Recorder;
use journal::Journal;
use tokio::sync::watch;
use worker::Crew;

/// How often.
const INTERVAL: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct Upkeep {
    pub journal: Arc<dyn Journal>,
    pub crew: Arc<Crew>,
    pub recorder: Arc<Recorder>,
    pub s3: Arc<s3::S3>,
    pub cloudtrail: Arc<cloudtrail::CloudTrail>,
}

impl Upkeep {
    /// Until the node stops.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            if let Err(error) = self.recorder.write_unwritten().await {
                tracing::warn!(%error, "records still wait for the journal");
            }
            if let Err(error) = self.cloudtrail.catch_up().await {
                tracing::warn!(%error, "changes of trails still wait for the journal");
            }
            self.trim().await;
            if let Err(error) = self.s3.collect_garbage().await {
                tracing::warn!(%error, "contents of objects that are gone could not be removed");
            }
        }
    }

    async fn trim(&self) {
        let needed = [self.crew.needed(), self.recorder.oldest_open()].into_iter().flatten().min();
        let Some(needed) = needed else { return };
        let journal = Arc::clone(&self.journal);
        let trimmed = worker::blocking(move || journal.trim(needed)).await;
        match trimmed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the journal could not be trimmed"),
            Err(error) => tracing::error!(%error, "trimming the journal ended badly"),
        }
    }
}
