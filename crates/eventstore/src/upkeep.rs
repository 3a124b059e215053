//! Background work: what is too old goes, small parts become large ones, and contents that nobody needs are removed. One step at a time,
//! each with a bound; a crash between steps changes nothing that anybody sees.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::interleave::interleave_record_batch;
use base::time::HOUR_MS;
use bytes::Bytes;
use futures_util::StreamExt;
use ports::{StoreId, Unavailable};
use state::{CommitInfo, Expect, Op};

use crate::encryption::Encrypted;
use crate::part::{Part, object_names};
use crate::read::StoredBatches;
use crate::rows::{self, PARTS};
use crate::seal::new_part_ops;
use crate::stores::{Inner, Stores, failed};
use crate::write::{PartWriter, SortKeys, Undated};

/// The most parts that become one at a time: each is read in batches, all of them at once.
const MERGE_PARTS_MAX: usize = 16;
/// While records are being appended, so many parts wait: an import needs the processors, and leaves parts of a better size to choose from.
const PARTS_WHILE_APPENDING_MAX: usize = 64;
/// Rows of a part that are in memory while it is merged: some MiB.
const MERGE_BATCH_ROWS: usize = 2_048;
/// Parts are kept so much longer than their records, so that none goes while somebody begins to read it.
const RETENTION_MARGIN_MS: i64 = HOUR_MS;

impl Stores {
    /// Does one step of what is due, if anything is: says whether there may be more. To be called every few seconds, by one caller.
    pub async fn upkeep(&self) -> Result<bool, Unavailable> {
        if self.tidy().await? || self.sweep().await? {
            return Ok(true);
        }
        let stores: Vec<StoreId> = self.inner().stores.keys().cloned().collect();
        for store in &stores {
            let Some(horizon_ms) = self.horizon_ms(store) else { continue };
            let horizon_ms = horizon_ms.saturating_sub(RETENTION_MARGIN_MS);
            let dropped = self.drop_some(store, |part| part.newest_ms() < horizon_ms).await?;
            if dropped > 0 {
                self.counts.expired(dropped);
                return Ok(true);
            }
        }
        let mut failed = None;
        for store in &stores {
            let chosen = self.to_merge(store).await;
            if !chosen.is_empty() {
                match self.merge(store, chosen).await {
                    Ok(()) => return Ok(true),
                    // Other stores do not wait for it.
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        failed.map_or(Ok(false), Err)
    }

    /// Parts that should be one, or a part that should be under the store's key.
    async fn to_merge(&self, store: &StoreId) -> Vec<Arc<Part>> {
        let mut chosen = self.mergeable(store, |_| true);
        if chosen.is_empty() {
            chosen.extend(self.elsewhere(store));
        }
        if !chosen.is_empty() && self.is_readable(store).await.is_err() {
            // What KMS does not open waits, and so does what would only come under the host key again.
            chosen = self.mergeable(store, |part| !matches!(part.row.encrypted, Some(Encrypted::Kms(_))));
        }
        chosen
    }

    /// A part that is not under the key of its store.
    fn elsewhere(&self, store: &StoreId) -> Option<Arc<Part>> {
        let inner = self.inner();
        let found = inner.stores.get(store)?;
        let key = found.row.key.as_ref()?;
        let right = |part: &Part| matches!(&part.row.encrypted, Some(Encrypted::Kms(of)) if of == key);
        found.parts.values().map(|(_, part)| part).find(|part| !right(part)).cloned()
    }

    /// Parts that should be one: neighbours in time, so that large parts overlap little, and of like size, so that no record is copied
    /// more than some times in its life. The smallest come first.
    fn mergeable(&self, store: &StoreId, which: impl Fn(&Part) -> bool) -> Vec<Arc<Part>> {
        let mut parts: Vec<Arc<Part>> = match self.inner().stores.get(store) {
            Some(found) if !found.reserved.is_empty() && found.parts.len() <= PARTS_WHILE_APPENDING_MAX => {
                return Vec::new();
            }
            Some(found) => found.parts.values().map(|(_, part)| part).filter(|part| which(part)).cloned().collect(),
            None => return Vec::new(),
        };
        parts.sort_by(|a, b| (a.oldest_ms(), a.name()).cmp(&(b.oldest_ms(), b.name())));
        let mut best: Option<(u64, &[Arc<Part>])> = None;
        for from in 0..parts.len() {
            let (mut rows, mut largest) = (0_u64, 0);
            for to in from + 1..=parts.len().min(from + MERGE_PARTS_MAX) {
                let last = parts[to - 1].rows();
                rows = rows.saturating_add(last);
                largest = last.max(largest);
                if rows > self.options.part_rows_max {
                    break;
                }
                let count = to - from;
                if count < self.options.merge_parts_min.max(2) || largest > rows / 2 {
                    continue;
                }
                // As many as possible of the smallest.
                let score = rows / u64::try_from(count * count).unwrap_or(1).max(1);
                if best.is_none_or(|(other, _)| score < other) {
                    best = Some((score, &parts[from..to]));
                }
            }
        }
        best.map_or_else(Vec::new, |(_, chosen)| chosen.to_vec())
    }

    /// Makes one part of several: the new one comes and the old ones go in one commit.
    async fn merge(&self, store: &StoreId, chosen: Vec<Arc<Part>>) -> Result<(), Unavailable> {
        let fresh = self.new_part(store);
        let [columns_name, index_name] = object_names(store.as_str(), &fresh.name);
        let bad = |error: objects::Error| failed("storing a merged part", error);
        let encrypting = self.encrypting(store).await?;
        let (objects, rng) = (&*self.shelf.objects, &*self.env.rng);
        let mut columns = encrypting.writer(objects, rng, &columns_name).await.map_err(bad)?;
        let mut merger = Merger::open(&chosen).await?;
        let mut writer = Some(PartWriter::new().map_err(|error| failed("making a part", error))?);
        while let Some((batches, places)) = merger.next().await? {
            let mut taken = writer.take().ok_or_else(|| Unavailable("a merge lost its writer".to_owned()))?;
            let work = move || {
                let batches: Vec<&RecordBatch> = batches.iter().collect();
                let merged = interleave_record_batch(&batches, &places).map_err(|error| failed("merging", error))?;
                let bytes = taken.add(&merged).map_err(|error| failed("merging", error))?;
                Ok::<(PartWriter, Bytes), Unavailable>((taken, bytes))
            };
            let (back, bytes) = worker::blocking(work).await.map_err(|error| failed("merging", error))??;
            writer = Some(back);
            if !bytes.is_empty() {
                columns.write(bytes).await.map_err(bad)?;
            }
        }
        let mut hashes = Vec::new();
        for part in &chosen {
            hashes.extend(part.hashes().await.map_err(|error| failed("merging", error))?);
        }
        let sum = |what: fn(&Part) -> u64| chosen.iter().map(|part| what(part)).sum::<u64>();
        let json_bytes = sum(|part| part.row.json_bytes);
        let times = |what: fn(&Part) -> i64| chosen.iter().map(move |part| what(part));
        let undated =
            Undated::Within(times(Part::oldest_ms).min().unwrap_or(0), times(Part::newest_ms).max().unwrap_or(0));
        let Some(writer) = writer else { return Err(Unavailable("a merge lost its writer".to_owned())) };
        let written = worker::blocking(move || writer.finish(hashes, json_bytes, undated)).await;
        let mut written =
            written.map_err(|error| failed("merging", error))?.map_err(|error| failed("merging", error))?;
        if written.row.rows != sum(Part::rows) {
            return Err(Unavailable(format!("merging parts of event store {store} gave another number of rows")));
        }
        written.row.journal_end = chosen.iter().filter_map(|part| part.row.journal_end).max();
        columns.write(written.columns).await.map_err(bad)?;
        columns.finish().await.map_err(bad)?;
        encrypting.put(objects, rng, &index_name, written.index).await.map_err(bad)?;
        written.row.encrypted = encrypting.row();
        let part = self.part(store, &fresh.name, written.row);
        let make = |inner: &Inner| {
            let found = inner.store(store)?;
            let mut ops: Vec<Op> = new_part_ops(&part).to_vec();
            for old in &chosen {
                let gone = || Unavailable(format!("a part of event store {store} went while it was merged"));
                let (rev, _) = found.parts.get(&*old.name).ok_or_else(gone)?;
                ops.push(rows::delete(PARTS, rows::part_key(store, &old.name), Expect::Rev(*rev)));
            }
            Ok((ops, part))
        };
        let apply = |inner: &mut Inner, info: CommitInfo, part: Arc<Part>| {
            let Some(found) = inner.stores.get_mut(store) else { return };
            for old in &chosen {
                if let Some((_, old)) = found.parts.remove(&*old.name) {
                    old.doom();
                }
            }
            found.parts.insert(part.name.to_string(), (info.revs[0], part));
        };
        self.commit(make, apply).await?;
        fresh.keep();
        self.counts.merged(chosen.len(), sum(Part::rows));
        Ok(())
    }
}

/// One of the parts that are merged.
struct Source {
    stream: StoredBatches,
    keys: SortKeys,
    /// Of the batches of the merger; `None` at the end.
    batch: Option<usize>,
    row: usize,
    rows: usize,
}

/// Merges sorted parts. Holds a batch of each.
struct Merger {
    sources: Vec<Source>,
    batches: Vec<RecordBatch>,
    places: Vec<(usize, usize)>,
}

impl Merger {
    async fn open(parts: &[Arc<Part>]) -> Result<Merger, Unavailable> {
        let mut merger = Merger { sources: Vec::new(), batches: Vec::new(), places: Vec::new() };
        for part in parts {
            let stream = part.stored(MERGE_BATCH_ROWS).await.map_err(|error| failed("merging", error))?;
            let keys = SortKeys::of(&RecordBatch::new_empty(Arc::clone(&crate::schema::STORED)));
            merger.sources.push(Source { stream, keys, batch: None, row: 0, rows: 0 });
            merger.advance(merger.sources.len() - 1).await?;
        }
        Ok(merger)
    }

    /// Loads a source's next batch.
    async fn advance(&mut self, index: usize) -> Result<(), Unavailable> {
        let source = &mut self.sources[index];
        source.batch = None;
        while let Some(batch) = source.stream.next().await {
            let batch = batch.map_err(|error| failed("merging", error))?;
            if batch.num_rows() == 0 {
                continue;
            }
            source.keys = SortKeys::of(&batch);
            (source.batch, source.row, source.rows) = (Some(self.batches.len()), 0, batch.num_rows());
            self.batches.push(batch);
            break;
        }
        Ok(())
    }

    /// The next rows in order: batches, and places in them. `None` at the end.
    async fn next(&mut self) -> Result<Option<(Vec<RecordBatch>, Vec<(usize, usize)>)>, Unavailable> {
        loop {
            let live = self.sources.iter().enumerate().filter(|(_, source)| source.batch.is_some());
            let least = live.min_by(|(_, a), (_, b)| a.keys.key(a.row).cmp(&b.keys.key(b.row)));
            let Some((index, _)) = least else { break };
            let source = &mut self.sources[index];
            let Some(batch) = source.batch else { break };
            self.places.push((batch, source.row));
            source.row += 1;
            if source.row < source.rows {
                continue;
            }
            self.advance(index).await?;
            if self.places.len() >= MERGE_BATCH_ROWS {
                return Ok(Some(self.hand_over()));
            }
        }
        Ok((!self.places.is_empty()).then(|| self.hand_over()))
    }

    /// What is gathered; of the batches only those stay that have rows left.
    fn hand_over(&mut self) -> (Vec<RecordBatch>, Vec<(usize, usize)>) {
        let batches = std::mem::take(&mut self.batches);
        for source in &mut self.sources {
            if let Some(batch) = &mut source.batch {
                self.batches.push(batches[*batch].clone());
                *batch = self.batches.len() - 1;
            }
        }
        (batches, std::mem::take(&mut self.places))
    }
}
