//! Imports of log files from buckets into event data stores: at most one at a time, in the background, resumed after a crash. What is
//! a log file, and what of it is new, is decided by the crate `importer`. Never writes to the bucket.
//!
//! Source: CloudTrail user guide, "Copying trail events to CloudTrail Lake"; API reference, StartImport.

pub mod failures;
mod into_lake;
pub mod row;
mod run;
mod source;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use base::{Env, Region};
use importer::Receiver;
use ports::{Buckets, EventStores, StoreId};
use service::ApiError;
use state::{Expect, Op, Range, State};
use tokio::sync::watch;

use crate::error::Error;
use crate::rows;
pub use source::InBuckets;

use row::{IMPORTS, ImportRow, Statistics, Status};

/// Imports that are remembered; beyond them the oldest that are over are forgotten.
const IMPORTS_MAX: usize = 1_000;

/// An event data store that takes imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Its ARN, whole.
    pub arn: String,
    /// Where its records are.
    pub store: StoreId,
}

/// Who knows event data stores.
#[async_trait]
pub trait Destinations: Send + Sync + 'static {
    /// The event data store of the region called that is named by ARN or UUID, if it takes imports: it is there, enabled (or its
    /// ingestion is stopped), and of trail events. The refusals are AWS's: EventDataStoreARNInvalidException,
    /// EventDataStoreNotFoundException, InactiveEventDataStoreException, InvalidEventDataStoreStatusException,
    /// InvalidEventDataStoreCategoryException.
    async fn import_destination(&self, named: &str, region: Region) -> Result<Destination, ApiError>;
}

/// What imports need beside the service's own storage.
struct Parts {
    destinations: Arc<dyn Destinations>,
    receiver: Arc<Receiver>,
}

/// The import that goes on.
struct Running {
    id: String,
    stop: watch::Sender<bool>,
    /// Whether somebody asked for its end: it is then over, and not only interrupted.
    asked: bool,
    statistics: Statistics,
    /// True when its row says how it ended.
    over: watch::Receiver<bool>,
}

/// See the module.
pub struct Imports {
    env: Env,
    state: Arc<dyn State>,
    buckets: Arc<dyn Buckets>,
    parts: OnceLock<Parts>,
    running: Mutex<Option<Running>>,
    /// An import may stand in the tables as going on though nothing runs.
    left_over: AtomicBool,
    /// Held while imports begin or end, so that there is one at a time.
    changes: tokio::sync::Mutex<()>,
}

/// What is to be imported.
pub struct NewImport {
    /// `s3://BUCKET/PREFIX/`.
    pub uri: String,
    /// The bucket's region.
    pub bucket_region: String,
    /// The role that would read the bucket.
    pub role_arn: String,
    /// Into what: ARN or UUID.
    pub destination: String,
    /// Events of this time or later, in milliseconds since 1970.
    pub start_ms: Option<i64>,
    /// Events of this time or earlier.
    pub end_ms: Option<i64>,
}

fn invalid(text: impl Into<String>) -> ApiError {
    Error::InvalidParameterException(text.into()).into()
}

fn storage(error: state::Error) -> ApiError {
    ApiError::unavailable(error)
}

/// Bucket and prefix of an S3 URI. A prefix names a folder.
pub(crate) fn parse_uri(uri: &str) -> Option<(&str, String)> {
    let rest = uri.strip_prefix("s3://")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = match prefix.trim_end_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    (!bucket.is_empty() && !prefix.starts_with('/')).then_some((bucket, prefix))
}

impl Imports {
    /// Nothing goes on, and nothing can until [`Imports::provide`].
    pub(crate) fn new(env: Env, state: Arc<dyn State>, buckets: Arc<dyn Buckets>) -> Arc<Imports> {
        Arc::new(Imports {
            env,
            state,
            buckets,
            parts: OnceLock::new(),
            running: Mutex::default(),
            left_over: AtomicBool::new(false),
            changes: tokio::sync::Mutex::default(),
        })
    }

    /// Says where imports go, once; then goes on with what an earlier run left unfinished.
    pub async fn provide(
        self: &Arc<Self>,
        destinations: Arc<dyn Destinations>,
        stores: Arc<dyn EventStores>,
    ) -> Result<(), ApiError> {
        let receiver = Arc::new(Receiver::new(stores, Arc::clone(&self.state)));
        let _ = self.parts.set(Parts { destinations, receiver });
        self.left_over.store(true, Ordering::Release);
        self.go_on().await
    }

    /// Goes on with what a crash, or a failure of the tables, left unfinished. To be called every few seconds.
    pub async fn go_on(self: &Arc<Self>) -> Result<(), ApiError> {
        if self.parts.get().is_none() || !self.left_over.load(Ordering::Acquire) {
            return Ok(());
        }
        let _change = self.changes.lock().await;
        if self.running.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        // Before the tables are read: what fails after that is seen in the next round.
        self.left_over.store(false, Ordering::Release);
        match self.all().await {
            Ok(all) => match all.into_iter().find(|found| found.value.status.is_on()) {
                Some(found) => self.spawn(found.value),
                None => Ok(()),
            },
            Err(error) => {
                self.left_over.store(true, Ordering::Release);
                Err(error)
            }
        }
    }

    /// Commits a change of an import. If that fails the change may have been made all the same, and the import goes on later.
    async fn commit(&self, ops: Vec<Op>) -> Result<(), ApiError> {
        let done = self.state.commit(ops).await;
        if done.is_err() {
            self.left_over.store(true, Ordering::Release);
        }
        done.map(|_| ()).map_err(storage)
    }

    /// Ends what goes on, without a word about it: the next start goes on with it.
    pub fn interrupt(&self) {
        if let Some(running) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            running.stop.send_replace(true);
        }
    }

    /// Forgets what was imported into a store that is removed.
    pub async fn forget(&self, store: &StoreId) -> Result<(), ApiError> {
        match self.parts.get() {
            Some(parts) => Ok(parts.receiver.forget(store).await?),
            None => Ok(()),
        }
    }

    fn parts(&self) -> Result<&Parts, ApiError> {
        let absent = || Error::UnsupportedOperationException("This server keeps no event data stores.".to_owned());
        Ok(self.parts.get().ok_or_else(absent)?)
    }

    /// Starts an import. Durable when it returns.
    pub(crate) async fn start(self: &Arc<Self>, new: NewImport, region: Region) -> Result<ImportRow, ApiError> {
        let parts = self.parts()?;
        let destination = parts.destinations.import_destination(&new.destination, region).await?;
        self.check_source(&new).await?;
        if let (Some(start), Some(end)) = (new.start_ms, new.end_ms)
            && start > end
        {
            return Err(invalid("StartEventTime must not be later than EndEventTime."));
        }
        let _change = self.changes.lock().await;
        self.refuse_second().await?;
        let now_ms = self.env.clock.now().ms();
        let row = ImportRow {
            v: 1,
            id: base::ids::uuid(&*self.env.rng),
            region: region.as_str().to_owned(),
            destination: destination.arn,
            store: destination.store.as_str().to_owned(),
            uri: new.uri,
            bucket_region: new.bucket_region,
            role_arn: new.role_arn,
            start_ms: new.start_ms,
            end_ms: new.end_ms,
            status: Status::Initializing,
            created_ms: now_ms,
            updated_ms: now_ms,
            statistics: Statistics::default(),
        };
        self.forget_oldest().await?;
        self.commit(vec![rows::put(IMPORTS, row.id.as_bytes(), &row, Expect::Absent)]).await?;
        self.spawn(row.clone())?;
        Ok(row)
    }

    /// Starts an import again that failed or was stopped. Files that it is done with are not read again.
    pub(crate) async fn retry(self: &Arc<Self>, id: &str, region: Region) -> Result<ImportRow, ApiError> {
        let parts = self.parts()?;
        let _change = self.changes.lock().await;
        let mut found = self.find(id, region).await?;
        self.refuse_second().await?;
        parts.destinations.import_destination(&found.value.destination, region).await?;
        failures::mark_retried(&*self.state, id, self.env.clock.now()).await?;
        found.value.status = Status::Initializing;
        found.value.updated_ms = self.env.clock.now().ms();
        self.commit(vec![rows::put(IMPORTS, id.as_bytes(), &found.value, Expect::Rev(found.rev))]).await?;
        self.spawn(found.value.clone())?;
        Ok(found.value)
    }

    /// Stops an import: when this returns it is over.
    pub(crate) async fn stop(&self, id: &str, region: Region) -> Result<ImportRow, ApiError> {
        let row = self.find(id, region).await?.value;
        if !row.status.is_on() {
            let status = row.status.as_str();
            return Err(invalid(format!("The import {id} cannot be stopped: its status is {status}.")));
        }
        let over = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.as_mut().filter(|running| running.id == id).map(|running| {
                running.asked = true;
                running.stop.send_replace(true);
                running.over.clone()
            })
        };
        if let Some(mut over) = over {
            // An error: the task is gone, and its row says how it ended.
            let _ = over.wait_for(|over| *over).await;
        }
        Ok(self.find(id, region).await?.value)
    }

    /// An import as it is now.
    pub(crate) async fn get(&self, id: &str, region: Region) -> Result<ImportRow, ApiError> {
        let mut row = self.find(id, region).await?.value;
        if let Some(running) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner)
            && running.id == id
        {
            row.statistics = running.statistics;
        }
        Ok(row)
    }

    /// The imports of a region, newest first.
    pub(crate) async fn list(&self, region: Region) -> Result<Vec<ImportRow>, ApiError> {
        let mut all: Vec<ImportRow> = self.all().await?.into_iter().map(|found| found.value).collect();
        all.retain(|row| row.region == region.as_str());
        all.sort_by(|a, b| (b.created_ms, &b.id).cmp(&(a.created_ms, &a.id)));
        Ok(all)
    }

    async fn check_source(&self, new: &NewImport) -> Result<(), ApiError> {
        let refuse = |why: String| ApiError::from(Error::InvalidImportSourceException(why));
        let parsed = parse_uri(&new.uri);
        let (bucket, _) = parsed.ok_or_else(|| {
            refuse(format!("S3LocationUri must be s3://BUCKET or s3://BUCKET/PREFIX/, not {}.", new.uri))
        })?;
        let region = Region::parse(&new.bucket_region);
        let region = region.ok_or_else(|| refuse(format!("S3BucketRegion is not a region: {}.", new.bucket_region)))?;
        let role = base::Arn::parse(&new.role_arn);
        if !role.is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/")) {
            return Err(refuse(format!("S3BucketAccessRoleArn is not the ARN of a role: {}.", new.role_arn)));
        }
        let info = self.buckets.describe(bucket).await.map_err(ApiError::unavailable)?;
        let info = info.ok_or_else(|| refuse(format!("The S3 bucket {bucket} does not exist.")))?;
        if info.region != region {
            let text = format!("The S3 bucket {bucket} is in {}, not in {}.", info.region.as_str(), region.as_str());
            return Err(refuse(text));
        }
        Ok(())
    }

    async fn all(&self) -> Result<Vec<rows::Found<ImportRow>>, ApiError> {
        // One more than are kept: the new one.
        let found = self.state.scan(IMPORTS, Range::all(), IMPORTS_MAX + 1).await.map_err(storage)?;
        let read = |row: state::Row| Ok(rows::Found { value: rows::read(IMPORTS, &row)?, rev: row.rev });
        found.into_iter().map(read).collect::<Result<_, state::Error>>().map_err(storage)
    }

    async fn find(&self, id: &str, region: Region) -> Result<rows::Found<ImportRow>, ApiError> {
        let found = rows::get::<ImportRow>(&*self.state, IMPORTS, id.as_bytes()).await.map_err(storage)?;
        let found = found.filter(|found| found.value.region == region.as_str());
        Ok(found.ok_or_else(|| Error::ImportNotFoundException(format!("The specified import was not found: {id}")))?)
    }

    async fn refuse_second(&self) -> Result<(), ApiError> {
        let on = self.all().await?.into_iter().find(|found| found.value.status.is_on());
        match on {
            Some(found) => {
                let text =
                    format!("An import is in progress already: {}. Wait for its end, or stop it.", found.value.id);
                Err(Error::AccountHasOngoingImportException(text).into())
            }
            None => Ok(()),
        }
    }

    async fn forget_oldest(&self) -> Result<(), ApiError> {
        let mut all = self.all().await?;
        if all.len() < IMPORTS_MAX {
            return Ok(());
        }
        all.retain(|found| !found.value.status.is_on());
        if let Some(oldest) = all.iter().min_by_key(|found| found.value.created_ms) {
            failures::remove(&*self.state, &oldest.value.id).await?;
            let key = oldest.value.id.as_bytes().to_vec();
            let delete = Op::Delete { table: IMPORTS, key, expect: Expect::Rev(oldest.rev) };
            self.state.commit(vec![delete]).await.map_err(storage)?;
        }
        Ok(())
    }
}
