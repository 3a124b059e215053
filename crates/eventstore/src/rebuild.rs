//! Making the built-in store again: its records are gathered from other places into a store beside it, which then takes its place in one
//! commit. Until then nothing has changed; a crash leaves the old store, and the start after it clears away what was begun.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use bytes::Bytes;
use futures_util::TryStreamExt;
use journal::{Journal, ReadLimit, Seq};
use ports::lake::{Appended, NewRecord, QueryProgress};
use ports::{StoreId, Unavailable};
use state::{CommitInfo, Expect, Op};
use worker::EntryKind;

use crate::part::Part;
use crate::project::Projection;
use crate::read::ReadOptions;
use crate::rows::{self, PARTS, STORES};
use crate::scan;
use crate::schema::{EVENT_JSON, PATHS, leaf};
use crate::stores::{Inner, Stores, failed};

/// The name of the store that is made. Stores of users have other names: UUIDs.
const BESIDE: &str = "rebuild";
/// So many records, or so many bytes of them, are stored together.
const PIECE_RECORDS: usize = 65_536;
const PIECE_BYTES: usize = 64 << 20;
/// Entries of the journal read at a time.
const READ: ReadLimit = ReadLimit { max_bytes: 4 << 20, max_entries: 4_096 };

/// What would be lost if the new store took the place of the old one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Records that the old store has and the new one has not.
    pub records: u64,
    /// Records of parts whose index cannot be read: the new store may have them or not.
    pub unknown: u64,
}

/// See the module. The only user of the stores: no consumer and no service may run.
pub struct Rebuild {
    stores: Arc<Stores>,
    beside: StoreId,
    /// Records of the journal that the consumer has not stored yet, and will.
    coming: HashSet<u128>,
    seed: u64,
    waiting: Vec<NewRecord>,
    waiting_bytes: usize,
    added: Appended,
    /// Parts of the old store that were read to their end.
    read: HashSet<String>,
}

impl Rebuild {
    pub(crate) fn beside() -> StoreId {
        StoreId::parse(BESIDE).expect("a word of small letters is a name")
    }

    /// Begins with an empty store.
    pub async fn begin(stores: Arc<Stores>, journal: &dyn Journal) -> Result<Rebuild, Unavailable> {
        let beside = Rebuild::beside();
        stores.unmake(&beside).await?;
        let (row, next) = {
            let inner = stores.inner();
            (inner.store(&StoreId::events())?.row.clone(), inner.cursor.next)
        };
        let seed = row.hash_seed;
        stores.make_of(&beside, row.retention_days, seed).await?;
        let mut coming = HashSet::new();
        each_record(journal, Seq::new(next), |record| {
            coming.insert(Stores::hash(seed, &record));
        })?;
        let (waiting, added, read) = (Vec::new(), Appended::default(), HashSet::new());
        Ok(Rebuild { stores, beside, coming, seed, waiting, waiting_bytes: 0, added, read })
    }

    /// How many records the old store has.
    pub fn records_before(&self) -> u64 {
        let inner = self.stores.inner();
        inner.stores.get(&StoreId::events()).map_or(0, |store| store.parts.values().map(|(_, part)| part.rows()).sum())
    }

    /// Adds a record, if it was not added already and the consumer of the journal does not bring it. Durable only after
    /// [`Rebuild::finish`].
    pub async fn add(&mut self, record: NewRecord) -> Result<(), Unavailable> {
        if self.coming.contains(&Stores::hash(self.seed, &record.json)) {
            return Ok(());
        }
        self.waiting_bytes = self.waiting_bytes.saturating_add(record.json.len());
        self.waiting.push(record);
        if self.waiting.len() >= PIECE_RECORDS || self.waiting_bytes >= PIECE_BYTES {
            self.settle().await
        } else {
            Ok(())
        }
    }

    /// Stores what waits. Returns what became of all records so far.
    pub async fn added(&mut self) -> Result<Appended, Unavailable> {
        self.settle().await?;
        Ok(self.added)
    }

    async fn settle(&mut self) -> Result<(), Unavailable> {
        self.waiting_bytes = 0;
        let added = self.stores.add(&self.beside, std::mem::take(&mut self.waiting), false).await?;
        self.added.kept += added.kept;
        self.added.duplicate += added.duplicate;
        self.added.unreadable += added.unreadable;
        Ok(())
    }

    /// Adds the records that the journal still has and the consumer has stored already.
    pub async fn add_journal(&mut self, journal: &dyn Journal) -> Result<(), Unavailable> {
        let end = Seq::new(self.stores.inner().cursor.next);
        let mut at = journal.first();
        while at < end.min(journal.durable_end()) {
            let entries = journal.read(at, READ).map_err(|error| failed("reading the journal", error))?;
            let Some(last) = entries.last() else { return Ok(()) };
            at = last.seq.next();
            for entry in entries.iter().filter(|entry| entry.seq < end) {
                if let Ok(EntryKind::Finish { record, .. }) = EntryKind::read(entry)
                    && scan::checked(&record).is_ok()
                {
                    self.add(NewRecord::new(Bytes::copy_from_slice(&record))).await?;
                }
            }
        }
        Ok(())
    }

    /// Adds what can be read of the old store. Returns of how many records it could not.
    pub async fn add_old(&mut self) -> Result<u64, Unavailable> {
        let Some(snapshot) = self.stores.snapshot(&StoreId::events()) else { return Ok(0) };
        let checksum = PATHS[leaf::CHECKSUM].path.as_str();
        let columns = Projection::of([EVENT_JSON, checksum]).map_err(|error| failed("reading the old store", error))?;
        let mut unreadable = 0;
        for part in snapshot.parts() {
            let progress = Arc::new(QueryProgress::default());
            let mut batches = snapshot.read(part, ReadOptions::new(columns.clone()), progress);
            let mut read = 0_u64;
            loop {
                let batch = match batches.try_next().await {
                    Ok(Some(batch)) => batch,
                    Ok(None) => {
                        self.read.insert(part.name().to_owned());
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(part = part.name(), %error, "a part of the old store cannot be read to its end");
                        unreadable += part.rows().saturating_sub(read);
                        break;
                    }
                };
                let column = |name| batch.column_by_name(name).and_then(|column| column.as_string_view_opt());
                let (json, sums) = (column(EVENT_JSON), column(checksum));
                for row in 0..batch.num_rows() {
                    let text = |column: Option<&arrow_array::StringViewArray>| {
                        let column = column.filter(|column| column.is_valid(row))?;
                        Some(column.value(row).to_owned())
                    };
                    read += 1;
                    let Some(json) = text(json) else { continue };
                    self.add(NewRecord { json: json.into(), checksum: text(sums) }).await?;
                }
            }
        }
        Ok(unreadable)
    }

    /// What the old store has and the new one has not. Needs 16 bytes of memory for each record. Records that retention hides may
    /// be among them, if their part has others.
    pub async fn losses(&mut self) -> Result<Losses, Unavailable> {
        self.settle().await?;
        let horizon_ms = self.stores.horizon_ms(&StoreId::events()).unwrap_or(i64::MIN);
        let parts_of = |store: &StoreId| -> Vec<Arc<Part>> {
            let inner = self.stores.inner();
            let parts = inner.stores.get(store).into_iter().flat_map(|store| store.parts.values());
            parts.map(|(_, part)| Arc::clone(part)).collect()
        };
        let mut new: Vec<u128> = Vec::new();
        for part in parts_of(&self.beside) {
            new.extend(part.hashes().await.map_err(|error| failed("reading the new store", error))?);
        }
        new.sort_unstable();
        let mut losses = Losses::default();
        let is_at_stake = |part: &&Arc<Part>| part.newest_ms() >= horizon_ms && !self.read.contains(part.name());
        for part in parts_of(&StoreId::events()).iter().filter(is_at_stake) {
            match part.hashes().await {
                Ok(hashes) => {
                    let lost = hashes.iter().filter(|hash| new.binary_search(hash).is_err()).count();
                    losses.records += u64::try_from(lost).unwrap_or(u64::MAX);
                }
                Err(error) => {
                    tracing::warn!(part = part.name(), %error, "the index of a part of the old store cannot be read");
                    losses.unknown += part.rows();
                }
            }
        }
        Ok(losses)
    }

    /// Gives up; the old store stays.
    pub async fn abandon(self) -> Result<(), Unavailable> {
        self.stores.unmake(&self.beside).await?;
        while self.stores.tidy().await? {}
        Ok(())
    }

    /// Lets the new store take the place of the old one. Durable when it returns; contents of the old one are then removed, now or by
    /// the next start.
    pub async fn finish(mut self) -> Result<(), Unavailable> {
        self.settle().await?;
        let (stores, beside, events) = (Arc::clone(&self.stores), self.beside.clone(), StoreId::events());
        let make = |inner: &Inner| {
            let (old, new) = (inner.store(&events)?, inner.store(&beside)?);
            let mut ops = Vec::new();
            let mut parts = Vec::new();
            for (name, (_, part)) in &new.parts {
                let row = rows::PartRow { folder: Some(BESIDE.to_owned()), ..part.row.clone() };
                ops.push(rows::put(PARTS, rows::part_key(&events, name), &row, Expect::Absent));
                parts.push(stores.part(&events, name, row));
            }
            for (name, (rev, _)) in &old.parts {
                ops.push(rows::delete(PARTS, rows::part_key(&events, name), Expect::Rev(*rev)));
            }
            for (name, (rev, _)) in &new.parts {
                ops.push(rows::delete(PARTS, rows::part_key(&beside, name), Expect::Rev(*rev)));
            }
            ops.push(rows::delete(STORES, beside.as_str(), Expect::Rev(new.rev)));
            // Nobody else has changed what the records are known by.
            ops.push(Op::Check { table: STORES, key: events.as_str().into(), expect: Expect::Rev(old.rev) });
            Ok((ops, parts))
        };
        let apply = |inner: &mut Inner, info: CommitInfo, parts: Vec<Arc<Part>>| {
            inner.stores.remove(&beside);
            let Some(store) = inner.stores.get_mut(&events) else { return };
            let old = std::mem::take(&mut store.parts);
            old.values().for_each(|(_, part)| part.doom());
            for (part, rev) in parts.into_iter().zip(&info.revs) {
                store.parts.insert(part.name.to_string(), (*rev, part));
            }
        };
        stores.commit(make, apply).await?;
        while stores.tidy().await? {}
        Ok(())
    }
}

/// The records of the journal from a place to its end.
fn each_record(journal: &dyn Journal, from: Seq, mut each: impl FnMut(Bytes)) -> Result<(), Unavailable> {
    let (mut at, end) = (from.max(journal.first()), journal.durable_end());
    while at < end {
        let entries = journal.read(at, READ).map_err(|error| failed("reading the journal", error))?;
        let Some(last) = entries.last() else { return Ok(()) };
        at = last.seq.next();
        for entry in &entries {
            if let Ok(EntryKind::Finish { record, .. }) = EntryKind::read(entry) {
                each(record);
            }
        }
    }
    Ok(())
}
