//! The server as its operator sees it: what the service `cairn` is given.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use base::Env;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use gateway::Recorder;
use journal::{Journal, ReadLimit, Seq};
use ports::{
    ConsumerProgress, EventStoreStatus, EventStores, Flushed, FollowStatus, JournalStatus, Operator, RecordLines,
    RecordingStatus, TrailBacklog, TrailValidation, Unavailable, WaitingTrail,
};
use state::{FileCopy, State};
use tokio::sync::watch;
use worker::{Crew, EntryKind};

use crate::follow::Followed;
use crate::holds::{Hold, Holds};
use crate::tenants::{Tenant, Tenants};
use crate::validation::Results;

/// How long a flush waits for access logs.
const ACCESS_LOGS_WAIT: Duration = Duration::from_secs(30);

/// See the module.
pub struct ServerOperator {
    pub env: Env,
    pub journal: Arc<dyn Journal>,
    pub tenants: Arc<Tenants>,
    pub s3: Arc<s3::S3>,
    /// Set once the consumers run.
    pub crew: OnceLock<Arc<Crew>>,
    /// Set once calls are taken.
    pub recorder: OnceLock<Arc<Recorder>>,
    pub account: Arc<str>,
    pub state: Arc<dyn State>,
    pub holds: Arc<Holds>,
    pub validation: Arc<Results>,
    pub event_stores: Option<Arc<eventstore::Stores>>,
    pub followed: Arc<Followed>,
    pub stop: watch::Receiver<bool>,
    pub started_ms: u64,
}

/// The first event after some other entries is looked for in so many.
const TIME_LIMIT: ReadLimit = ReadLimit { max_bytes: 64 << 10, max_entries: 16 };
/// Event stores that a status shows.
const EVENT_STORES_SHOWN: usize = 100;
/// How often a hold says that it goes on.
const HOLD_BEAT: Duration = Duration::from_secs(1);
/// A hold ends after so many beats, a day, so that one that was forgotten does not fill the disk.
const HOLD_BEATS_MAX: u32 = 24 * 3600;

#[async_trait]
impl Operator for ServerOperator {
    async fn flush(&self) -> Result<Flushed, Unavailable> {
        let flush =
            async |tenant: &Tenant| tenant.cloudtrail.flush(true).await.map_err(|error| Unavailable(error.to_string()));
        let mut report = flush(&self.tenants.first).await?;
        for tenant in self.tenants.all().iter().skip(1) {
            let more = flush(tenant).await?;
            report.files_delivered += more.files_delivered;
            report.failed.extend(more.failed);
        }
        self.flush_access_logs().await?;
        Ok(Flushed {
            cut: report.cut.get(),
            files_delivered: report.files_delivered,
            trails_waiting: report.failed.into_iter().map(|(trail, why)| WaitingTrail { trail, why }).collect(),
        })
    }

    fn tail(&self, after: Option<u64>, positions: bool) -> RecordLines {
        let from = after.map_or_else(|| self.journal.durable_end(), |after| Seq::new(after).next());
        let at = from.max(self.journal.first());
        let tail = Tail { journal: Arc::clone(&self.journal), at, stop: self.stop.clone(), positions };
        let start = Bytes::from(format!("{}\n", at.get().saturating_sub(1)));
        let start = stream::iter(positions.then_some(start));
        Box::pin(start.chain(stream::unfold(tail, |mut tail| async move {
            let lines = tail.next().await?;
            Some((lines, tail))
        })))
    }

    async fn hold_for_backup(&self) -> Result<RecordLines, Unavailable> {
        let hold = self.holds.hold().await;
        // Both at one moment: no cursor in the tables is ahead of the journal's copy, and nothing in that is ahead of the tables but
        // calls that were still running.
        let moment = Arc::new(OnceLock::new());
        let (at, journal) = (Arc::clone(&moment), Arc::clone(&self.journal));
        let copy = self.state.copy(Box::new(move || at.set(journal.chain_head()).expect("a moment comes once"))).await;
        let copy = copy.map_err(|error| Unavailable(format!("{error}: {:?}", std::error::Error::source(&error))))?;
        let head = *moment.get().ok_or_else(|| Unavailable("the tables were copied at no moment".to_owned()))?;
        let first_line = serde_json::json!({
            "Account": self.account.as_ref(),
            "JournalFirst": self.journal.first().get(),
            "JournalEnd": head.seq.next().get(),
            "JournalHead": base::ids::hex(&head.hash),
            "Tables": copy.path().file_name().map(|name| name.to_string_lossy()),
        });
        let held = Held { _hold: hold, _copy: copy, stop: self.stop.clone(), beats: 0 };
        let first_line = stream::iter([Bytes::from(format!("{first_line}\n"))]);
        Ok(Box::pin(first_line.chain(stream::unfold(held, |mut held| async move {
            held.goes_on().await.then_some((Bytes::from_static(b"\n"), held))
        }))))
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

    fn account(&self) -> String {
        self.account.to_string()
    }

    fn recording(&self) -> RecordingStatus {
        let recorder = self.recorder.get();
        RecordingStatus {
            on: recorder.is_some_and(|recorder| recorder.is_on()),
            waiting: recorder.is_some_and(|recorder| recorder.has_backlog()),
        }
    }

    fn journal(&self) -> JournalStatus {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let stats = self.journal.stats();
        JournalStatus {
            first: self.journal.first().get(),
            end: self.journal_end(),
            bytes_on_disk: stats.bytes_on_disk,
            segments: number(stats.segments),
            queue_depth: number(stats.queue_depth),
            commits: stats.commits,
            last_commit_ms: stats.last_commit_ms,
            refused: stats.refused_full + stats.refused_disk,
        }
    }

    async fn event_time(&self, position: u64) -> Option<i64> {
        let journal = Arc::clone(&self.journal);
        let read = tokio::task::spawn_blocking(move || journal.read(Seq::new(position), TIME_LIMIT)).await;
        // What was trimmed meanwhile, or cannot be read, has no time here; consumers report it.
        read.ok()?.ok()?.iter().find_map(|entry| match EntryKind::read(entry) {
            Ok(EntryKind::Finish { record, .. } | EntryKind::Begin { record }) => {
                record::RecordView::parse(&record).ok()?.event_time().map(|time| time.ms())
            }
            _ => None,
        })
    }

    async fn backlogs(&self) -> Result<Vec<TrailBacklog>, Unavailable> {
        let backlogs =
            self.tenants.first.cloudtrail.backlogs().await.map_err(|error| Unavailable(error.to_string()))?;
        let backlogs = backlogs.into_iter().map(|(trail, (files, oldest_ms))| TrailBacklog { trail, files, oldest_ms });
        Ok(backlogs.collect())
    }

    fn validation(&self) -> Vec<TrailValidation> {
        self.validation.all()
    }

    fn event_stores(&self) -> Vec<EventStoreStatus> {
        let Some(stores) = &self.event_stores else { return Vec::new() };
        let status = stores.stores().into_iter().filter_map(|store| {
            let stats = stores.stats(&store)?;
            Some(EventStoreStatus {
                store: store.to_string(),
                records: stats.rows,
                stored_bytes: stats.stored_bytes,
                json_bytes: stats.json_bytes,
                oldest_ms: stats.oldest_ms,
                newest_ms: stats.newest_ms,
            })
        });
        status.take(EVENT_STORES_SHOWN).collect()
    }

    fn follows(&self) -> Vec<FollowStatus> {
        self.followed.all()
    }

    fn journal_end(&self) -> u64 {
        self.journal.durable_end().get()
    }

    fn uptime_ms(&self) -> u64 {
        self.env.clock.monotonic_ms().saturating_sub(self.started_ms)
    }
}

/// A hold that somebody reads.
struct Held {
    _hold: Hold,
    _copy: FileCopy,
    stop: watch::Receiver<bool>,
    beats: u32,
}

impl Held {
    /// Waits for the next beat; false when the hold is over.
    async fn goes_on(&mut self) -> bool {
        self.beats += 1;
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => false,
            () = tokio::time::sleep(HOLD_BEAT) => self.beats < HOLD_BEATS_MAX,
        }
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
    positions: bool,
}

impl Tail {
    /// The next lines; `None` when the server stops or the journal fails.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => return None,
                () = self.journal.wait_for(self.at) => {}
            }
            let entries = match self.journal.read(self.at, ReadLimit::default()) {
                Ok(entries) => entries,
                Err(error) => {
                    tracing::warn!(%error, "a tail ends");
                    return None;
                }
            };
            let last = entries.last()?.seq;
            self.at = last.next();
            let mut lines = BytesMut::new();
            let mut told = None;
            for entry in &entries {
                if let Ok(EntryKind::Finish { record, .. }) = EntryKind::read(entry) {
                    if self.positions {
                        lines.extend_from_slice(format!("{}\t", entry.seq).as_bytes());
                    }
                    lines.extend_from_slice(&record);
                    lines.extend_from_slice(b"\n");
                    told = Some(entry.seq);
                }
            }
            if self.positions && told != Some(last) {
                lines.extend_from_slice(format!("{last}\n").as_bytes());
            }
            if !lines.is_empty() {
                return Some(lines.freeze());
            }
        }
    }
}
