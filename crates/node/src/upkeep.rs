//! What is done every few seconds: the journal is trimmed and marked for the next start, records and trail changes that wait for it
//! are tried again, the contents of objects that are gone are removed, and lifecycle rules carried out.

use std::sync::Arc;
use std::time::Duration;

use gateway::{Gateway, Recorder};
use journal::{Journal, Seq};
use tokio::sync::watch;
use worker::Crew;

use crate::figures::CrewFigures;
use crate::holds::Holds;
use crate::tenants::Tenants;

/// How often.
const INTERVAL: Duration = Duration::from_secs(5);

/// Throttled calls are summed up in a record every so many rounds: once a minute.
const SUMMARY_ROUNDS: u32 = 12;
/// After so many entries the journal is told which calls are open: a start after a crash reads this much, and a few seconds' worth.
const MARK_ENTRIES: u64 = 65_536;

/// See the module.
pub(crate) struct Upkeep {
    pub gateway: Arc<Gateway>,
    pub lag: Arc<CrewFigures>,
    pub journal: Arc<dyn Journal>,
    pub crew: Arc<Crew>,
    pub recorder: Arc<Recorder>,
    pub s3: Arc<s3::S3>,
    pub holds: Arc<Holds>,
    pub tenants: Arc<Tenants>,
    pub sts: Arc<sts::Sts>,
    pub sign_in: Arc<signin::SignIn>,
    pub clock: Arc<dyn base::Clock>,
    pub organizations: Arc<organizations::Organizations>,
}

impl Upkeep {
    /// Until the node stops.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut round = 0_u32;
        let mut marked = self.journal.durable_end();
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            if let Err(error) = self.recorder.write_unwritten().await {
                tracing::warn!(%error, "records still wait for the journal");
            }
            for tenant in self.tenants.all() {
                if let Err(error) = tenant.cloudtrail.catch_up().await {
                    tracing::warn!(%error, account = %tenant.account, "changes of trails still wait for the journal");
                }
            }
            if let Err(error) = self.organizations.catch_up().await {
                tracing::warn!(%error, "new accounts are still not ready");
            }
            self.lag.sample();
            if let Err(error) = self.recorder.probe().await {
                tracing::warn!(%error, "the journal still takes no records");
            }
            round = round.wrapping_add(1);
            if round.is_multiple_of(SUMMARY_ROUNDS)
                && let Err(error) = self.gateway.record_throttled().await
            {
                tracing::warn!(%error, "throttled calls could not be summed up in a record");
            }
            if round.is_multiple_of(SUMMARY_ROUNDS) {
                self.keep_identities().await;
            }
            self.mark(&mut marked).await;
            // A backup copies files: what is to go waits until it is done.
            let Some(_round) = self.holds.round() else { continue };
            self.trim().await;
            if let Err(error) = self.s3.collect_garbage().await {
                tracing::warn!(%error, "contents of objects that are gone could not be removed");
            }
            if let Err(error) = self.s3.run_lifecycle().await {
                tracing::warn!(%error, "lifecycle rules could not be carried out");
            }
        }
    }

    /// What is due for keys, sessions and what IAM notes of their use.
    async fn keep_identities(&self) {
        for tenant in self.tenants.all() {
            tenant.kms.round().await;
            tenant.sns.round().await;
            if let Err(error) = tenant.sqs.round().await {
                tracing::warn!(error = error.log.unwrap_or(error.message), "what is old in queues is deleted later");
            }
            if let Err(error) = tenant.sqs.measure().await {
                tracing::warn!(%error, account = %tenant.account, "a minute of the metrics of queues is missing");
            }
            if let Err(error) = tenant.sns.measure().await {
                tracing::warn!(%error, account = %tenant.account, "a minute of the metrics of topics is missing");
            }
            if let Err(error) = tenant.iam.flush_uses().await {
                tracing::warn!(%error, account = %tenant.account, "when keys were used last could not be written");
            }
        }
        if let Err(error) = self.sts.sweep(self.clock.now()).await {
            tracing::warn!(%error, "sessions that are over could not be removed");
        }
        if let Err(error) = self.sign_in.sweep(self.clock.now()).await {
            tracing::warn!(%error, "who is no longer signed in could not be forgotten");
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
        let trimmed = worker::blocking(move || journal.trim(needed)).await;
        match trimmed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the journal could not be trimmed"),
            Err(error) => tracing::error!(%error, "trimming the journal ended badly"),
        }
    }
}
