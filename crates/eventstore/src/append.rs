//! Appending records that do not come from the journal: imports and audit events. A record is known by its bytes: what the store has
//! already is counted and not kept, whoever appends at the same time.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use ports::lake::{Appended, NewRecord};
use ports::{StoreId, Unavailable};
use state::CommitInfo;

use crate::encode::{Form, Input, encode};
use crate::flat::Flat;
use crate::part::Part;
use crate::read::not_older;
use crate::scan;
use crate::schema::leaf;
use crate::seal::new_part_ops;
use crate::stores::{Inner, Stores, failed};
use crate::write;

/// A longer record is refused: CloudTrail's are at most 1 MB.
const RECORD_BYTES_MAX: usize = 16 << 20;
/// The most bytes of records that become one part.
const PIECE_BYTES_MAX: usize = 256 << 20;

/// Records of one part to be, as columns.
struct Piece {
    batch: RecordBatch,
    hashes: Vec<u128>,
    lens: Vec<usize>,
    /// Earliest and latest event; `None` if a record has no time.
    times: Option<(i64, i64)>,
}

/// Hashes that nobody else may append meanwhile.
struct Reserved<'a> {
    stores: &'a Stores,
    store: StoreId,
    hashes: Vec<u128>,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(store) = self.stores.inner().stores.get_mut(&self.store) {
            for hash in &self.hashes {
                store.reserved.remove(hash);
            }
        }
        self.stores.released.send_modify(|count| *count = count.wrapping_add(1));
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).expect("a count fits 64 bits")
}

/// Checks records and makes them columns; those that come twice, once.
fn encode_new(records: &[NewRecord], seed: u64) -> Result<(Piece, Appended), Unavailable> {
    let mut appended = Appended::default();
    let mut seen = HashSet::with_capacity(records.len());
    let mut inputs = Vec::with_capacity(records.len());
    let mut hashes = Vec::with_capacity(records.len());
    for record in records {
        if record.json.len() > RECORD_BYTES_MAX || scan::checked(&record.json).is_err() {
            appended.unreadable += 1;
            continue;
        }
        let hash = Stores::hash(seed, &record.json);
        if !seen.insert(hash) {
            appended.duplicate += 1;
            continue;
        }
        inputs.push(Input { json: &record.json, checksum: record.checksum.as_deref() });
        hashes.push(hash);
    }
    let lens = inputs.iter().map(|input| input.json.len()).collect();
    let batch = encode(inputs.iter().copied(), Form::Stored).map_err(|error| failed("making columns", error))?;
    let flat = Flat::of(&batch);
    let mut times = Some((i64::MAX, i64::MIN));
    for row in 0..batch.num_rows() {
        let time = flat.time(leaf::EVENT_TIME, row);
        times = times.zip(time).map(|((oldest, newest), ms)| (oldest.min(ms), newest.max(ms)));
    }
    Ok((Piece { batch, hashes, lens, times }, appended))
}

impl Stores {
    /// Adds records; those that are new are not looked for. Durable when it returns.
    pub(crate) async fn add(
        &self,
        store: &StoreId,
        records: Vec<NewRecord>,
        are_new: bool,
    ) -> Result<Appended, Unavailable> {
        let seed = self.inner().store(store)?.row.hash_seed;
        let mut all = Appended::default();
        let mut rest = records;
        while !rest.is_empty() {
            let mut bytes = 0_usize;
            let fits = |record: &&NewRecord| {
                bytes = bytes.saturating_add(record.json.len());
                bytes <= PIECE_BYTES_MAX
            };
            let count = rest.iter().take(self.options.append_rows_max.max(1)).take_while(fits).count().max(1);
            let later = rest.split_off(count.min(rest.len()));
            let piece = std::mem::replace(&mut rest, later);
            let added = self.add_piece(store, seed, piece, are_new).await?;
            all.kept += added.kept;
            all.expired += added.expired;
            all.duplicate += added.duplicate;
            all.unreadable += added.unreadable;
        }
        Ok(all)
    }

    async fn add_piece(
        &self,
        store: &StoreId,
        seed: u64,
        records: Vec<NewRecord>,
        are_new: bool,
    ) -> Result<Appended, Unavailable> {
        let encoded = worker::blocking(move || encode_new(&records, seed)).await;
        let (piece, mut appended) = encoded.map_err(|error| failed("making columns", error))??;
        self.fresh().await?;
        let reserved = self.reserve(store, &piece, are_new).await?;
        let new: HashSet<u128> = reserved.hashes.iter().copied().collect();
        appended.kept = wide(new.len());
        appended.duplicate += wide(piece.hashes.len() - new.len());
        if new.is_empty() {
            return Ok(appended);
        }
        let came_at_ms = self.env.clock.now().ms();
        let horizon_ms = self.horizon_ms(store);
        let packed = worker::blocking(move || {
            let keep: Vec<bool> = piece.hashes.iter().map(|hash| new.contains(hash)).collect();
            let kept_lens = piece.lens.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(len, _)| *len);
            let json_bytes = wide(kept_lens.sum());
            let batch = if new.len() == keep.len() {
                piece.batch
            } else {
                let mask = BooleanArray::from(keep);
                filter_record_batch(&piece.batch, &mask).map_err(|error| failed("choosing records", error))?
            };
            let expired = horizon_ms.map_or(0, |ms| wide(not_older(&batch, ms).false_count()));
            let hashes = new.into_iter().collect();
            let written = write::pack(&batch, hashes, json_bytes, came_at_ms);
            Ok((written.map_err(|error| failed("making a part", error))?, expired))
        });
        let (mut written, expired) = packed.await.map_err(|error| failed("making a part", error))??;
        let encrypting = self.encrypting(store).await?;
        written.row.encrypted = encrypting.row();
        let fresh = self.new_part(store);
        self.shelve(&fresh, &encrypting, written.columns, written.index).await?;
        let part = self.part(store, &fresh.name, written.row);
        let make = |inner: &Inner| {
            inner.store(store)?;
            Ok((new_part_ops(&part).to_vec(), part))
        };
        let apply = |inner: &mut Inner, info: CommitInfo, part: Arc<Part>| {
            if let Some(found) = inner.stores.get_mut(store) {
                found.parts.insert(part.name.to_string(), (info.revs[0], part));
            }
        };
        self.commit(make, apply).await?;
        fresh.keep();
        appended.expired = expired;
        Ok(appended)
    }

    /// Finds out which records the store has not, and keeps others from appending them.
    async fn reserve(&self, store: &StoreId, piece: &Piece, are_new: bool) -> Result<Reserved<'_>, Unavailable> {
        let mut left: Vec<u128> = piece.hashes.clone();
        let mut checked: HashSet<String> = HashSet::new();
        let mut released = self.released.subscribe();
        loop {
            released.mark_unchanged();
            let parts: Vec<Arc<Part>> = {
                let mut inner = self.inner();
                let found = inner.stores.get_mut(store);
                let found = found.ok_or_else(|| Unavailable(format!("there is no event store {store}")))?;
                let apart = |part: &Part| {
                    piece.times.is_some_and(|(oldest, newest)| part.newest_ms() < oldest || newest < part.oldest_ms())
                };
                let all = found.parts.values().map(|(_, part)| part);
                let parts: Vec<_> =
                    all.filter(|part| !are_new && !checked.contains(&*part.name) && !apart(part)).cloned().collect();
                if parts.is_empty() {
                    let tail: HashSet<u128> = found.tail.rows.iter().map(|row| row.hash).collect();
                    left.retain(|hash| !tail.contains(hash));
                    if !left.iter().any(|hash| found.reserved.contains(hash)) {
                        found.reserved.extend(left.iter().copied());
                        return Ok(Reserved { stores: self, store: store.clone(), hashes: left });
                    }
                }
                parts
            };
            if parts.is_empty() {
                // Somebody else is appending the same record: its fate decides.
                let _ = released.changed().await;
            }
            for part in parts {
                let hashes = part.hashes().await.map_err(|error| failed("reading what the store has", error))?;
                left.retain(|hash| hashes.binary_search(hash).is_err());
                checked.insert(part.name.to_string());
            }
        }
    }
}
