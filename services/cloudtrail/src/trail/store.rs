//! How a trail is found and changed. A change is in the state tables and in the journal, in one order, or it is an error; after
//! a crash in between, [`TrailStore::recover`] appends what the journal lacks.
//!
//! ```text
//! lock ─ append what is left over ─ read ─ change ─ commit {trail, change row, revision} ─ append ─ drop change row ─ unlock
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use base::{Env, Region};
use bytes::Bytes;
use journal::{Journal, Seq};
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Range, Row, State};
use tokio::sync::{Mutex, MutexGuard};

use super::names::{Reference, parse_reference};
use super::{Trail, arn_of};
use crate::error::Error;
use crate::rows::{self, CHANGES, Found, ONLY, REVISION, TRAILS};

/// The topic under which trail changes are in the journal.
pub const TOPIC: &str = "cloudtrail/trail";

/// More trails than there can be: five in each region, with room.
const TRAILS_MAX: usize = 1_000;

/// CloudTrail user guide, "Quotas in AWS CloudTrail": trails per region.
pub const TRAILS_PER_REGION_MAX: usize = 5;

/// A trail's new form, as the journal carries it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrailChange {
    /// Of this document.
    pub version: u32,
    /// Larger than that of every earlier change of any trail.
    pub revision: u64,
    /// Whose change.
    pub arn: String,
    /// The trail from here on; `None` once it is deleted.
    pub trail: Option<Trail>,
    /// The request that stops or deletes the trail: its own record, which follows, is the last that the trail selects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
}

/// The trails.
pub struct TrailStore {
    /// The topic under which changes are in the journal.
    topic: String,
    env: Env,
    account: Arc<str>,
    state: Arc<dyn State>,
    journal: Arc<dyn Journal>,
    /// Whether calls get records.
    recording: bool,
    changing: Mutex<()>,
    /// The journal's place after the last trail change.
    changed_before: AtomicU64,
    /// A change may be in the tables and not in the journal.
    left_over: AtomicBool,
}

/// The right to change trails: there is one at a time.
pub struct Changing<'a> {
    store: &'a TrailStore,
    _lock: MutexGuard<'a, ()>,
    revision: Option<Found<u64>>,
    ended_by: Option<String>,
}

impl TrailStore {
    /// The trails kept in `state`.
    pub fn new(
        env: Env,
        account: Arc<str>,
        state: Arc<dyn State>,
        journal: Arc<dyn Journal>,
        recording: bool,
        topic: String,
    ) -> TrailStore {
        let changed_before = AtomicU64::new(0);
        let left_over = AtomicBool::new(false);
        TrailStore {
            env,
            account,
            state,
            journal,
            recording,
            topic,
            changing: Mutex::default(),
            changed_before,
            left_over,
        }
    }

    /// Appends to the journal what a crash kept out of it. Called once at the start.
    pub async fn recover(&self) -> Result<(), ApiError> {
        let _lock = self.changing.lock().await;
        self.append_leftovers().await
    }

    /// Appends to the journal what a failure kept out of it, if there is something. To be called every few seconds.
    pub async fn catch_up(&self) -> Result<(), ApiError> {
        if !self.left_over.load(Ordering::Acquire) {
            return Ok(());
        }
        self.recover().await
    }

    /// The ARN that a request means: names mean trails of the region called.
    pub fn arn(&self, named: &str, region: Region) -> Result<String, Error> {
        Ok(match parse_reference(named, &self.account)? {
            Reference::Name(name) => arn_of(region, &self.account, &name),
            Reference::Arn { .. } => named.to_owned(),
        })
    }

    /// The journal's place after every change made so far.
    pub fn changed_before(&self) -> Seq {
        Seq::new(self.changed_before.load(Ordering::Acquire))
    }

    /// All trails, by ARN.
    pub async fn all(&self) -> Result<Vec<Trail>, ApiError> {
        let rows = self.state.scan(TRAILS, Range::all(), TRAILS_MAX).await.map_err(ApiError::unavailable)?;
        rows.iter().map(|row| rows::read(TRAILS, row).map_err(ApiError::internal)).collect()
    }

    /// The trail of this name or ARN. A name means a trail of the region called; trails of other regions, shadows included, are
    /// found by ARN alone (CloudTrail API reference, GetTrailStatus: `Name`).
    pub async fn find(&self, named: &str, region: Region) -> Result<Trail, ApiError> {
        let arn = self.arn(named, region)?;
        let found = self.get(&arn).await?;
        found.map(|found| found.value).ok_or_else(|| self.unknown(&arn).into())
    }

    /// The refusal for a trail that is not there.
    pub fn unknown(&self, arn: &str) -> Error {
        Error::TrailNotFoundException(arn.to_owned(), self.account.to_string())
    }

    /// Whether there is a trail of this ARN, for the organization.
    pub async fn of_organization(&self, arn: &str) -> Result<bool, ApiError> {
        Ok(self.get(arn).await?.is_some_and(|found| found.value.organization.is_some()))
    }

    async fn get(&self, arn: &str) -> Result<Option<Found<Trail>>, ApiError> {
        rows::get(&*self.state, TRAILS, arn.as_bytes()).await.map_err(ApiError::unavailable)
    }

    /// Waits for the right to change trails.
    pub async fn change(&self) -> Result<Changing<'_>, ApiError> {
        let lock = self.changing.lock().await;
        self.append_leftovers().await?;
        let revision = rows::get(&*self.state, REVISION, ONLY).await.map_err(ApiError::unavailable)?;
        Ok(Changing { store: self, _lock: lock, revision, ended_by: None })
    }

    /// Tags are no business of delivery: changing them leaves the journal alone.
    pub async fn change_tags(
        &self,
        arn: &str,
        change: impl FnOnce(&mut Vec<super::Tag>) -> Result<(), Error>,
    ) -> Result<(), ApiError> {
        let _lock = self.changing.lock().await;
        let missing = || Error::ResourceNotFoundException(format!("Resource not found: {arn}"));
        let mut found = self.get(arn).await?.ok_or_else(missing)?;
        change(&mut found.value.tags)?;
        let put = rows::put(TRAILS, arn, &found.value, Expect::Rev(found.rev));
        self.state.commit(vec![put]).await.map_err(commit_error)?;
        Ok(())
    }

    async fn append_leftovers(&self) -> Result<(), ApiError> {
        loop {
            let rows = self.state.scan(CHANGES, Range::all(), 100).await.map_err(ApiError::unavailable)?;
            if rows.is_empty() {
                self.left_over.store(false, Ordering::Release);
                return Ok(());
            }
            for mut row in rows {
                // The record of the request may be in the journal before this: the change must not wait for it.
                let mut change: TrailChange = rows::read(CHANGES, &row).map_err(ApiError::internal)?;
                if change.ended_by.take().is_some() {
                    row.value = serde_json::to_vec(&change).map_err(ApiError::internal)?.into();
                }
                self.append(row).await?;
            }
        }
    }

    async fn append(&self, row: Row) -> Result<(), ApiError> {
        self.left_over.store(true, Ordering::Release);
        let entry = worker::entry::control(&self.topic, &row.value);
        let seq = self.journal.append(vec![entry]).await.map_err(ApiError::unavailable)?;
        self.changed_before.store(seq.next().get(), Ordering::Release);
        // If this fails the change is appended again: its revision tells readers that they have seen it.
        self.state.commit(vec![rows::delete(CHANGES, row.key, Expect::Any)]).await.map_err(ApiError::unavailable)?;
        self.left_over.store(false, Ordering::Release);
        Ok(())
    }
}

impl Changing<'_> {
    /// The trail to change. Only its home region may; elsewhere it is known (if it is multi-region) but fixed.
    pub async fn trail(&self, named: &str, region: Region) -> Result<Found<Trail>, ApiError> {
        let arn = self.store.arn(named, region)?;
        let Some(found) = self.store.get(&arn).await? else {
            let all = self.store.all().await?;
            let shadow = all.iter().find(|trail| trail.multi_region && trail.name == named);
            return Err(shadow.map_or_else(|| self.store.unknown(&arn), |trail| not_home(trail, region)).into());
        };
        if found.value.home_region != region {
            return Err(not_home(&found.value, region).into());
        }
        Ok(found)
    }

    /// All trails.
    pub async fn all(&self) -> Result<Vec<Trail>, ApiError> {
        self.store.all().await
    }

    /// The trail of this ARN, wherever it can be changed.
    pub async fn get(&self, arn: &str) -> Result<Option<Found<Trail>>, ApiError> {
        self.store.get(arn).await
    }

    /// Says that the change ends the trail's logging, and in which request.
    #[must_use]
    pub fn ended_by(mut self, request_id: &str) -> Self {
        // Without records there is none to wait for.
        self.ended_by = self.store.recording.then(|| request_id.to_owned());
        self
    }

    /// Writes a trail (`rev` of the row it replaces, `None` for a new one). Returns it when it is durable and in the journal.
    pub async fn write(self, mut trail: Trail, rev: Option<u64>) -> Result<Trail, ApiError> {
        let revision = self.next_revision();
        trail.note_change(revision, self.store.env.clock.now());
        let put = rows::put(TRAILS, trail.arn.clone(), &trail, rev.into());
        let ended_by = self.ended_by.clone();
        let change = TrailChange { version: 1, revision, arn: trail.arn.clone(), trail: Some(trail.clone()), ended_by };
        self.commit(put, change).await?;
        Ok(trail)
    }

    /// Removes a trail. Returns when that is durable and in the journal.
    pub async fn remove(self, arn: &str, rev: u64) -> Result<(), ApiError> {
        let (revision, ended_by) = (self.next_revision(), self.ended_by.clone());
        let change = TrailChange { version: 1, revision, arn: arn.to_owned(), trail: None, ended_by };
        self.commit(rows::delete(TRAILS, arn, Expect::Rev(rev)), change).await
    }

    fn next_revision(&self) -> u64 {
        self.revision.as_ref().map_or(1, |found| found.value + 1)
    }

    async fn commit(self, write: state::Op, change: TrailChange) -> Result<(), ApiError> {
        let key = change.revision.to_be_bytes().to_vec();
        let row = rows::put(CHANGES, key.clone(), &change, Expect::Absent);
        let state::Op::Put { value, .. } = &row else { unreachable!("rows::put makes a put") };
        let value: Bytes = value.clone();
        let expect = self.revision.as_ref().map(|found| found.rev).into();
        let revision = rows::put(REVISION, ONLY, &change.revision, expect);
        if let Err(error) = self.store.state.commit(vec![write, row, revision]).await {
            // Unless it was a conflict, it may have been made all the same.
            self.store.left_over.fetch_or(!error.is_conflict(), Ordering::AcqRel);
            return Err(commit_error(error));
        }
        self.store.append(Row { key, rev: 0, value }).await
    }
}

fn not_home(trail: &Trail, region: Region) -> Error {
    let text = format!("Trail {} cannot be changed in {region}: its home region is {}.", trail.arn, trail.home_region);
    Error::InvalidHomeRegionException(text)
}

fn commit_error(error: state::Error) -> ApiError {
    match error {
        state::Error::Conflict { .. } => {
            Error::ConflictException("The trail was changed by another request. Try again.".to_owned()).into()
        }
        other => ApiError::unavailable(other),
    }
}
