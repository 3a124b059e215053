//! [`CloudTrail::flush`]: log files now instead of at the end of the interval. Behind the command `cairn flush`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use journal::Seq;
use service::ApiError;
use state::Range;

use crate::CloudTrail;
use crate::delivery::consumer::FLUSH_TOPIC;
use crate::delivery::outbox::OutboxFile;
use crate::delivery::worker::{Digests, TrailWorker};
use crate::rows::{self, OUTBOX};

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
    /// Trails with log files that are not in their bucket yet, by ARN: how many, and when the oldest was finished.
    pub async fn backlogs(&self) -> Result<BTreeMap<String, (u64, i64)>, ApiError> {
        let mut backlogs: BTreeMap<String, (u64, i64)> = BTreeMap::new();
        let scan = state::scan_all(&*self.shared.state, OUTBOX, Range::all(), |row| {
            let file: OutboxFile = rows::read(OUTBOX, &row)?;
            let (files, oldest_ms) = backlogs.entry(file.arn).or_insert((0, file.cut_ms));
            *files += 1;
            *oldest_ms = file.cut_ms.min(*oldest_ms);
            Ok::<bool, state::Error>(true)
        });
        scan.await.map_err(ApiError::unavailable)?;
        Ok(backlogs)
    }

    /// Cuts all log files at the journal's present end, puts them into their buckets, and writes digests if `digests` is set.
    /// Waits for that, at most a minute; what a bucket refuses stays in the outbox and is reported.
    pub async fn flush(&self, digests: bool) -> Result<FlushReport, ApiError> {
        let before = self.shared.files_delivered.load(Ordering::Relaxed);
        self.follow_members().await?;
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
