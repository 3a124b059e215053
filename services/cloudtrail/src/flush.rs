//! [`CloudTrail::flush`]: log files now instead of at the end of the interval. Behind the command `cairn flush`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use journal::Seq;
use service::ApiError;

use crate::CloudTrail;
use crate::delivery::consumer::FLUSH_TOPIC;
use crate::delivery::worker::{Digests, TrailWorker};

/// How long a flush waits for delivery to reach its place in the journal, and then for the buckets.
const FLUSH_WAIT: Duration = Duration::from_secs(30);
/// What a flush did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlushReport {
    /// Every record before this place in the journal is in a finished log file of each trail that selects it.
    pub cut: Seq,
    /// Log files put into buckets meanwhile.
    pub files_delivered: u64,
    /// Trails whose files still wait: ARN and reason.
    pub failed: Vec<(String, String)>,
}

impl CloudTrail {
    /// Cuts all log files at the journal's present end, puts them into their buckets, and writes digests if `digests` is set.
    /// Waits for that, at most a minute; what a bucket refuses stays in the outbox and is reported.
    pub async fn flush(&self, digests: bool) -> Result<FlushReport, ApiError> {
        let before = self.shared.files_delivered.load(Ordering::Relaxed);
        let mark = worker::entry::control(FLUSH_TOPIC, b"{}");
        let cut = self.shared.journal.append(vec![mark]).await.map_err(ApiError::unavailable)?;
        let reached = tokio::time::timeout(FLUSH_WAIT, self.shared.delivery_reaches(cut.next())).await;
        reached.map_err(|_| ApiError::unavailable("delivery did not reach the end of the journal in time"))?;
        let digests = if digests { Digests::Now } else { Digests::Due };
        let rounds = self.shared.workers().into_iter().map(|worker| flush_one(worker, digests));
        let failed = futures_util::future::join_all(rounds).await.into_iter().flatten().collect();
        let files_delivered = self.shared.files_delivered.load(Ordering::Relaxed) - before;
        Ok(FlushReport { cut, files_delivered, failed })
    }
}

async fn flush_one(worker: Arc<TrailWorker>, digests: Digests) -> Option<(String, String)> {
    match tokio::time::timeout(FLUSH_WAIT, worker.round(digests)).await {
        Ok(Ok(())) => None,
        Ok(Err(stuck)) => Some((worker.arn.clone(), stuck.to_string())),
        Err(_) => Some((worker.arn.clone(), "its bucket did not answer in time".to_owned())),
    }
}
