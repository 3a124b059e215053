//! Queues as they are kept: opened, made, changed, emptied, deleted. Nothing here says whether somebody may.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, RwLock};

use base::Region;
use service::ApiError;
use state::{Error as StateError, Expect, Op, Range, key, scan_all};
use tokio::sync::Semaphore;

use crate::error::storage;
use crate::moves::{Moves, TASKS, Task};
use crate::queue::{CONTENTS, DELETED, Deleted, ENTRIES, Live, QUEUES, Row, SENT, row_key};
use crate::shelf::Entry;
use crate::{Deps, Error, QUEUES_MAX, Sqs, WAITERS_MAX};

/// For so long a deleted queue's name is not given again, and an emptied queue not emptied again. Source: SQS API reference, DeleteQueue and
/// PurgeQueue.
pub const PAUSE_MS: i64 = 60_000;
/// Rows deleted in one commit when a queue goes or is emptied.
const DELETED_PER_COMMIT: usize = 4_000;

impl Sqs {
    /// Opens SQS over its tables. [`Sqs::round`] is to be called from time to time.
    pub async fn open(deps: Deps) -> Result<Arc<Sqs>, StateError> {
        let state = Arc::clone(&deps.state);
        let now_ms = deps.env.clock.now().ms();
        let mut queues = BTreeMap::new();
        let mut by_id: HashMap<Vec<u8>, Arc<Live>> = HashMap::new();
        scan_all(&*state, QUEUES.table(), Range::all(), |row| {
            let doc = QUEUES.read(row)?;
            let place = key::texts(&doc.key).and_then(|texts| <[String; 2]>::try_from(texts).ok());
            let Some((region, name)) = place.and_then(|[region, name]| Some((Region::parse(&region)?, name))) else {
                tracing::error!("the row of a queue has a key that is none: it is left alone");
                return Ok(true);
            };
            let arn = format!("arn:{}:sqs:{region}:{}:{name}", region.partition(), deps.account);
            let live = Arc::new(Live::new(region, name.clone(), arn, doc.value));
            by_id.insert(live.id.as_bytes().to_vec(), Arc::clone(&live));
            queues.insert((region, name), live);
            Ok::<bool, StateError>(true)
        })
        .await?;
        let mut orphans: Vec<Op> = Vec::new();
        scan_all(&*state, ENTRIES.table(), Range::all(), |row| {
            let doc = ENTRIES.read(row)?;
            let place = key::parts(&doc.key).and_then(|parts| <[Vec<u8>; 2]>::try_from(parts).ok());
            let found = place.and_then(|[id, number]| {
                Some((Arc::clone(by_id.get(&id)?), u64::from_be_bytes(number.try_into().ok()?)))
            });
            match found {
                Some((live, number)) => live.lock().restore(number, doc.value),
                // The server stopped while it deleted a queue.
                None => orphans
                    .extend([CONTENTS.delete_op(&doc.key, Expect::Any), ENTRIES.delete_op(&doc.key, Expect::Any)]),
            }
            Ok::<bool, StateError>(true)
        })
        .await?;
        scan_all(&*state, SENT.table(), Range::all(), |row| {
            let doc = SENT.read(row)?;
            let place = key::parts(&doc.key).and_then(|parts| <[Vec<u8>; 2]>::try_from(parts).ok());
            let found = place.and_then(|[id, name]| Some((Arc::clone(by_id.get(&id)?), String::from_utf8(name).ok()?)));
            match found {
                Some((live, identifier)) => live.lock().restore_sent(identifier, doc.value),
                None => orphans.push(SENT.delete_op(&doc.key, Expect::Any)),
            }
            Ok::<bool, StateError>(true)
        })
        .await?;
        for ops in orphans.chunks(DELETED_PER_COMMIT) {
            state.commit(ops.to_vec()).await?;
        }
        let mut tasks: Vec<Task> = Vec::new();
        scan_all(&*state, TASKS.table(), Range::all(), |row| {
            tasks.push(TASKS.read(row)?.value);
            Ok::<bool, StateError>(true)
        })
        .await?;
        let sqs = Arc::new(Sqs {
            deps,
            queues: RwLock::new(queues),
            changes: tokio::sync::Mutex::default(),
            waiters: Semaphore::new(WAITERS_MAX),
            data_keys: datakeys::DataKeys::default(),
            moves: Moves::new(tasks),
            measured: AtomicI64::new(now_ms.div_euclid(60_000)),
        });
        for live in sqs.all() {
            live.lock().shelf.advance(now_ms);
        }
        sqs.resume_moves();
        Ok(sqs)
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.deps.env.clock.now().ms()
    }

    /// A queue.
    pub(crate) fn live(&self, region: Region, name: &str) -> Option<Arc<Live>> {
        self.queues.read().expect("no holder of this lock can panic").get(&(region, name.to_owned())).cloned()
    }

    /// The queue of an ARN, if it is in this region.
    pub(crate) fn live_by_arn(&self, region: Region, arn: &str) -> Option<Arc<Live>> {
        let name = arn.rsplit(':').next()?;
        self.live(region, name).filter(|live| live.arn == arn)
    }

    /// The queues of a region, by name.
    pub(crate) fn in_region(&self, region: Region) -> Vec<Arc<Live>> {
        let queues = self.queues.read().expect("no holder of this lock can panic");
        queues
            .range((region, String::new())..)
            .take_while(|((of, _), _)| *of == region)
            .map(|(_, live)| live)
            .cloned()
            .collect()
    }

    /// All queues.
    pub(crate) fn all(&self) -> Vec<Arc<Live>> {
        self.queues.read().expect("no holder of this lock can panic").values().cloned().collect()
    }

    /// Commits, as a service says it.
    pub(crate) async fn commit(&self, ops: Vec<Op>) -> Result<(), ApiError> {
        if ops.is_empty() {
            return Ok(());
        }
        self.deps.state.commit(ops).await.map(drop).map_err(|error| storage(&error))
    }

    /// Commits something of a queue: fails if the queue is no more.
    pub(crate) async fn commit_of(&self, live: &Live, mut ops: Vec<Op>) -> Result<(), ApiError> {
        ops.push(live.check_op());
        match self.deps.state.commit(ops).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_conflict() => Err(Error::QueueDoesNotExist.into()),
            Err(error) => Err(storage(&error)),
        }
    }

    /// Makes a queue that is not there. The caller holds `changes`.
    pub(crate) async fn make(&self, region: Region, name: &str, row: Row) -> Result<Arc<Live>, ApiError> {
        if self.queues.read().expect("no holder of this lock can panic").len() >= QUEUES_MAX {
            let text = format!("This account has {QUEUES_MAX} queues, which is as many as it may have.");
            return Err(Error::OverLimit(text).into());
        }
        let key = row_key(region, name);
        let deleted = DELETED.get(&*self.deps.state, &key).await.map_err(|error| storage(&error))?;
        if deleted.is_some_and(|deleted| row.created_ms - deleted.value.ms < PAUSE_MS) {
            return Err(Error::QueueDeletedRecently.into());
        }
        let put = QUEUES.put_op(&key, &row, Expect::Absent).map_err(|error| storage(&error))?;
        self.commit(vec![put, DELETED.delete_op(&key, Expect::Any)]).await?;
        let live = Arc::new(Live::new(region, name.to_owned(), self.arn(region, name), row));
        let mut queues = self.queues.write().expect("no holder of this lock can panic");
        queues.insert((region, name.to_owned()), Arc::clone(&live));
        Ok(live)
    }

    /// Changes how a queue is set up. The caller holds `changes`.
    pub(crate) async fn change(&self, live: &Live, row: Row) -> Result<(), ApiError> {
        let put = QUEUES.put_op(&live.row_key(), &row, Expect::Present).map_err(|error| storage(&error))?;
        self.commit(vec![put]).await?;
        live.set(row);
        // What was hidden may have become visible, and what waits may be too old.
        live.arrival.notify_waiters();
        Ok(())
    }

    /// Deletes a queue with all that lies in it.
    pub(crate) async fn delete(&self, live: &Live) -> Result<(), ApiError> {
        let _turn = self.changes.lock().await;
        let key = live.row_key();
        let deleted = Deleted { ms: self.now_ms() };
        let note = DELETED.put_op(&key, &deleted, Expect::Any).map_err(|error| storage(&error))?;
        self.commit(vec![QUEUES.delete_op(&key, Expect::Any), note]).await?;
        self.queues.write().expect("no holder of this lock can panic").remove(&(live.region, live.name.clone()));
        let numbers = {
            let mut lying = live.lock();
            lying.is_gone = true;
            lying.shelf.numbers()
        };
        live.arrival.notify_waiters();
        // From here on nothing depends on these rows: what a crash leaves of them is deleted at the next start.
        self.delete_rows(live, &numbers).await?;
        loop {
            let range = Range::prefix(key::key(&[live.id.as_bytes()]));
            let sent = SENT.scan(&*self.deps.state, range, DELETED_PER_COMMIT).await;
            let sent = sent.map_err(|error| storage(&error))?;
            self.commit(sent.iter().map(|doc| SENT.delete_op(&doc.key, Expect::Any)).collect()).await?;
            if sent.len() < DELETED_PER_COMMIT {
                return Ok(());
            }
        }
    }

    /// Empties a queue of what lies in it now.
    pub(crate) async fn purge(&self, live: &Live) -> Result<(), ApiError> {
        let entries: Vec<(u64, Entry)> = {
            let mut lying = live.lock();
            let numbers = lying.shelf.numbers();
            numbers.into_iter().filter_map(|number| Some((number, lying.shelf.remove(number)?))).collect()
        };
        let mut rest = &entries[..];
        while !rest.is_empty() {
            let (some, after) = rest.split_at(rest.len().min(DELETED_PER_COMMIT / 2));
            let ops = some.iter().flat_map(|(number, _)| live.delete_ops(*number)).collect();
            if let Err(error) = self.commit(ops).await {
                let mut lying = live.lock();
                rest.iter().for_each(|(number, entry)| lying.shelf.put(*number, entry.clone()));
                return Err(error);
            }
            rest = after;
        }
        Ok(())
    }

    async fn delete_rows(&self, live: &Live, numbers: &[u64]) -> Result<(), ApiError> {
        for chunk in numbers.chunks(DELETED_PER_COMMIT / 2) {
            self.commit(chunk.iter().flat_map(|number| live.delete_ops(*number)).collect()).await?;
        }
        Ok(())
    }

    /// Deletes what has become too old, in one queue after the other. Returns whether there is more to do.
    pub async fn round(&self) -> Result<bool, ApiError> {
        let now_ms = self.now_ms();
        let mut more = false;
        for live in self.all() {
            let ops = {
                let mut lying = live.lock_at(now_ms);
                let ops = lying.sweep(&live, now_ms);
                more |= lying.has_garbage(now_ms);
                ops
            };
            self.commit(ops).await?;
        }
        Ok(more)
    }
}
