//! The server as its operator sees it: what the service `cairn` is given.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use base::Env;
use bytes::{Bytes, BytesMut};
use cloudtrail::CloudTrail;
use futures_util::stream;
use journal::{Journal, ReadLimit, Seq};
use ports::{ConsumerProgress, Flushed, Operator, RecordLines, Unavailable, WaitingTrail};
use tokio::sync::watch;
use worker::{Crew, EntryKind};

/// How long a flush waits for access logs.
const ACCESS_LOGS_WAIT: Duration = Duration::from_secs(30);

/// See the module.
pub struct ServerOperator {
    pub env: Env,
    pub journal: Arc<dyn Journal>,
    pub cloudtrail: Arc<CloudTrail>,
    pub s3: Arc<s3::S3>,
    /// Set once the consumers run.
    pub crew: OnceLock<Arc<Crew>>,
    pub stop: watch::Receiver<bool>,
    pub started_ms: u64,
}

#[async_trait]
impl Operator for ServerOperator {
    async fn flush(&self) -> Result<Flushed, Unavailable> {
        let report = self.cloudtrail.flush(true).await.map_err(|error| Unavailable(error.to_string()))?;
        self.flush_access_logs().await?;
        Ok(Flushed {
            cut: report.cut.get(),
            files_delivered: report.files_delivered,
            trails_waiting: report.failed.into_iter().map(|(trail, why)| WaitingTrail { trail, why }).collect(),
        })
    }

    fn tail(&self, after: Option<u64>) -> RecordLines {
        let from = after.map_or_else(|| self.journal.durable_end(), |after| Seq::new(after).next());
        let tail =
            Tail { journal: Arc::clone(&self.journal), at: from.max(self.journal.first()), stop: self.stop.clone() };
        Box::pin(stream::unfold(tail, |mut tail| async move {
            let lines = tail.next().await?;
            Some((lines, tail))
        }))
    }

    fn consumers(&self) -> Vec<ConsumerProgress> {
        let end = self.journal_end();
        let status = self.crew.get().map(|crew| crew.status()).unwrap_or_default();
        let progress = status.into_iter().map(|consumer| ConsumerProgress {
            name: consumer.name.to_owned(),
            cursor: consumer.cursor.get(),
            lag: end.saturating_sub(consumer.cursor.get()),
            failure: consumer.failure,
        });
        progress.collect()
    }

    fn journal_end(&self) -> u64 {
        self.journal.durable_end().get()
    }

    fn uptime_ms(&self) -> u64 {
        self.env.clock.monotonic_ms().saturating_sub(self.started_ms)
    }
}

impl ServerOperator {
    async fn flush_access_logs(&self) -> Result<(), Unavailable> {
        let flushed = tokio::time::timeout(ACCESS_LOGS_WAIT, self.s3.flush_access_logs()).await;
        let late = |_| Unavailable("the access logs did not reach the end of the journal in time".to_owned());
        flushed.map_err(late)?.map_err(|error| Unavailable(error.to_string()))
    }
}

struct Tail {
    journal: Arc<dyn Journal>,
    at: Seq,
    stop: watch::Receiver<bool>,
}

impl Tail {
    /// The next records; `None` when the server stops or the journal fails.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                () = self.journal.wait_for(self.at) => {}
                _ = self.stop.wait_for(|stop| *stop) => return None,
            }
            let entries = match self.journal.read(self.at, ReadLimit::default()) {
                Ok(entries) => entries,
                Err(error) => {
                    tracing::warn!(%error, "a tail ends");
                    return None;
                }
            };
            self.at = entries.last()?.seq.next();
            let mut lines = BytesMut::new();
            for entry in &entries {
                if let Ok(EntryKind::Finish { record, .. }) = EntryKind::read(entry) {
                    lines.extend_from_slice(&record);
                    lines.extend_from_slice(b"\n");
                }
            }
            if !lines.is_empty() {
                return Some(lines.freeze());
            }
        }
    }
}
