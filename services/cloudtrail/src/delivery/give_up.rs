//! Giving up what a bucket has refused for 30 days ([ADR 12](../../../../docs/adr/0012-what-is-given-up-and-what-comes-late.md)),
//! loudly: the loss is an event of its own in the journal, which trails select and LookupEvents finds. Source: CloudTrail user
//! guide, "Getting and viewing your CloudTrail log files", which says that CloudTrail tries for 30 days.
//!
//! ```text
//! commit {outbox rows go, what the event will say} ─ append the event ─ delete contents ─ commit {done}
//! ```
//! After a crash in between, the journal itself says whether the event is in it: the loss is recorded once.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use base::time::DAY_MS;
use base::{Region, Timestamp};
use journal::{ReadLimit, Seq};
use ports::BucketError;
use record::{EventRecord, EventType, RecordView, Resource, UserIdentity};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use state::{Expect, Op, Range};
use worker::EntryKind;

use super::outbox::{Delivered, OutboxFile, Status};
use super::worker::{PRINCIPAL, Stuck, TrailWorker};
use crate::rows::{self, Found, GIVEN_UP, OUTBOX, STATUS};

/// What waits longer, and was tried for as long, is given up.
pub const GIVE_UP_MS: i64 = 30 * DAY_MS;
/// A pause between two attempts counts as at most so much: a clock that jumps, or a server that was off, makes nothing old.
const STEP_MAX_MS: i64 = DAY_MS;
/// After something was given up, the next is at the earliest a day later: one event tells of a day's files.
const SESSION_PAUSE_MS: i64 = DAY_MS;
/// Log files that one event names; further ones are in further events. Some 100 KB of names.
const FILES_MAX: usize = 500;

/// What the event is called.
const EVENT_NAME: &str = "LogFilesNotDelivered";
/// What the event is called if a digest is lost.
const DIGEST_EVENT_NAME: &str = "DigestFileNotDelivered";

impl Status {
    /// After a success.
    pub fn delivered(now: Timestamp) -> Status {
        let now = Some(now.ms());
        Status { version: 1, delivered_ms: now, attempted_ms: now, ..Status::default() }
    }

    /// After a failure.
    pub fn refused(mut self, now: Timestamp, code: &str) -> Status {
        let since = self.attempted_ms.filter(|_| self.error.is_some());
        let step_ms = since.map_or(0, |since| now.ms().saturating_sub(since).clamp(0, STEP_MAX_MS));
        self.version = 1;
        self.refused_ms = if since.is_some() { self.refused_ms.saturating_add(step_ms) } else { 0 };
        self.attempted_ms = Some(now.ms());
        self.error = Some(code.to_owned());
        self
    }

    /// Whether something may be given up that met this error now. What our own storage could not do is never given up, because it may
    /// have been done.
    pub fn may_give_up(&self, error: &BucketError) -> bool {
        self.refused_ms >= GIVE_UP_MS
            && matches!(error, BucketError::NoSuchBucket | BucketError::AccessDenied | BucketError::Kms(_))
    }
}

/// What is lost: what its event will say.
pub(crate) struct Lost {
    event_name: &'static str,
    bucket: String,
    files: Vec<LostFile>,
    digest: Option<String>,
    /// Contents in the object store.
    objects: Vec<String>,
}

struct LostFile {
    key: String,
    sha256_hex: String,
    records: Option<u64>,
    oldest_ms: Option<i64>,
    newest_ms: Option<i64>,
}

/// What was given up and is not in the journal yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct GivenUp {
    version: u32,
    event_id: String,
    /// The event.
    record: String,
    /// Nothing before this place in the journal can be the event.
    from_seq: u64,
    /// Contents to delete.
    objects: Vec<String>,
}

impl Lost {
    /// Log files that were delivered, but whose digest was not: they are in their bucket and no digest names them.
    pub(crate) fn digest(bucket: &str, key: &str, files: &[Delivered]) -> Lost {
        let files = files.iter().map(|file| LostFile {
            key: file.key.clone(),
            sha256_hex: file.sha256_hex.clone(),
            records: None,
            oldest_ms: file.oldest_ms,
            newest_ms: file.newest_ms,
        });
        Lost {
            event_name: DIGEST_EVENT_NAME,
            bucket: bucket.to_owned(),
            files: files.collect(),
            digest: Some(key.to_owned()),
            objects: Vec::new(),
        }
    }

    fn log_files(files: &[OutboxFile]) -> Lost {
        let lost = files.iter().map(|file| LostFile {
            key: file.key.clone(),
            sha256_hex: file.sha256_hex.clone(),
            records: Some(file.records),
            oldest_ms: file.oldest_ms,
            newest_ms: file.newest_ms,
        });
        Lost {
            event_name: EVENT_NAME,
            bucket: files.first().map(|file| file.bucket.clone()).unwrap_or_default(),
            files: lost.collect(),
            digest: None,
            objects: files.iter().map(|file| file.object.clone()).collect(),
        }
    }

    fn details(&self, arn: &str, code: &str) -> serde_json::Value {
        let text = |ms: Option<i64>| ms.map(|ms| Timestamp::from_ms(ms).iso8601_secs());
        let oldest = self.files.iter().filter_map(|file| file.oldest_ms).min();
        let newest = self.files.iter().filter_map(|file| file.newest_ms).max();
        let named = self.files.iter().take(FILES_MAX).map(|file| {
            let mut named = json!({
                "s3Object": file.key, "hashValue": file.sha256_hex,
                "oldestEventTime": text(file.oldest_ms), "newestEventTime": text(file.newest_ms),
            });
            if let Some(records) = file.records {
                named["recordCount"] = records.into();
            }
            named
        });
        let mut details = json!({
            "trailARN": arn, "s3Bucket": self.bucket, "errorCode": code, "logFileCount": self.files.len(),
            "oldestEventTime": text(oldest), "newestEventTime": text(newest), "logFiles": named.collect::<Vec<_>>(),
        });
        if let Some(digest) = &self.digest {
            details["digestS3Object"] = digest.as_str().into();
        } else {
            details["recordCount"] = self.files.iter().filter_map(|file| file.records).sum::<u64>().into();
        }
        details
    }
}

impl TrailWorker {
    /// Whether something of this time has waited long enough.
    pub(crate) fn is_given_up(&self, since_ms: i64) -> bool {
        since_ms.saturating_add(GIVE_UP_MS) <= self.shared.env.clock.now().ms()
    }

    /// Gives up all log files that are too old, of the buckets that refused one a moment ago.
    pub(super) async fn give_up_old_files(&self, refused: &BTreeMap<String, BucketError>) -> Result<(), Stuck> {
        let status: Option<Found<Status>> =
            rows::get(&*self.shared.state, STATUS, &self.status_key("delivery")).await.map_err(Stuck::own)?;
        let Some(Found { value: status, .. }) = status else { return Ok(()) };
        let now_ms = self.shared.env.clock.now().ms();
        let again = status.given_up_ms.is_some_and(|at| at <= now_ms && now_ms.saturating_sub(at) < SESSION_PAUSE_MS);
        if again {
            return Ok(());
        }
        for (bucket, error) in refused.iter().filter(|(_, error)| status.may_give_up(error)) {
            self.give_up_old_files_of(bucket, error, &status).await?;
        }
        Ok(())
    }

    async fn give_up_old_files_of(&self, bucket: &str, error: &BucketError, status: &Status) -> Result<(), Stuck> {
        let now_ms = self.shared.env.clock.now().ms();
        let mut range = Range::prefix(state::key::key(&[self.arn.as_str()]));
        loop {
            let rows = self.shared.state.scan(OUTBOX, range.clone(), FILES_MAX).await.map_err(Stuck::own)?;
            let Some(last) = rows.last().map(|row| row.key.clone()) else { return Ok(()) };
            range = range.after(last);
            let (mut files, mut ops): (Vec<OutboxFile>, Vec<Op>) = (Vec::new(), Vec::new());
            for row in rows {
                let file: OutboxFile = rows::read(OUTBOX, &row).map_err(Stuck::own)?;
                if file.bucket == bucket && self.is_given_up(file.cut_ms) {
                    files.push(file);
                    ops.push(rows::delete(OUTBOX, row.key, Expect::Rev(row.rev)));
                }
            }
            if files.is_empty() {
                continue;
            }
            let status = Status { given_up_ms: Some(now_ms), ..status.clone() };
            ops.push(rows::put(STATUS, self.status_key("delivery"), &status, Expect::Any));
            self.give_up(Lost::log_files(&files), error.code(), ops).await?;
            for _ in &files {
                self.figures.waiting.fetch_sub(1, Ordering::Relaxed);
                self.figures.given_up.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Makes `ops` true, with which something is given up, and records the loss. Returns the revisions that `ops` made.
    pub(crate) async fn give_up(&self, lost: Lost, code: &str, mut ops: Vec<Op>) -> Result<Vec<u64>, Stuck> {
        // One at a time: an earlier one that could not be recorded goes first.
        self.record_what_was_given_up().await?;
        let Lost { event_name, bucket, files, digest, .. } = &lost;
        let (files, first) = (files.len(), files.first().map(|file| file.key.as_str()));
        tracing::error!(
            trail = self.arn,
            bucket,
            files,
            first,
            digest,
            code,
            "a bucket has refused for 30 days: given up. The event {event_name} in the journal names what is lost"
        );
        let given_up = self.event(&lost, code);
        ops.push(rows::put(GIVEN_UP, self.arn.as_str(), &given_up, Expect::Absent));
        let revs = self.shared.state.commit(ops).await.map_err(Stuck::own)?.revs;
        self.record_what_was_given_up().await?;
        Ok(revs)
    }

    /// Puts into the journal what it lacks of what was given up. A crash may have kept it out.
    pub(crate) async fn record_what_was_given_up(&self) -> Result<(), Stuck> {
        let found: Option<Found<GivenUp>> =
            rows::get(&*self.shared.state, GIVEN_UP, self.arn.as_bytes()).await.map_err(Stuck::own)?;
        let Some(Found { value: given_up, rev }) = found else { return Ok(()) };
        if !self.is_recorded(&given_up)? {
            let mut buffer = vec![0; worker::entry::FINISH_HEAD_BYTES];
            buffer.extend_from_slice(given_up.record.as_bytes());
            let entry = worker::entry::finish(None, buffer);
            self.shared.journal.append(vec![entry]).await.map_err(Stuck::own)?;
        }
        for object in &given_up.objects {
            self.shared.objects.delete(object).await.map_err(Stuck::own)?;
        }
        let done = rows::delete(GIVEN_UP, self.arn.as_str(), Expect::Rev(rev));
        self.shared.state.commit(vec![done]).await.map_err(Stuck::own)?;
        Ok(())
    }

    fn is_recorded(&self, given_up: &GivenUp) -> Result<bool, Stuck> {
        let journal = &self.shared.journal;
        let mut at = Seq::new(given_up.from_seq).max(journal.first());
        while at < journal.durable_end() {
            let entries = journal.read(at, ReadLimit::default()).map_err(Stuck::own)?;
            let Some(last) = entries.last() else { break };
            at = last.seq.next();
            for entry in &entries {
                let Ok(EntryKind::Finish { begin: None, record }) = EntryKind::read(entry) else { continue };
                let Ok(view) = RecordView::parse(&record) else { continue };
                if view.event_id.as_deref() == Some(given_up.event_id.as_str()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn event(&self, lost: &Lost, code: &str) -> GivenUp {
        // The identifier follows from what is lost: the same loss is the same event.
        let mut hash = Sha256::new_with_prefix(&self.arn);
        for file in &lost.files {
            hash.update(b"\n");
            hash.update(&file.key);
        }
        hash.update(lost.digest.as_deref().unwrap_or_default());
        let mut seed = [0; 16];
        seed.copy_from_slice(&hash.finalize()[..16]);
        let event_id = base::ids::uuid_from(seed);
        // `arn:aws:cloudtrail:REGION:ACCOUNT:trail/NAME`.
        let region = self.arn.split(':').nth(3).and_then(Region::parse).unwrap_or(Region::US_EAST_1);
        let event = EventRecord {
            user_identity: UserIdentity::AwsService { invoked_by: PRINCIPAL.into() },
            event_time: self.shared.env.clock.now(),
            event_source: PRINCIPAL.into(),
            event_name: lost.event_name.into(),
            aws_region: region.as_str().into(),
            source_ip_address: PRINCIPAL.into(),
            user_agent: PRINCIPAL.into(),
            event_id: event_id.as_str().into(),
            resources: vec![Resource {
                account_id: Some((&*self.shared.account).into()),
                kind: Some("AWS::CloudTrail::Trail".into()),
                arn: self.arn.as_str().into(),
                is_prefix: false,
            }],
            event_type: EventType::AwsServiceEvent,
            recipient_account_id: (&*self.shared.account).into(),
            service_event_details_json: Some(lost.details(&self.arn, code).to_string().into()),
            ..EventRecord::blank()
        };
        let mut record = Vec::new();
        event.write(&mut record);
        let record = String::from_utf8(record).expect("JSON is UTF-8");
        let from_seq = self.shared.journal.durable_end().get();
        GivenUp { version: 1, event_id, record, from_seq, objects: lost.objects.clone() }
    }
}
