//! What is done every few seconds: the journal is trimmed and marked for the next start, records that wait for it are tried again,
//! and the contents of objects that are gone are removed.

use std::sync::Arc;
use std::time::Duration;

use gateway::Recorder;
use journal::{Journal, Seq};
use tokio::sync::watch;
use worker::Crew;

/// How often.
const INTERVAL: Duration = Duration::from_secs(5);

/// After so many entries the journal is told which calls are open: a start after a crash reads this much, and a few seconds' worth.
const MARK_ENTRIES: u64 = 65_536;

/// See the module.
pub(crate) struct Upkeep {
    pub journal: Arc<dyn Journal>,
    pub crew: Arc<Crew>,
    pub recorder: Arc<Recorder>,
    pub s3: Arc<s3::S3>,
}

impl Upkeep {
    /// Until the node stops.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut marked = self.journal.durable_end();
        loop {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            if let Err(error) = self.recorder.write_unwritten().await {
                tracing::warn!(%error, "records still wait for the journal");
            }
            self.mark(&mut marked).await;
            self.trim().await;
            if let Err(error) = self.s3.collect_garbage().await {
                tracing::warn!(%error, "contents of objects that are gone could not be removed");
            }
        }
    }

    /// Says where the next start must look for open calls from, if much was written since `marked`.
    async fn mark(&self, marked: &mut Seq) {
        // Before the question which calls are open: a call that begins in between is open, or later than this.
        let end = self.journal.durable_end();
        if !self.recorder.is_on() || end.get().saturating_sub(marked.get()) < MARK_ENTRIES {
            return;
        }
        let from = self.recorder.oldest_open().map_or(end, |open| open.min(end));
        match gateway::mark_open(&self.journal, from).await {
            Ok(()) => *marked = end,
            Err(error) => tracing::warn!(%error, "the journal could not be marked; the next start will take longer"),
        }
    }

    async fn trim(&self) {
        let needed = [self.crew.needed(), self.recorder.oldest_open()].into_iter().flatten().min();
        let Some(needed) = needed else { return };
        let journal = Arc::clone(&self.journal);
        let trimmed = tokio::task::spawn_blocking(move || journal.trim(needed)).await;
        match trimmed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the journal could not be trimmed"),
            Err(error) => tracing::error!(%error, "trimming the journal ended badly"),
        }
    }
}
