//! [`Publisher`]: makes tables what stores are, step by step.
//!
//! ```text
//! parts of the store ─ files of each that has none ─ list of manifests ─ metadata file ─ commit {table, parts} ─ version-hint.text
//! ```
//!
//! Up to the commit nothing counts; after it the hint is written, again at the next start if need be.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use base::{Env, ids};
use eventstore::{Snapshot as StoreSnapshot, Stores};
use iceberg::{ManifestFile, Operation, Snapshot, Table, Totals, manifest_list};
use ports::{EventStores, Published, ServerBuckets, StoreId, TablePlace, Tables, Unavailable};
use state::{Expect, Op, Range, State};
use tokio::sync::Mutex;

use crate::columns::SCHEMA;
use crate::files::{Files, HINT, failed, metadata_name};
use crate::rows::{self, PARTS, PartRow, TABLES, TableRow};

/// Snapshots that readers may still ask for, with [`COMMIT_INTERVAL_MS`] between them: who began to read has ten minutes at least.
const SNAPSHOTS_KEPT: usize = 60;
/// Snapshots of a table are so far apart.
const COMMIT_INTERVAL_MS: u64 = 10_000;
/// Rows in memory are sealed, so that they can be published, when they were seen so long ago.
const TAIL_AGE_MS: u64 = 60_000;
/// Parts whose files go in one step.
const PARTS_PER_STEP: usize = 100;

fn not_committed(error: state::Error) -> Unavailable {
    failed("committing to a table", error)
}

fn table_op(store: &StoreId, table: &TableRow) -> Result<Op, Unavailable> {
    TABLES.put_op(store.as_str().as_bytes(), table, Expect::Any).map_err(not_committed)
}

fn part_op(store: &StoreId, part: &str, row: &PartRow) -> Result<Op, Unavailable> {
    PARTS.put_op(&rows::part_key(store, part), row, Expect::Any).map_err(not_committed)
}

fn part_removal(store: &StoreId, part: &str) -> Op {
    PARTS.delete_op(&rows::part_key(store, part), Expect::Any)
}

/// What is known of a table, and what is under way.
struct Known {
    table: TableRow,
    parts: BTreeMap<String, PartRow>,
    /// The sequence that the hint says, if this process wrote it.
    hinted: Option<u64>,
    /// The store as it is to be the next snapshot.
    next: Option<StoreSnapshot>,
    /// When another snapshot may be made.
    not_before_ms: u64,
    /// When rows were first seen in memory.
    tail_since_ms: Option<u64>,
}

/// See the module.
pub struct Publisher {
    env: Env,
    stores: Arc<Stores>,
    state: Arc<dyn State>,
    buckets: Arc<dyn ServerBuckets>,
    /// Held through a call: there is one at a time. Empty of a table whenever something failed: then it is read again.
    known: Mutex<HashMap<StoreId, Known>>,
}

impl Publisher {
    /// Publishes these stores.
    pub fn new(
        env: Env,
        stores: Arc<Stores>,
        state: Arc<dyn State>,
        buckets: Arc<dyn ServerBuckets>,
    ) -> Arc<Publisher> {
        Arc::new(Publisher { env, stores, state, buckets, known: Mutex::default() })
    }

    /// Reads what there is of a table, or begins one; removes files that belong to nothing.
    async fn open(&self, files: &Files<'_>) -> Result<Known, Unavailable> {
        let bad = |error: state::Error| failed("reading the rows of a table", error);
        let table = match TABLES.get(&*self.state, files.store.as_str().as_bytes()).await.map_err(bad)? {
            Some(doc) => doc.value,
            None => {
                TableRow { version: 1, uuid: ids::uuid(&*self.env.rng), snapshots: Vec::new(), expired: Vec::new() }
            }
        };
        let parts = self.parts(files.store).await?;
        self.buckets
            .provide(&files.place.bucket, files.place.region)
            .await
            .map_err(|error| failed("making the bucket of tables", error))?;
        let mut named: BTreeSet<String> = parts.iter().flat_map(|(part, row)| Files::of_part(part, row)).collect();
        named.insert(HINT.to_owned());
        for snapshot in table.snapshots.iter().chain(&table.expired) {
            named.insert(snapshot.list.clone());
            named.insert(metadata_name(snapshot.sequence));
        }
        files.sweep(|name| named.contains(name)).await?;
        Ok(Known { table, parts, hinted: None, next: None, not_before_ms: 0, tail_since_ms: None })
    }

    async fn parts(&self, store: &StoreId) -> Result<BTreeMap<String, PartRow>, Unavailable> {
        let bad = |error: state::Error| failed("reading the rows of a table", error);
        let prefix = rows::part_key(store, "");
        let mut parts = BTreeMap::new();
        let all = state::scan_all(&*self.state, PARTS.table(), Range::prefix(prefix.clone()), |row| {
            let doc = PARTS.read(row)?;
            parts.insert(String::from_utf8_lossy(&doc.key[prefix.len()..]).into_owned(), doc.value);
            Ok::<bool, state::Error>(true)
        });
        all.await.map_err(bad)?;
        Ok(parts)
    }

    async fn commit(&self, ops: Vec<Op>) -> Result<(), Unavailable> {
        self.state.commit(ops).await.map(|_| ()).map_err(not_committed)
    }

    async fn step(&self, files: &Files<'_>, known: &mut Known) -> Result<Published, Unavailable> {
        let now_ms = self.env.clock.monotonic_ms();
        let sequence = known.table.sequence();
        if sequence > 0 && known.hinted != Some(sequence) {
            files.put(HINT, sequence.to_string(), "text/plain").await?;
            known.hinted = Some(sequence);
        }
        let readable = sequence > 0;
        // What nobody may query is not published either.
        if let Err(error) = self.stores.is_readable(files.store).await {
            tracing::warn!(store = %files.store, %error, "the table of an event data store waits for the key of the store");
            return Ok(Published { readable, more: false });
        }
        if self.tidy(files, known).await? {
            return Ok(Published { readable, more: true });
        }
        self.seal(files.store, known, now_ms).await?;
        if known.next.is_none() {
            if readable && now_ms < known.not_before_ms {
                return Ok(Published { readable, more: false });
            }
            let gone = || Unavailable(format!("there is no event store {}", files.store));
            let next = self.stores.sealed(files.store).ok_or_else(gone)?;
            let live = known.parts.iter().filter(|(_, row)| row.added.is_some() && row.removed.is_none());
            let published: BTreeSet<&str> = live.map(|(part, _)| part.as_str()).collect();
            let same = next.parts().iter().map(|part| part.name()).collect::<BTreeSet<_>>() == published;
            if readable && same {
                return Ok(Published { readable, more: false });
            }
            known.next = Some(next);
        }
        let Some(next) = &known.next else { return Ok(Published { readable, more: true }) };
        if let Some(part) = next.parts().iter().find(|part| !known.parts.contains_key(part.name())) {
            let row = files.write_part(next, part).await?;
            self.commit(vec![part_op(files.store, part.name(), &row)?]).await?;
            known.parts.insert(part.name().to_owned(), row);
            return Ok(Published { readable, more: true });
        }
        self.make_snapshot(files, known).await?;
        known.not_before_ms = now_ms.saturating_add(COMMIT_INTERVAL_MS);
        Ok(Published { readable: true, more: true })
    }

    /// Stores what is in memory for long, so that it becomes a part.
    async fn seal(&self, store: &StoreId, known: &mut Known, now_ms: u64) -> Result<(), Unavailable> {
        if self.stores.tail_rows(store) == 0 {
            known.tail_since_ms = None;
            return Ok(());
        }
        let since_ms = *known.tail_since_ms.get_or_insert(now_ms);
        if now_ms.saturating_sub(since_ms) >= TAIL_AGE_MS {
            known.tail_since_ms = None;
            self.stores.flush().await?;
        }
        Ok(())
    }

    /// Makes a snapshot of the store as it is in `known.next`, every part of which has its files.
    async fn make_snapshot(&self, files: &Files<'_>, known: &mut Known) -> Result<(), Unavailable> {
        let Some(next) = &known.next else { return Ok(()) };
        let wanted: BTreeSet<&str> = next.parts().iter().map(|part| part.name()).collect();
        let sequence = known.table.sequence() + 1;
        let id = self.new_id(&known.table);
        let mut table = known.table.clone();
        let mut changed: Vec<(String, PartRow)> = Vec::new();
        let mut manifests: Vec<ManifestFile> = Vec::new();
        let (mut added, mut removed, mut all) = (Totals::default(), Totals::default(), Totals::default());
        let count = |to: &mut Totals, row: &PartRow| {
            to.files += row.totals.files;
            to.rows += row.totals.rows;
            to.bytes += row.totals.bytes;
        };
        for (part, row) in &known.parts {
            let (wanted, mut row) = (wanted.contains(part.as_str()), row.clone());
            match (wanted, row.removed) {
                // A part that was too old comes back when the period is made longer, or the clock set back: its files are there.
                (true, gone) => {
                    let first = row.added.filter(|_| gone.is_none());
                    // Retention may have hidden all rows of a part.
                    if row.totals.files > 0 {
                        manifests.push(files.manifest_of(part, &row, first.unwrap_or((sequence, id))));
                    }
                    count(&mut all, &row);
                    if first.is_none() {
                        count(&mut added, &row);
                        (row.added, row.removed) = (Some((sequence, id)), None);
                        changed.push((part.clone(), row));
                    }
                }
                // A part that merging took away before any snapshot had it goes with those that have been in one.
                (false, None) => {
                    if row.added.is_some() {
                        count(&mut removed, &row);
                    }
                    row.removed = Some(sequence);
                    changed.push((part.clone(), row));
                }
                (false, Some(_)) => {}
            }
        }
        let operation = match (added.files > 0, removed.files > 0) {
            (_, false) => Operation::Append,
            (false, true) => Operation::Delete,
            (true, true) => Operation::Overwrite,
        };
        let list = format!("metadata/snap-{sequence}-{id}.avro");
        let parent = table.snapshots.last().map(|snapshot| snapshot.id);
        let content = manifest_list(id, parent, sequence, &manifests);
        files.put(&list, content, "application/octet-stream").await?;
        let before_ms = table.snapshots.last().map_or(0, |snapshot| snapshot.made_ms);
        let made_ms = self.env.clock.now().ms().max(before_ms);
        table.snapshots.push(Snapshot { id, sequence, made_ms, list, operation, added, removed, all });
        let old = table.snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
        table.expired.extend(table.snapshots.drain(..old));
        let location = files.location();
        let metadata =
            Table { uuid: &table.uuid, location: &location, schema: &SCHEMA, snapshots: &table.snapshots }.json();
        files.put(&metadata_name(sequence), metadata, "application/json").await?;
        let mut ops = vec![table_op(files.store, &table)?];
        for (part, row) in &changed {
            ops.push(part_op(files.store, part, row)?);
        }
        self.commit(ops).await?;
        known.parts.extend(changed);
        known.table = table;
        known.next = None;
        files.put(HINT, sequence.to_string(), "text/plain").await?;
        known.hinted = Some(sequence);
        Ok(())
    }

    fn new_id(&self, table: &TableRow) -> i64 {
        loop {
            let mut bytes = [0; 8];
            self.env.rng.fill(&mut bytes);
            let id = i64::from_le_bytes(bytes) & i64::MAX;
            if id > 0 && table.snapshots.iter().chain(&table.expired).all(|snapshot| snapshot.id != id) {
                return id;
            }
        }
    }

    /// Removes files that no kept snapshot names. Says whether there were any.
    async fn tidy(&self, files: &Files<'_>, known: &mut Known) -> Result<bool, Unavailable> {
        if !known.table.expired.is_empty() {
            let names = |snapshot: &Snapshot| [snapshot.list.clone(), metadata_name(snapshot.sequence)];
            files.remove(known.table.expired.iter().flat_map(names)).await?;
            let table = TableRow { expired: Vec::new(), ..known.table.clone() };
            self.commit(vec![table_op(files.store, &table)?]).await?;
            known.table = table;
            return Ok(true);
        }
        let oldest = known.table.snapshots.first().map_or(u64::MAX, |snapshot| snapshot.sequence);
        let never = |row: &PartRow| row.added.is_none() && row.removed.is_some();
        let gone = |row: &PartRow| never(row) || row.removed.is_some_and(|removed| removed <= oldest);
        let gone: Vec<String> = known
            .parts
            .iter()
            .filter(|(_, row)| gone(row))
            .map(|(part, _)| part.clone())
            .take(PARTS_PER_STEP)
            .collect();
        if gone.is_empty() {
            return Ok(false);
        }
        for part in &gone {
            files.remove(Files::of_part(part, &known.parts[part])).await?;
        }
        self.commit(gone.iter().map(|part| part_removal(files.store, part)).collect()).await?;
        for part in &gone {
            known.parts.remove(part);
        }
        Ok(true)
    }
}

#[async_trait]
impl Tables for Publisher {
    async fn publish(&self, store: &StoreId, place: &TablePlace) -> Result<Published, Unavailable> {
        let files = Files { buckets: &*self.buckets, place, store };
        let mut all = self.known.lock().await;
        // Taken out: what fails, or is broken off, is read again.
        let mut known = match all.remove(store) {
            Some(known) => known,
            None => self.open(&files).await?,
        };
        let done = self.step(&files, &mut known).await?;
        all.insert(store.clone(), known);
        Ok(done)
    }

    async fn withdraw(&self, store: &StoreId, place: &TablePlace) -> Result<(), Unavailable> {
        let files = Files { buckets: &*self.buckets, place, store };
        let mut all = self.known.lock().await;
        all.remove(store);
        // The hint first: without it there is no table.
        files.remove([HINT.to_owned()]).await?;
        files.sweep(|_| false).await?;
        let parts: Vec<String> = self.parts(store).await?.into_keys().collect();
        for parts in parts.chunks(PARTS_PER_STEP) {
            self.commit(parts.iter().map(|part| part_removal(store, part)).collect()).await?;
        }
        self.commit(vec![TABLES.delete_op(store.as_str().as_bytes(), Expect::Any)]).await
    }
}
