//! [`Stores`]: all event stores of a server. What there is stands in the state tables; memory holds the same, and after a commit whose
//! outcome is unknown it is read again before anything else is written.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::time::DAY_MS;
use base::{Env, ids};
use bytes::Bytes;
use objects::Objects;
use ports::lake::StoreStats;
use ports::{KeyError, StoreId, Unavailable};
use state::{CommitInfo, Expect, Op, Range, State};
use tokio::sync::watch;
use twox_hash::XxHash3_128;

use crate::cache::Columns;
use crate::encryption::{Encrypting, Encryption, KeyRow, Vault};
use crate::figures::Counts;
use crate::index::HASH_BITS;
use crate::part::{Heads, Part, Shelf, object_names};
use crate::rebuild::Rebuild;
use crate::rows::{self, CURSOR, CursorRow, ONLY, PARTS, PartRow, STORES, StoreRow};
use crate::snapshot::Snapshot;
use crate::sweep::Sweep;
use crate::tail::Tail;

/// Rows of parts that go in one commit.
const PARTS_PER_COMMIT: usize = 2_000;

/// What may be chosen. The defaults fit a server; tests take less.
#[derive(Clone, Debug)]
pub struct Options {
    /// The tails of all stores are sealed when they have so many rows …
    pub tail_rows_max: usize,
    /// … or so many bytes of JSON …
    pub tail_bytes_max: usize,
    /// … or when their first row is so old: the journal cannot be trimmed before.
    pub tail_age_ms: u64,
    /// … or when so many entries would have to be read again after a start.
    pub unsealed_entries_max: u64,
    /// The most rows that background work puts into one part: some 100 MiB.
    pub part_rows_max: u64,
    /// So many parts of like size become one.
    pub merge_parts_min: usize,
    /// Rows of a part that an import makes; a longer call makes several.
    pub append_rows_max: usize,
    /// How long the built-in store keeps records.
    pub events_retention_days: u32,
    /// How many bytes of columns are kept decoded for the next query.
    pub column_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            tail_rows_max: 32_768,
            tail_bytes_max: 32 << 20,
            tail_age_ms: 900_000,
            unsealed_entries_max: 65_536,
            part_rows_max: 1 << 20,
            merge_parts_min: 4,
            append_rows_max: 131_072,
            // The longest that CloudTrail Lake keeps events.
            events_retention_days: 3_653,
            column_bytes_max: 64 << 20,
        }
    }
}

/// A store, in memory.
pub(crate) struct Store {
    pub(crate) row: StoreRow,
    pub(crate) rev: u64,
    pub(crate) parts: BTreeMap<String, (u64, Arc<Part>)>,
    pub(crate) tail: Tail,
    /// Hashes of records that are being appended.
    pub(crate) reserved: HashSet<u128>,
}

/// All that there is.
#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) stores: BTreeMap<StoreId, Store>,
    /// As committed, with its revision.
    pub(crate) cursor: CursorRow,
    pub(crate) cursor_rev: Option<u64>,
    /// The first entry of the journal that is not in memory either.
    pub(crate) next: u64,
    pub(crate) selection: Bytes,
    /// When the tails were empty last.
    pub(crate) tail_since_ms: Option<u64>,
}

impl Inner {
    pub(crate) fn store(&self, store: &StoreId) -> Result<&Store, Unavailable> {
        self.stores.get(store).ok_or_else(|| Unavailable(format!("there is no event store {store}")))
    }
}

/// See the module.
pub struct Stores {
    pub(crate) env: Env,
    pub(crate) state: Arc<dyn State>,
    pub(crate) shelf: Shelf,
    pub(crate) options: Options,
    inner: Mutex<Inner>,
    /// Held while the tables are written, so that memory follows them in order.
    writing: tokio::sync::Mutex<()>,
    /// One seal at a time.
    pub(crate) sealing: tokio::sync::Mutex<()>,
    /// The outcome of a commit is unknown.
    stale: AtomicBool,
    /// Begins the names of parts that this process makes.
    run: String,
    /// What is left to do of looking for contents that no row names.
    pub(crate) sweep: Mutex<Option<Sweep>>,
    pub(crate) counts: Counts,
    /// Parts whose objects were written and whose commit failed, perhaps.
    strays: Mutex<Vec<(StoreId, String)>>,
    pub(crate) visible: watch::Sender<u64>,
    /// Changes whenever reserved hashes were let go.
    pub(crate) released: watch::Sender<u64>,
}

pub(crate) fn failed(what: &str, error: impl std::fmt::Display) -> Unavailable {
    Unavailable(format!("{what}: {error}"))
}

/// Objects of a part that no row names yet; if none ever does, they are removed.
pub(crate) struct Fresh<'a> {
    stores: &'a Stores,
    pub(crate) store: StoreId,
    pub(crate) name: String,
    kept: bool,
}

impl Fresh<'_> {
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        if !self.kept {
            let mut strays = self.stores.strays.lock().unwrap_or_else(PoisonError::into_inner);
            strays.push((self.store.clone(), self.name.clone()));
        }
    }
}

impl Stores {
    /// Reads what there is, and makes the built-in store if it is absent. Needs the tables and not the objects.
    pub async fn open(
        env: Env,
        state: Arc<dyn State>,
        objects: Arc<dyn Objects>,
        options: Options,
    ) -> Result<Arc<Stores>, Unavailable> {
        Stores::open_with(env, state, objects, None, options).await
    }

    /// The same; `encryption` is for stores under keys of KMS, which cannot be read without it.
    pub async fn open_with(
        env: Env,
        state: Arc<dyn State>,
        objects: Arc<dyn Objects>,
        encryption: Option<Encryption>,
        options: Options,
    ) -> Result<Arc<Stores>, Unavailable> {
        let columns = Columns::new(options.column_bytes_max);
        let vault = Vault::new(env.clone(), encryption);
        let shelf = Shelf { objects, vault, garbage: Arc::default(), heads: Heads::default(), columns };
        let mut run = [0; 8];
        env.rng.fill(&mut run);
        let stores = Stores {
            env,
            run: ids::hex(&run),
            sweep: Mutex::default(),
            counts: Counts::default(),
            state,
            shelf,
            options,
            inner: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            sealing: tokio::sync::Mutex::default(),
            stale: AtomicBool::new(true),
            strays: Mutex::default(),
            visible: watch::Sender::new(0),
            released: watch::Sender::new(0),
        };
        stores.fresh().await?;
        // Before anything is made or dropped.
        let sweep = Sweep::of(&stores.inner());
        *stores.sweep.lock().unwrap_or_else(PoisonError::into_inner) = Some(sweep);
        stores.unmake(&Rebuild::beside()).await?;
        let days = stores.options.events_retention_days;
        let known = stores.inner().stores.get(&StoreId::events()).map(|store| store.row.retention_days);
        if known != Some(days) {
            stores.make(&StoreId::events(), days).await?;
        }
        stores.visible.send_replace(stores.inner().next);
        Ok(Arc::new(stores))
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A consistent picture of a store, cheap to take. What it names stays until it is dropped. `None` if there is no such store.
    pub fn snapshot(&self, store: &StoreId) -> Option<Snapshot> {
        self.picture(store, |_| true)
    }

    /// The same without the tail: what is stored for good.
    pub fn sealed(&self, store: &StoreId) -> Option<Snapshot> {
        self.picture(store, |_| false)
    }

    /// How many rows of a store are in no part yet.
    pub fn tail_rows(&self, store: &StoreId) -> usize {
        self.inner().stores.get(store).map_or(0, |found| found.tail.rows.len())
    }

    /// The same, with the tail only if `which` wants it: making columns of it takes some milliseconds.
    pub(crate) fn picture(&self, store: &StoreId, which: impl FnOnce(&Tail) -> bool) -> Option<Snapshot> {
        let horizon_ms = self.horizon_ms(store)?;
        let inner = self.inner();
        let found = inner.stores.get(store)?;
        let parts = found.parts.values().map(|(_, part)| part).filter(|part| part.newest_ms() >= horizon_ms);
        let parts = parts.cloned().collect();
        let tail = if which(&found.tail) { found.tail.view() } else { Tail::default().view() };
        drop(inner);
        Some(Snapshot::new(parts, tail, horizon_ms))
    }

    /// The time before which a store's events are not seen.
    pub(crate) fn horizon_ms(&self, store: &StoreId) -> Option<i64> {
        let days = i64::from(self.inner().stores.get(store)?.row.retention_days);
        Some(self.env.clock.now().plus_ms(-days.saturating_mul(DAY_MS)).ms())
    }

    /// What a store holds.
    pub(crate) fn count(&self, store: &StoreId) -> Option<StoreStats> {
        let horizon_ms = self.horizon_ms(store)?;
        let inner = self.inner();
        let found = inner.stores.get(store)?;
        let mut stats = StoreStats::default();
        let mut seen = |oldest: i64, newest: i64| {
            stats.oldest_ms = Some(stats.oldest_ms.unwrap_or(i64::MAX).min(oldest));
            stats.newest_ms = Some(stats.newest_ms.unwrap_or(i64::MIN).max(newest));
        };
        let live = || found.parts.values().map(|(_, part)| part).filter(|part| part.newest_ms() >= horizon_ms);
        live().for_each(|part| seen(part.oldest_ms().max(horizon_ms), part.newest_ms()));
        found.tail.rows.iter().filter_map(|row| row.time_ms).for_each(|ms| seen(ms, ms));
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        stats.rows = live().map(|part| part.rows()).sum::<u64>() + wide(found.tail.rows.len());
        stats.json_bytes = live().map(|part| part.row.json_bytes).sum::<u64>() + wide(found.tail.bytes);
        stats.stored_bytes = live().map(|part| part.bytes()).sum();
        Some(stats)
    }

    /// The hash by which a record is known in a store.
    pub(crate) fn hash(seed: u64, json: &[u8]) -> u128 {
        XxHash3_128::oneshot_with_seed(seed, json) >> (u128::BITS - HASH_BITS)
    }

    /// A new part's name, whose objects go again if it is dropped and not kept.
    pub(crate) fn new_part(&self, store: &StoreId) -> Fresh<'_> {
        let mut bytes = [0; 8];
        self.env.rng.fill(&mut bytes);
        let name = format!("{}{}", self.run, ids::hex(&bytes));
        Fresh { stores: self, store: store.clone(), name, kept: false }
    }

    /// Stores a part's contents. Nothing has changed before its row is committed. Durable when it returns.
    pub(crate) async fn shelve(
        &self,
        part: &Fresh<'_>,
        encrypting: &Encrypting,
        columns: Bytes,
        index: Bytes,
    ) -> Result<(), Unavailable> {
        let [columns_name, index_name] = object_names(part.store.as_str(), &part.name);
        let put = |name: String, bytes| async move {
            let done = encrypting.put(&*self.shelf.objects, &*self.env.rng, &name, bytes).await;
            done.map_err(|error| failed("storing a part", error))
        };
        put(columns_name, columns).await?;
        put(index_name, index).await
    }

    pub(crate) fn part(&self, store: &StoreId, name: &str, row: PartRow) -> Arc<Part> {
        Arc::new(Part::new(store.clone(), name.to_owned(), row, self.shelf.clone()))
    }

    /// Makes memory what the tables say, if that is not known.
    pub(crate) async fn fresh(&self) -> Result<(), Unavailable> {
        if self.stale.load(Ordering::Acquire) {
            let _writing = self.writing.lock().await;
            if self.stale.load(Ordering::Acquire) {
                self.refresh().await?;
            }
        }
        Ok(())
    }

    /// Commits what `make` asks for, and lets memory follow by `apply`. Durable when it returns. After an error it may have happened
    /// all the same; memory is then read again before the next commit.
    pub(crate) async fn commit<T>(
        &self,
        make: impl FnOnce(&Inner) -> Result<(Vec<Op>, T), Unavailable>,
        apply: impl FnOnce(&mut Inner, CommitInfo, T),
    ) -> Result<(), Unavailable> {
        let _writing = self.writing.lock().await;
        if self.stale.load(Ordering::Acquire) {
            self.refresh().await?;
        }
        let (ops, made) = make(&self.inner())?;
        self.stale.store(true, Ordering::Release);
        let info = self.state.commit(ops).await.map_err(|error| failed("committing to the event stores", error))?;
        apply(&mut self.inner(), info, made);
        self.stale.store(false, Ordering::Release);
        Ok(())
    }

    /// Reads the tables; tails lose what is in a part.
    async fn refresh(&self) -> Result<(), Unavailable> {
        let bad = |error: state::Error| failed("reading the tables of the event stores", error);
        let cursor = self.state.get(CURSOR, ONLY).await.map_err(bad)?;
        let mut stores: BTreeMap<StoreId, (StoreRow, u64)> = BTreeMap::new();
        let all = state::scan_all(&*self.state, STORES, Range::all(), |row| {
            if let Some(store) = std::str::from_utf8(&row.key).ok().and_then(StoreId::parse) {
                stores.insert(store, (rows::read(STORES, &row)?, row.rev));
            }
            Ok::<bool, state::Error>(true)
        });
        all.await.map_err(bad)?;
        let mut parts: Vec<(StoreId, String, PartRow, u64)> = Vec::new();
        let all = state::scan_all(&*self.state, PARTS, Range::all(), |row| {
            if let Some((store, part)) = rows::read_part_key(&row.key) {
                parts.push((store, part, rows::read(PARTS, &row)?, row.rev));
            }
            Ok::<bool, state::Error>(true)
        });
        all.await.map_err(bad)?;
        let cursor_rev = cursor.as_ref().map(|row| row.rev);
        let cursor: Option<CursorRow> = cursor.map(|row| rows::read(CURSOR, &row)).transpose().map_err(bad)?;
        let cursor = cursor.unwrap_or_default();
        let mut inner = self.inner();
        let mut old = std::mem::take(&mut inner.stores);
        for (id, (row, rev)) in stores {
            let before = old.remove(&id);
            let (old_parts, mut tail, reserved) =
                before.map_or_else(Default::default, |store| (store.parts, store.tail, store.reserved));
            tail.forget_before(cursor.next);
            let mut store = Store { row, rev, parts: BTreeMap::new(), tail, reserved };
            for (_, name, row, rev) in parts.iter().filter(|(store, ..)| *store == id) {
                let part = old_parts.get(name).map(|(_, part)| Arc::clone(part));
                let part = part.unwrap_or_else(|| self.part(&id, name, row.clone()));
                store.parts.insert(name.clone(), (*rev, part));
            }
            // What was there and is not any more went in a commit whose outcome was unknown.
            old_parts
                .iter()
                .filter(|(name, _)| !store.parts.contains_key(*name))
                .for_each(|(_, (_, part))| part.doom());
            inner.stores.insert(id, store);
        }
        old.values().flat_map(|store| store.parts.values()).for_each(|(_, part)| part.doom());
        if inner.next < cursor.next {
            inner.next = cursor.next;
            inner.selection = cursor.selection();
        }
        (inner.cursor, inner.cursor_rev) = (cursor, cursor_rev);
        self.stale.store(false, Ordering::Release);
        Ok(())
    }

    /// Whether this process made the part of an object.
    pub(crate) fn is_ours(&self, object: &str) -> bool {
        object.rsplit_once('/').is_some_and(|(_, name)| name.starts_with(&self.run))
    }

    pub(crate) async fn delete(&self, names: &[String]) -> Result<(), Unavailable> {
        let gone = self.shelf.objects.delete_many(names).await;
        gone.map_err(|error| failed("deleting parts of event stores", error))
    }

    /// Removes the contents of parts that are gone, and of those that never came to be. Says whether there were any.
    pub(crate) async fn tidy(&self) -> Result<bool, Unavailable> {
        self.fresh().await?;
        let strays = std::mem::take(&mut *self.strays.lock().unwrap_or_else(PoisonError::into_inner));
        let mut names = std::mem::take(&mut *self.shelf.garbage.lock().unwrap_or_else(PoisonError::into_inner));
        for (store, part) in strays {
            let kept = self.inner().stores.get(&store).is_some_and(|store| store.parts.contains_key(&part));
            if !kept {
                names.extend(object_names(store.as_str(), &part));
            }
        }
        if names.is_empty() {
            return Ok(false);
        }
        let gone = self.delete(&names).await;
        if gone.is_err() {
            self.shelf.garbage.lock().unwrap_or_else(PoisonError::into_inner).append(&mut names);
        }
        gone.map(|()| true)
    }

    /// Makes a store, or changes its retention.
    pub(crate) async fn make(&self, store: &StoreId, retention_days: u32) -> Result<(), Unavailable> {
        let mut seed = [0; 8];
        self.env.rng.fill(&mut seed);
        self.make_of(store, retention_days, u64::from_le_bytes(seed)).await
    }

    /// The seed is for a new store.
    pub(crate) async fn make_of(&self, store: &StoreId, retention_days: u32, seed: u64) -> Result<(), Unavailable> {
        let make = |inner: &Inner| {
            let old = inner.stores.get(store);
            let hash_seed = old.map_or(seed, |old| old.row.hash_seed);
            let key = old.and_then(|old| old.row.key.clone());
            let row = StoreRow { version: 1, retention_days, hash_seed, key };
            let expect = old.map(|old| old.rev).into();
            Ok((vec![rows::put(STORES, store.as_str(), &row, expect)], row))
        };
        let apply = |inner: &mut Inner, info: CommitInfo, row: StoreRow| match inner.stores.get_mut(store) {
            Some(old) => (old.row, old.rev) = (row, info.revs[0]),
            None => {
                let tail = Tail::default();
                let new = Store { row, rev: info.revs[0], parts: BTreeMap::new(), tail, reserved: HashSet::new() };
                inner.stores.insert(store.clone(), new);
            }
        };
        self.commit(make, apply).await
    }

    /// Keeps a store under a data key from here on; background work moves what is there. Stays with the data key that it has, if that is
    /// under the same key of KMS.
    pub(crate) async fn put_under(&self, store: &StoreId, key: KeyRow) -> Result<(), Unavailable> {
        self.fresh().await?;
        let has = |inner: &Inner| match &inner.store(store)?.row.key {
            Some(old) if old.key_arn == key.key_arn => Ok(true),
            Some(old) => Err(Unavailable(format!("event store {store} is under another key, {}", old.key_arn))),
            None => Ok(false),
        };
        if has(&self.inner())? {
            return Ok(());
        }
        let make = |inner: &Inner| {
            has(inner)?;
            let found = inner.store(store)?;
            let key = found.row.key.clone().unwrap_or_else(|| key.clone());
            let row = StoreRow { key: Some(key), ..found.row.clone() };
            Ok((vec![rows::put(STORES, store.as_str(), &row, Expect::Rev(found.rev))], row))
        };
        let apply = |inner: &mut Inner, info: CommitInfo, row: StoreRow| {
            if let Some(found) = inner.stores.get_mut(store) {
                (found.row, found.rev) = (row, info.revs[0]);
            }
        };
        self.commit(make, apply).await
    }

    /// Under what a store is kept.
    pub(crate) fn key_of(&self, store: &StoreId) -> Option<KeyRow> {
        self.inner().stores.get(store)?.row.key.clone()
    }

    /// How a new part of a store is written.
    pub(crate) async fn encrypting(&self, store: &StoreId) -> Result<Encrypting, Unavailable> {
        // A store that is gone is no store in clear.
        let key = self.inner().store(store)?.row.key.clone();
        self.shelf.vault.encrypting(key.as_ref()).await
    }

    /// Asks KMS whether a store may be read.
    pub(crate) async fn may_read(&self, store: &StoreId) -> Result<(), KeyError> {
        match self.key_of(store) {
            Some(key) => self.shelf.vault.ask(&key).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Whether a store could be read lately; KMS is asked only if that is not known. For work in the background: a query asks
    /// ([`ports::EventStores::unlock`]).
    pub async fn is_readable(&self, store: &StoreId) -> Result<(), KeyError> {
        match self.key_of(store) {
            Some(key) => self.shelf.vault.open(&key).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Drops these parts of a store. With `last` the store goes with them. Durable when it returns.
    async fn drop_parts(&self, store: &StoreId, names: &[String], last: bool) -> Result<(), Unavailable> {
        let make = |inner: &Inner| {
            let found = inner.store(store)?;
            let here = names.iter().filter(|name| found.parts.contains_key(*name));
            let mut ops: Vec<Op> =
                here.map(|name| rows::delete(PARTS, rows::part_key(store, name), Expect::Any)).collect();
            if last {
                if found.parts.len() > ops.len() {
                    return Err(Unavailable(format!("event store {store} got a part while it was removed")));
                }
                ops.push(rows::delete(STORES, store.as_str(), Expect::Present));
            }
            Ok((ops, ()))
        };
        let apply = |inner: &mut Inner, _, ()| {
            if let Some(found) = inner.stores.get_mut(store) {
                for name in names {
                    if let Some((_, part)) = found.parts.remove(name) {
                        part.doom();
                    }
                }
            }
            if last && let Some(StoreRow { key: Some(key), .. }) = inner.stores.remove(store).map(|store| store.row) {
                self.shelf.vault.forget(&key);
            }
        };
        self.commit(make, apply).await
    }

    /// Drops the parts that `which` says. Durable when it returns; says how many there were.
    pub(crate) async fn drop_some(&self, store: &StoreId, which: impl Fn(&Part) -> bool) -> Result<usize, Unavailable> {
        let mut count = 0;
        loop {
            let names: Vec<String> = {
                let inner = self.inner();
                let Some(found) = inner.stores.get(store) else { return Ok(count) };
                let chosen = found.parts.values().filter(|(_, part)| which(part));
                chosen.take(PARTS_PER_COMMIT).map(|(_, part)| part.name.to_string()).collect()
            };
            if names.is_empty() {
                return Ok(count);
            }
            count += names.len();
            self.drop_parts(store, &names, false).await?;
        }
    }

    /// Removes a store and all it has.
    pub(crate) async fn unmake(&self, store: &StoreId) -> Result<(), Unavailable> {
        self.fresh().await?;
        loop {
            let names: Vec<String> = match self.inner().stores.get(store) {
                Some(found) => found.parts.keys().cloned().collect(),
                None => return Ok(()),
            };
            if names.len() <= PARTS_PER_COMMIT {
                return self.drop_parts(store, &names, true).await;
            }
            self.drop_parts(store, &names[..PARTS_PER_COMMIT], false).await?;
        }
    }
}
