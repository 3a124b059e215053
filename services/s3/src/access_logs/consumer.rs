//! [`AccessLogs`]: reads the journal and writes log objects. Lines wait in memory until they are old or many enough; the place in the
//! journal is stored once they are in their buckets. After a crash the same lines are made again, into objects of the same names.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use base::Timestamp;
use journal::{Entry, Journal, Seq};
use ports::{BucketError, Buckets};
use serde::{Deserialize, Serialize};
use service::ApiError;
use sha2::Digest as _;
use state::{Expect, Op};
use tokio::sync::watch;
use worker::{Consumer, EntryKind, Failure};

use super::line::Record;
use super::{CHANGE_TOPIC, Change, FLUSH_TOPIC, PRINCIPAL, Source};
use crate::error::state_failed;
use crate::{S3, to_json};

/// The consumer's name.
const NAME: &str = "access-logs";
/// Its one row.
const TABLE: state::Table = "s3/access_logs";
const KEY: &[u8] = b"progress";
/// How long lines wait for more, by the times of the records.
const WAIT_MS: i64 = 5 * 60_000;
/// How many bytes of lines wait, of all buckets together.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// What is stored: everything before `next` is in log objects.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    v: u8,
    next: u64,
    sources: BTreeMap<String, Source>,
}

/// Lines that wait, of one bucket (and of one day, where keys have the day).
struct Open {
    source: Source,
    bucket: String,
    /// The journal's place of the first line: with the bucket, it names the object for ever.
    first_seq: Seq,
    first_ms: i64,
    lines: String,
}

/// See the module.
pub struct AccessLogs {
    s3: Arc<S3>,
    model: Arc<model::Model>,
    sources: BTreeMap<String, Source>,
    open: BTreeMap<(String, i64), Open>,
    open_bytes: usize,
    /// The next entry to take.
    next: Seq,
    flushed: watch::Sender<u64>,
}

impl S3 {
    /// What makes access logs of the journal's records.
    pub async fn access_logs(self: &Arc<S3>, journal: &Arc<dyn Journal>) -> Result<AccessLogs, ApiError> {
        let row = self.state.get(TABLE, KEY).await.map_err(state_failed)?;
        let progress = match row {
            Some(row) => serde_json::from_slice::<Progress>(&row.value).map_err(ApiError::internal)?,
            None => Progress::default(),
        };
        // What it had taken without effect was not stored, and may be gone.
        let next = Seq::new(progress.next).max(journal.first());
        let model = model::catalog().get("s3").ok_or_else(|| ApiError::internal("there is no model of S3"))?;
        let (open, flushed) = (BTreeMap::new(), self.log_flushes.clone());
        Ok(AccessLogs { s3: Arc::clone(self), model, sources: progress.sources, open, open_bytes: 0, next, flushed })
    }

    /// Writes access logs of all that is recorded now. Waits for that.
    pub async fn flush_access_logs(&self) -> Result<(), ApiError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let mark = worker::entry::control(FLUSH_TOPIC, b"{}");
        let seq = journal.append(vec![mark]).await.map_err(ApiError::unavailable)?;
        let mut flushed = self.log_flushes.subscribe();
        flushed.wait_for(|at| *at >= seq.get()).await.map(|_| ()).map_err(ApiError::unavailable)
    }
}

#[async_trait]
impl Consumer for AccessLogs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn needs(&self) -> Seq {
        self.open.values().map(|open| open.first_seq).min().unwrap_or(self.next)
    }

    async fn take(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        for entry in entries {
            // After a failure the same entries come again; some of them may have been taken.
            if entry.seq >= self.next {
                self.take_one(entry).await?;
                self.next = entry.seq.next();
            }
        }
        Ok(())
    }

    async fn idle(&mut self) -> Result<(), Failure> {
        let now_ms = self.s3.env.clock.now().ms();
        if self.is_due(now_ms) { self.flush().await } else { Ok(()) }
    }
}

impl AccessLogs {
    async fn take_one(&mut self, entry: &Entry) -> Result<(), Failure> {
        if self.sources.is_empty() && entry.kind == worker::entry::FINISH {
            return Ok(());
        }
        match EntryKind::read(entry).map_err(|error| Failure(error.to_string()))? {
            EntryKind::Control(control) if control.topic == CHANGE_TOPIC => {
                let change: Change = serde_json::from_slice(&control.document).map_err(|error| {
                    Failure(format!("the change of logging at {} does not read: {error}", entry.seq))
                })?;
                // What was logged until here goes where it was to go until here.
                self.flush().await?;
                let old = self.sources.clone();
                match change.source {
                    Some(source) => drop(self.sources.insert(change.bucket, source)),
                    None => drop(self.sources.remove(&change.bucket)),
                }
                if let Err(failure) = self.store(entry.seq.next()).await {
                    self.sources = old;
                    return Err(failure);
                }
            }
            EntryKind::Control(control) if control.topic == FLUSH_TOPIC => {
                self.flush().await?;
                self.flushed.send_replace(entry.seq.get());
            }
            EntryKind::Finish { record, .. } => self.take_record(entry, &record).await?,
            EntryKind::Begin { .. } | EntryKind::Control(_) | EntryKind::Data(_) => {}
        }
        Ok(())
    }

    async fn take_record(&mut self, entry: &Entry, record: &[u8]) -> Result<(), Failure> {
        // A record that does not read is another consumer's to complain about.
        let Ok(record) = serde_json::from_slice::<Record>(record) else { return Ok(()) };
        let Some((bucket, source)) = record.bucket().and_then(|bucket| self.sources.get_key_value(bucket)) else {
            return Ok(());
        };
        let time_ms = Timestamp::parse_iso8601(&record.event_time).map_or(0, Timestamp::ms);
        let (bucket, source) = (bucket.clone(), source.clone());
        let aside =
            worker::entry::aside(entry).and_then(|aside| serde_json::from_slice(&aside).ok()).unwrap_or_default();
        let line = record.lines(&source, &self.model, &aside);
        if self.is_due(time_ms) || self.open_bytes + line.len() > WAITING_BYTES_MAX {
            self.flush().await?;
        }
        let day = if source.by_event_day() { time_ms.div_euclid(24 * 3_600_000) } else { 0 };
        self.open_bytes += line.len();
        let open = self.open.entry((bucket.clone(), day)).or_insert_with(|| Open {
            source,
            bucket,
            first_seq: entry.seq,
            first_ms: time_ms,
            lines: String::new(),
        });
        open.lines.push_str(&line);
        Ok(())
    }

    fn is_due(&self, now_ms: i64) -> bool {
        self.open.values().any(|open| now_ms.saturating_sub(open.first_ms) >= WAIT_MS)
    }

    /// Writes what waits, and stores how far that is.
    async fn flush(&mut self) -> Result<(), Failure> {
        if self.open.is_empty() {
            return Ok(());
        }
        for open in self.open.values() {
            let put = open.object();
            let (bucket, key) = (put.bucket.clone(), put.key.clone());
            match self.s3.put(put).await {
                Ok(()) => {}
                Err(BucketError::Unavailable(why)) => {
                    return Err(Failure(format!("writing the access log {key} into {bucket}: {why}")));
                }
                // As on AWS, access logs are lost that their bucket does not take.
                Err(error) => {
                    tracing::warn!(source = open.bucket, bucket, %error, "a bucket does not take access logs; they are lost");
                }
            }
        }
        self.store(self.next).await?;
        self.open.clear();
        self.open_bytes = 0;
        Ok(())
    }

    /// Stores that everything before `next` is done with.
    async fn store(&self, next: Seq) -> Result<(), Failure> {
        let progress = Progress { v: 1, next: next.get(), sources: self.sources.clone() };
        let put = Op::Put { table: TABLE, key: KEY.to_vec(), value: to_json(&progress), expect: Expect::Any };
        let done = self.s3.state.commit(vec![put]).await;
        done.map(|_| ()).map_err(|error| Failure(format!("storing how far access logs are: {error}")))
    }
}

impl Source {
    fn date_source(&self) -> Option<&str> {
        let format = self.logging.target_object_key_format.as_ref()?;
        format.partitioned_prefix.as_ref()?.partition_date_source.as_deref()
    }

    /// Whether a log object has the requests of one day alone.
    fn by_event_day(&self) -> bool {
        self.date_source() == Some("EventTime")
    }
}

impl Open {
    fn object(&self) -> ports::ServicePut {
        let logging = &self.source.logging;
        let time = Timestamp::from_ms(self.first_ms);
        let partition = self.source.date_source().map(|_| {
            let Source { account, region, .. } = &self.source;
            format!("{account}/{region}/{}/{}/", self.bucket, time.ymd_path())
        });
        let digest = sha2::Sha256::digest(format!("{} {} {}", self.bucket, self.first_seq, self.first_ms));
        let unique = base::ids::hex(&digest[..8]).to_ascii_uppercase();
        let day = time.ymd_path().replace('/', "-");
        let clock = if self.source.by_event_day() {
            "00-00-00".to_owned()
        } else {
            let civil = time.civil();
            format!("{:02}-{:02}-{:02}", civil.hour, civil.minute, civil.second)
        };
        let key = format!("{}{}{day}-{clock}-{unique}", logging.target_prefix, partition.unwrap_or_default());
        let partition = base::Region::parse(&self.source.region).unwrap_or(base::Region::US_EAST_1).partition();
        ports::ServicePut {
            principal: PRINCIPAL.to_owned(),
            source_arn: format!("arn:{partition}:s3:::{}", self.bucket),
            source_account: self.source.account.clone(),
            bucket: logging.target_bucket.clone(),
            key,
            body: self.lines.clone().into(),
            acl: "bucket-owner-full-control".to_owned(),
            content_type: Some("text/plain".to_owned()),
            content_encoding: None,
            metadata: Vec::new(),
            kms_key: None,
        }
    }
}
