//! Carries rules out, in the background: each bucket once a day (UTC), and anew when its rules change. A step looks at a bounded
//! number of rows and notes in the same commit how far it came, so that a pass goes on where it was after a crash.
//!
//! What is done to a row happens only if row and bucket are as they were looked at; otherwise it waits for the next pass. Nothing
//! here removes a version but by what every removal goes through, which refuses those that are locked.

use base::Timestamp;
use base::time::DAY_MS;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Op, Range, Row};

use super::decide::Action;
use super::{Configuration, removed};
use crate::bucket::Bucket;
use crate::conditions::WriteCondition;
use crate::error::state_failed;
use crate::garbage::Ended;
use crate::multipart::{Upload, parts_prefix};
use crate::object::{NULL, Version};
use crate::versions::{self, current_key};
use crate::{
    S3, TABLE_ENDED, TABLE_LIFECYCLE, TABLE_LIFECYCLE_PASSES, TABLE_OBJECTS, TABLE_UPLOADS, TABLE_VERSIONS, to_json,
};

/// Rows looked at and changed in one commit.
const PAGE_ROWS: usize = 500;
/// Pages of one step, over all buckets: so a step is over in about a second.
const STEP_PAGES: usize = 20;
/// Buckets asked at a time whether their pass is due.
const PASSES_ROWS: usize = 500;

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifecycled {
    /// Current versions deleted, or hidden behind a delete marker.
    pub expired: usize,
    /// Older versions and delete markers of nothing removed for good.
    pub removed: usize,
    /// Versions moved into another storage class.
    pub moved: usize,
    /// Uploads in parts given up.
    pub aborted: usize,
    /// There is more to look at, so that another step is worth its while.
    pub more: bool,
}

/// What of a bucket is looked at, in this order, so that markers whose versions go can go in the same pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    #[default]
    Older,
    Current,
    Uploads,
}

/// How far a bucket's pass is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Pass {
    v: u8,
    /// The day of the pass, counted from the epoch; absent until the first.
    day: Option<i64>,
    done: bool,
    phase: Phase,
    /// The row looked at last, in hexadecimal.
    after: Option<String>,
    /// Of the older versions of one key: whose they are, and how many were looked at.
    key: Option<String>,
    newer: u32,
}

/// The row of a bucket whose rules are new.
pub(super) fn no_pass_yet() -> Bytes {
    to_json(&Pass { v: 1, ..Pass::default() })
}

/// One thing to do, and what is said of it in the log.
struct Deed {
    ops: Vec<Op>,
    kind: Kind,
    key: String,
    version: String,
}

#[derive(Clone, Copy)]
enum Kind {
    Expire,
    Mark,
    Remove,
    Move,
    Abort,
}

impl Kind {
    /// The operation, as S3's server access logs call it; CloudTrail has no records of what rules do. Source: S3 user guide,
    /// "Lifecycle and logging".
    fn operation(self) -> &'static str {
        match self {
            Kind::Expire | Kind::Remove => "S3.EXPIRE.OBJECT",
            Kind::Mark => "S3.CREATE.DELETEMARKER",
            Kind::Move => "S3.TRANSITION.OBJECT",
            Kind::Abort => "S3.DELETE.UPLOAD",
        }
    }
}

impl S3 {
    /// One step of carrying out the lifecycle rules of all buckets. To be called every few seconds.
    pub async fn run_lifecycle(&self) -> Result<Lifecycled, ApiError> {
        let now = self.env.clock.now();
        let day = now.ms().div_euclid(DAY_MS);
        let mut done = Lifecycled::default();
        let mut pages = STEP_PAGES;
        let mut range = Range::all();
        loop {
            let rows =
                self.state.scan(TABLE_LIFECYCLE_PASSES, range.clone(), PASSES_ROWS).await.map_err(state_failed)?;
            let Some(last) = rows.last() else { return Ok(done) };
            range = range.after(last.key.clone());
            // Each bucket that has something to do gets one page, then its next: a large one does not hold up the others.
            let mut open: Vec<Row> = rows;
            while !open.is_empty() {
                let mut next = Vec::new();
                for row in open {
                    if pages == 0 {
                        done.more = true;
                        return Ok(done);
                    }
                    // One that cannot be read must not keep the others.
                    match self.page(row, now, day, &mut done).await {
                        Ok(Turn::Nothing) => {}
                        Ok(Turn::Over) => pages -= 1,
                        Ok(Turn::More(row)) => {
                            pages -= 1;
                            next.push(row);
                        }
                        Err(error) => tracing::warn!(%error, "lifecycle rules of a bucket could not be carried out"),
                    }
                }
                open = next;
            }
        }
    }

    /// The next page of a bucket's pass, if one is due.
    async fn page(&self, row: Row, now: Timestamp, day: i64, done: &mut Lifecycled) -> Result<Turn, ApiError> {
        let mut pass: Pass = serde_json::from_slice(&row.value).map_err(ApiError::internal)?;
        if pass.day == Some(day) && pass.done {
            return Ok(Turn::Nothing);
        }
        // A pass that was not over at midnight goes on: it judges by the time it is.
        if pass.done || pass.day.is_none() {
            pass = Pass { v: 1, day: Some(day), ..Pass::default() };
        }
        let name = state::key::texts(&row.key).and_then(|parts| parts.into_iter().next());
        let name = name.ok_or_else(|| ApiError::internal("a row's key of the lifecycle passes is not ours"))?;
        let Some(bucket) = self.find_bucket(&name).await? else {
            self.commit_if_same(removed(&name)).await?;
            return Ok(Turn::Nothing);
        };
        let Some(configuration) = self.lifecycle(&bucket).await?.filter(|_| !bucket.deleting) else {
            return Ok(Turn::Nothing);
        };
        let table = match pass.phase {
            Phase::Older => TABLE_VERSIONS,
            Phase::Current => TABLE_OBJECTS,
            Phase::Uploads => TABLE_UPLOADS,
        };
        let range = Range::prefix(crate::bucket::key(&name));
        let range = match pass.after.as_deref().and_then(base::ids::unhex) {
            Some(after) => range.after(after),
            None => range,
        };
        let rows = self.state.scan(table, range, PAGE_ROWS).await.map_err(state_failed)?;
        let mut deeds = Vec::new();
        let mut newer_since = None;
        for row in &rows {
            let parts = state::key::texts(&row.key).filter(|parts| parts.len() > 1);
            let parts = parts.ok_or_else(|| ApiError::internal("a row's key is not ours"))?;
            let key = &parts[1];
            let deed = match pass.phase {
                Phase::Older => {
                    let version = versions::read(row)?;
                    if pass.key.as_ref() != Some(key) {
                        (pass.key, pass.newer, newer_since) = (Some(key.clone()), 0, None);
                    }
                    let newer = pass.newer;
                    pass.newer += 1;
                    let since = match version.noncurrent_ms {
                        Some(ms) => Timestamp::from_ms(ms),
                        None => self.since(&bucket, key, newer_since).await?,
                    };
                    newer_since = Some(version.modified());
                    let action = configuration.noncurrent(key, &version, since, newer, now);
                    self.older(&bucket, key, version, row, action, now).await
                }
                Phase::Current => self.current_of(&bucket, &configuration, key, versions::read(row)?, row, now).await,
                Phase::Uploads => upload(&configuration, key, row, now),
            };
            match deed {
                Ok(deed) => deeds.extend(deed),
                // Locked, or changed since it was read.
                Err(error) if error.status < 500 => tracing::debug!(%error, bucket = name, key, "left by lifecycle"),
                Err(error) => return Err(error),
            }
        }
        let ended = rows.len() < PAGE_ROWS;
        if let Some(last) = rows.last() {
            pass.after = Some(base::ids::hex(&last.key));
        }
        if ended {
            (pass.after, pass.key, pass.newer) = (None, None, 0);
            match pass.phase {
                Phase::Older => pass.phase = Phase::Current,
                Phase::Current => pass.phase = Phase::Uploads,
                Phase::Uploads => (pass.done, pass.day) = (true, Some(day)),
            }
        }
        let over = pass.done;
        let value = to_json(&pass);
        let (key, expect) = (row.key.clone(), Expect::Rev(row.rev));
        let note = Op::Put { table: TABLE_LIFECYCLE_PASSES, key: key.clone(), value: value.clone(), expect };
        let Some(rev) = self.carry_out(&bucket, deeds, note, done).await? else { return Ok(Turn::Over) };
        Ok(if over { Turn::Over } else { Turn::More(Row { key, value, rev }) })
    }

    /// Does what was decided and notes how far that is; the note's revision, or `None` if the rules changed meanwhile.
    async fn carry_out(
        &self,
        bucket: &Bucket,
        deeds: Vec<Deed>,
        note: Op,
        done: &mut Lifecycled,
    ) -> Result<Option<u64>, ApiError> {
        let rules =
            Op::Check { table: TABLE_LIFECYCLE, key: crate::bucket::key(&bucket.name), expect: Expect::Present };
        let frame = || vec![bucket.unchanged(), rules.clone()];
        let mut all = vec![note.clone()];
        all.extend(frame());
        all.extend(deeds.iter().flat_map(|deed| deed.ops.iter().cloned()));
        match self.state.commit(all).await {
            Ok(info) => {
                deeds.iter().for_each(|deed| tell(bucket, deed, done));
                return Ok(info.revs.first().copied());
            }
            Err(error) if error.is_conflict() => {}
            Err(error) => return Err(state_failed(error)),
        }
        // Something was changed while it was looked at: one by one, so that only that is left for the next pass.
        for deed in &deeds {
            let mut ops = frame();
            ops.extend(deed.ops.iter().cloned());
            if self.commit_if_same(ops).await?.is_some() {
                tell(bucket, deed, done);
            }
        }
        Ok(self.commit_if_same(vec![note]).await?.and_then(|info| info.revs.first().copied()))
    }

    /// Commits, or does nothing if what it expects is not so.
    async fn commit_if_same(&self, ops: Vec<Op>) -> Result<Option<state::CommitInfo>, ApiError> {
        match self.state.commit(ops).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.is_conflict() => Ok(None),
            Err(error) => Err(state_failed(error)),
        }
    }

    /// Since when a version is not current that does not say so itself: since the next newer one was written.
    async fn since(&self, bucket: &Bucket, key: &str, newer: Option<Timestamp>) -> Result<Timestamp, ApiError> {
        if let Some(newer) = newer {
            return Ok(newer);
        }
        let current = self.current(&bucket.name, key).await?;
        Ok(current.map_or_else(|| self.env.clock.now(), |(version, _)| version.modified()))
    }

    async fn older(
        &self,
        bucket: &Bucket,
        key: &str,
        version: Version,
        row: &Row,
        action: Action,
        now: Timestamp,
    ) -> Result<Option<Deed>, ApiError> {
        let id = version.id.clone();
        let (ops, kind) = match action {
            Action::Keep => return Ok(None),
            Action::Move(class) => (moved(TABLE_VERSIONS, row, version, class), Kind::Move),
            Action::Remove if version.lock.holds(now, false) => return Ok(None),
            // The current version knows of the one called null: both rows change.
            Action::Remove if id == NULL => {
                let mut ops = Vec::new();
                self.delete_one(bucket, key, &id, &WriteCondition::None, false, &mut ops).await?;
                (ops, Kind::Remove)
            }
            Action::Remove => {
                let mut ops = Vec::new();
                self.remove(&version, false, &mut ops)?;
                let (key, expect) = (row.key.clone(), Expect::Rev(row.rev));
                ops.push(Op::Delete { table: TABLE_VERSIONS, key, expect });
                (ops, Kind::Remove)
            }
        };
        Ok(Some(Deed { ops, kind, key: key.to_owned(), version: id }))
    }

    async fn current_of(
        &self,
        bucket: &Bucket,
        configuration: &Configuration,
        key: &str,
        version: Version,
        row: &Row,
        now: Timestamp,
    ) -> Result<Option<Deed>, ApiError> {
        let older = Range::prefix(current_key(&bucket.name, key));
        // Only of markers it makes a difference.
        let alone =
            version.delete_marker && self.state.scan(TABLE_VERSIONS, older, 1).await.map_err(state_failed)?.is_empty();
        let id = version.id.clone();
        let mut ops = Vec::new();
        let kind = match configuration.current(key, &version, alone, now) {
            Action::Keep => return Ok(None),
            Action::Move(class) => {
                ops = moved(TABLE_OBJECTS, row, version, class);
                Kind::Move
            }
            Action::Remove if version.delete_marker || bucket.versioning.is_none() => {
                self.remove(&version, false, &mut ops)?;
                let (key, expect) = (row.key.clone(), Expect::Rev(row.rev));
                ops.push(Op::Delete { table: TABLE_OBJECTS, key, expect });
                if version.delete_marker { Kind::Remove } else { Kind::Expire }
            }
            Action::Remove => {
                let marker = Version { delete_marker: true, ..Version::default() };
                self.place(bucket, key, marker, Some((version, row.rev)), &mut ops).await?;
                Kind::Mark
            }
        };
        Ok(Some(Deed { ops, kind, key: key.to_owned(), version: id }))
    }
}

/// What became of a bucket's turn.
enum Turn {
    /// There was nothing to do.
    Nothing,
    /// Its pass is over.
    Over,
    /// There is more; this is its row now.
    More(Row),
}

fn moved(table: state::Table, row: &Row, mut version: Version, class: String) -> Vec<Op> {
    version.headers.storage_class = Some(class);
    version.restored_until_ms = None;
    vec![Op::Put { table, key: row.key.clone(), value: to_json(&version), expect: Expect::Rev(row.rev) }]
}

fn upload(configuration: &Configuration, key: &str, row: &Row, now: Timestamp) -> Result<Option<Deed>, ApiError> {
    let upload: Upload = serde_json::from_slice(&row.value).map_err(ApiError::internal)?;
    if configuration.abortion_of(key, &upload).is_none_or(|(at, _)| at > now) {
        return Ok(None);
    }
    let ended = to_json(&Ended { v: 1, ..Ended::default() });
    let ops = vec![
        Op::Delete { table: TABLE_UPLOADS, key: row.key.clone(), expect: Expect::Rev(row.rev) },
        Op::Put { table: TABLE_ENDED, key: parts_prefix(&upload.id), value: ended, expect: Expect::Any },
    ];
    Ok(Some(Deed { ops, kind: Kind::Abort, key: key.to_owned(), version: upload.id }))
}

/// Counts what was done, and leaves a line in our own log.
fn tell(bucket: &Bucket, deed: &Deed, done: &mut Lifecycled) {
    match deed.kind {
        Kind::Expire | Kind::Mark => done.expired += 1,
        Kind::Remove => done.removed += 1,
        Kind::Move => done.moved += 1,
        Kind::Abort => done.aborted += 1,
    }
    let operation = deed.kind.operation();
    tracing::info!(operation, bucket = bucket.name, key = deed.key, version = deed.version, "lifecycle");
}
