//! [`TrailWorker`]: puts one trail's finished log files into their bucket, in order, then its digests. A trail whose bucket is
//! gone or refuses holds up no other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ports::{BucketError, Notice, ServicePut};
use state::{Expect, Range};
use tokio::sync::{Mutex, Notify};

use super::outbox::{OutboxFile, Status, log_key};
use crate::figures::TrailFigures;
use crate::rows::{self, CHAIN_ENDS, DELIVERED, Found, OUTBOX, STATUS};
use crate::shared::Shared;
use crate::watch::{on_behalf, topic_arn};

/// The principal whose permission a bucket's policy must give.
pub const PRINCIPAL: &str = "cloudtrail.amazonaws.com";
/// The canned ACL that bucket policies for CloudTrail demand.
pub const ACL: &str = "bucket-owner-full-control";

/// The pause after a failure; each further failure doubles it.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// The longest pause.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// The longest sleep before the clock is looked at again for a digest that is due.
const DUE_CHECK: Duration = Duration::from_secs(1);
/// A clock that goes back by less is only being corrected.
const CLOCK_STEP_MS: i64 = 1_000;
/// No log file is larger, compressed: a file is finished at 32 MiB uncompressed, give or take one record.
const CONTENT_BYTES_MAX: usize = 128 << 20;
/// Outbox rows read at a time.
const PAGE: usize = 16;

/// Why a round could not be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// The bucket did not take part; its owner can do something about it.
    Bucket(BucketError),
    /// Something of ours failed; for the log.
    Own(String),
}

impl std::fmt::Display for Stuck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stuck::Bucket(error) => write!(f, "{error}"),
            Stuck::Own(why) => f.write_str(why),
        }
    }
}

impl Stuck {
    pub(crate) fn own(error: impl std::fmt::Display) -> Stuck {
        Stuck::Own(error.to_string())
    }
}

/// Which digests a round writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digests {
    /// Those whose time has come.
    Due,
    /// One now, for everything delivered.
    Now,
}

/// See the module.
pub struct TrailWorker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) arn: String,
    /// One round at a time: files and digests go out in order.
    turn: Mutex<()>,
    wake: Notify,
    /// Woken since the last look: then it has something to do.
    woken: AtomicBool,
    end: Notify,
    stopped: AtomicBool,
    pub(crate) figures: Arc<TrailFigures>,
    /// When the next digest is due, in milliseconds; as far as the last round knew.
    pub(crate) due_ms: AtomicI64,
}

impl TrailWorker {
    /// A worker that does nothing until it is run or asked.
    pub fn new(shared: Arc<Shared>, arn: &str) -> TrailWorker {
        let figures = shared.figures_of(arn);
        TrailWorker {
            shared,
            arn: arn.to_owned(),
            turn: Mutex::default(),
            wake: Notify::new(),
            woken: AtomicBool::new(false),
            end: Notify::new(),
            figures,
            stopped: AtomicBool::new(false),
            due_ms: AtomicI64::new(i64::MAX),
        }
    }

    /// There is something to do. See [`Shared::wake`] for a trail whose worker may be about to go.
    pub fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Whether it was woken since it last looked for something to do.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// Ends [`TrailWorker::run`] after what it is doing.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake.notify_one();
        self.end.notify_one();
    }

    /// Works until it is stopped or has nothing more to do for a trail that is gone.
    pub async fn run(self: Arc<Self>) {
        let mut backoff = BACKOFF_FIRST;
        while !self.stopped.load(Ordering::Acquire) {
            self.woken.store(false, Ordering::Release);
            match self.round(Digests::Due).await {
                Ok(()) => backoff = BACKOFF_FIRST,
                Err(stuck) => {
                    tracing::warn!(trail = self.arn, ?stuck, "delivery of a trail is stuck and will try again");
                    tokio::select! {
                        biased;
                        () = self.end.notified() => {}
                        () = tokio::time::sleep(backoff) => {}
                    }
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                    continue;
                }
            }
            match self.shared.trail(&self.arn) {
                Some(trail) if trail.digests.is_some() => self.woken_or_due().await,
                Some(_) => self.wake.notified().await,
                None if self.shared.retire(&self) => return,
                None => {}
            }
        }
    }

    /// Returns when it was woken, a digest is due, or the clock was set back, so that who knows what is due.
    async fn woken_or_due(&self) {
        let mut seen = self.shared.env.clock.now();
        while tokio::time::timeout(DUE_CHECK, self.wake.notified()).await.is_err() {
            let now = self.shared.env.clock.now();
            if now.ms() >= self.due_ms.load(Ordering::Acquire) || now.plus_ms(CLOCK_STEP_MS) < seen {
                return;
            }
            seen = now;
        }
    }

    /// Puts what waits into the bucket, ends chains that must end, writes digests.
    pub async fn round(&self, digests: Digests) -> Result<(), Stuck> {
        let _turn = self.turn.lock().await;
        self.record_what_was_given_up().await?;
        match self.upload().await {
            Ok(()) => self.end_chains().await?,
            // A bucket may refuse log files and take digests: these say what was delivered, and when, all the same.
            Err(stuck @ Stuck::Bucket(_)) => {
                self.write_digests(digests).await?;
                return Err(stuck);
            }
            Err(stuck) => return Err(stuck),
        }
        self.write_digests(digests).await
    }

    /// Like a round without digests; failures stay in the outbox.
    pub async fn upload_all(&self) {
        let _turn = self.turn.lock().await;
        let done = async {
            self.record_what_was_given_up().await?;
            self.upload().await?;
            self.end_chains().await
        };
        if let Err(stuck) = done.await {
            tracing::warn!(trail = self.arn, ?stuck, "log files wait in the outbox");
        }
    }

    /// Whether files before `seq`, or the ends of chains, still wait.
    pub async fn waits(&self, seq: u64) -> Result<bool, Stuck> {
        let prefix = state::key::key(&[self.arn.as_str()]);
        let range = Range::prefix(prefix.clone());
        let first = self.shared.state.scan(OUTBOX, range.clone(), 1).await.map_err(Stuck::own)?;
        let first: Option<OutboxFile> =
            first.first().map(|row| rows::read(OUTBOX, row)).transpose().map_err(Stuck::own)?;
        if first.is_some_and(|file| file.first_seq < seq) {
            return Ok(true);
        }
        Ok(!self.shared.state.scan(CHAIN_ENDS, range, 1).await.map_err(Stuck::own)?.is_empty())
    }

    /// Puts every waiting file. A bucket that refuses one is left alone with the others: it holds up no other bucket, in which the
    /// trail may have had files before or after.
    pub(crate) async fn upload(&self) -> Result<(), Stuck> {
        let mut refused: BTreeMap<String, BucketError> = BTreeMap::new();
        let mut range = Range::prefix(state::key::key(&[self.arn.as_str()]));
        let mut oldest_ms = None;
        loop {
            let page = self.shared.state.scan(OUTBOX, range.clone(), PAGE).await.map_err(Stuck::own)?;
            let Some(last) = page.last().map(|row| row.key.clone()) else { break };
            for row in page {
                let file: OutboxFile = rows::read(OUTBOX, &row).map_err(Stuck::own)?;
                let cut_ms = file.cut_ms;
                let today = self.moved(&file).map_or_else(|| file.bucket.clone(), |moved| moved.bucket);
                if !(refused.contains_key(&file.bucket) && refused.contains_key(&today)) {
                    match self.upload_one(Found { value: file, rev: row.rev }).await? {
                        None => continue,
                        Some((bucket, error)) => drop(refused.insert(bucket, error)),
                    }
                }
                oldest_ms = oldest_ms.or(Some(cut_ms));
                self.figures.oldest(oldest_ms);
            }
            range = range.after(last);
        }
        self.figures.oldest(oldest_ms);
        let Some(error) = refused.values().next().cloned() else { return Ok(()) };
        self.give_up_old_files(&refused).await?;
        Err(Stuck::Bucket(error))
    }

    /// Puts one file. Returns the bucket that refused it, and why.
    async fn upload_one(&self, mut file: Found<OutboxFile>) -> Result<Option<(String, BucketError)>, Stuck> {
        let content = self.shared.objects.get(&file.value.object, None).await.map_err(Stuck::own)?;
        let gzip = content.bytes(CONTENT_BYTES_MAX).await.map_err(Stuck::own)?;
        let put = |file: &OutboxFile| {
            let place = (file.bucket.as_str(), file.key.as_str());
            self.service_put(place, gzip.clone(), Vec::new(), file.kms_key.as_deref())
        };
        let mut outcome = self.shared.buckets.put(put(&file.value)).await;
        if let Err(BucketError::AccessDenied | BucketError::Kms(_)) = outcome {
            // An earlier put may have been done though its answer was lost. Then the file is where it belongs.
            let there = self.shared.buckets.get(&file.value.bucket, &file.value.key).await;
            if there.is_ok_and(|(body, _)| body == gzip) {
                outcome = Ok(());
            }
        }
        if let Err(BucketError::NoSuchBucket | BucketError::AccessDenied | BucketError::Kms(_)) = outcome
            && let Some(moved) = self.moved(&file.value)
        {
            // It is certainly not in the old bucket, and the trail has another by now. Written down first: after a crash the file
            // must not be put into a third.
            let op = rows::put(OUTBOX, moved.row_key(), &moved, Expect::Rev(file.rev));
            let rev = self.shared.state.commit(vec![op]).await.map_err(Stuck::own)?.revs[0];
            file = Found { value: moved, rev };
            outcome = self.shared.buckets.put(put(&file.value)).await;
        }
        if let Err(error) = outcome {
            self.note("delivery", &error).await?;
            return Ok(Some((file.value.bucket, error)));
        }
        let status = Status::delivered(self.shared.env.clock.now());
        let notified = self.notify(&file.value).await?;
        let mut ops = vec![
            rows::delete(OUTBOX, file.value.row_key(), Expect::Rev(file.rev)),
            rows::put(STATUS, self.status_key("delivery"), &status, Expect::Any),
        ];
        ops.extend(notified.map(|status| rows::put(STATUS, self.status_key("notification"), &status, Expect::Any)));
        if let Some(delivered) = file.value.delivered() {
            ops.push(rows::put(DELIVERED, file.value.delivered_key(), &delivered, Expect::Absent));
        }
        if let Err(error) = self.shared.state.commit(ops).await {
            // Perhaps it was made all the same. Then no row names the content any more.
            self.shared.untidy.store(true, Ordering::Release);
            return Err(Stuck::own(error));
        }
        self.shared.files_delivered.fetch_add(1, Ordering::Relaxed);
        self.figures.waiting.fetch_sub(1, Ordering::Relaxed);
        self.figures.files.fetch_add(1, Ordering::Relaxed);
        self.figures.delivered.fetch_add(file.value.records, Ordering::Relaxed);
        // Should this fail, delivery's next sweep removes it.
        if let Err(error) = self.shared.objects.delete(&file.value.object).await {
            self.shared.untidy.store(true, Ordering::Release);
            tracing::warn!(%error, object = file.value.object, "a delivered log file stays in the outbox");
        }
        Ok(None)
    }

    /// Tells the trail's topic, if it has one, of a log file that is in its bucket. Told before that is written down: after a crash it is told
    /// again, which the topic knows by the file's key. A topic that refuses is not asked again for this file. Source: CloudTrail user
    /// guide, "Configuring Amazon SNS notifications for CloudTrail".
    async fn notify(&self, file: &OutboxFile) -> Result<Option<Status>, Stuck> {
        let trail = self.shared.trail(&self.arn);
        let topic_arn = trail.as_ref().and_then(|trail| topic_arn(trail, &self.shared.account));
        let (Some(topic_arn), Some(topics)) = (topic_arn, &self.shared.watch.topics) else { return Ok(None) };
        let message = serde_json::json!({"s3Bucket": file.bucket, "s3ObjectKey": [file.key]}).to_string();
        let notice = Notice {
            by: on_behalf(&self.arn, &self.shared.account),
            topic_arn,
            subject: None,
            message,
            attributes: Vec::new(),
            once: Some(format!("{}/{}", file.bucket, file.key)),
        };
        let now = self.shared.env.clock.now();
        Ok(Some(match topics.publish(notice).await {
            Ok(_) => Status::delivered(now),
            Err(error) => {
                tracing::warn!(trail = self.arn, %error, "a topic was not told of a log file");
                let key = self.status_key("notification");
                let found: Option<Found<Status>> =
                    rows::get(&*self.shared.state, STATUS, &key).await.map_err(Stuck::own)?;
                let before = found.map(|found| found.value).unwrap_or_default();
                Status { attempted_ms: Some(now.ms()), error: Some(error.to_string()), ..before }
            }
        }))
    }

    /// Where the file would go today, if that is elsewhere.
    fn moved(&self, file: &OutboxFile) -> Option<OutboxFile> {
        let trail = self.shared.trail(&self.arn)?;
        let cut = base::Timestamp::from_ms(file.cut_ms);
        let key = log_key(&trail, &self.shared.account, file.lane(), file.first_seq, cut);
        let elsewhere = trail.bucket != file.bucket || key != file.key;
        elsewhere.then(|| OutboxFile { bucket: trail.bucket.clone(), key, ..file.clone() })
    }

    /// An object as CloudTrail writes it: bucket and key, content, metadata. It is encrypted under the key of KMS that the trail has
    /// now; under `kms_key` if the trail is gone.
    pub(crate) fn service_put(
        &self,
        (bucket, key): (&str, &str),
        gzip: Bytes,
        metadata: Vec<(String, String)>,
        kms_key: Option<&str>,
    ) -> ServicePut {
        let kms_key = match self.shared.trail(&self.arn) {
            Some(trail) => trail.kms_key.clone(),
            None => kms_key.map(str::to_owned),
        };
        ServicePut {
            principal: PRINCIPAL.to_owned(),
            source_arn: self.arn.clone(),
            source_account: self.shared.account.to_string(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            body: gzip,
            acl: ACL.to_owned(),
            content_type: Some("application/json".to_owned()),
            content_encoding: Some("gzip".to_owned()),
            metadata,
            kms_key,
        }
    }

    pub(crate) fn status_key(&self, what: &str) -> Vec<u8> {
        state::key::key(&[self.arn.as_str(), what])
    }

    /// Writes down that an attempt failed.
    pub(crate) async fn note(&self, what: &str, error: &BucketError) -> Result<Status, Stuck> {
        let key = self.status_key(what);
        let found: Option<Found<Status>> = rows::get(&*self.shared.state, STATUS, &key).await.map_err(Stuck::own)?;
        let status = found.map(|found| found.value).unwrap_or_default();
        let status = status.refused(self.shared.env.clock.now(), error.code());
        self.shared.state.commit(vec![rows::put(STATUS, key, &status, Expect::Any)]).await.map_err(Stuck::own)?;
        self.figures.failed(error.code());
        Ok(status)
    }
}
