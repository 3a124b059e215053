//! The series that there are, and their blocks: what was taken lies in memory until it is written with the cursor. Blocks know the last
//! entry in them, so that an entry that comes again after a crash is counted once ([ADR 28]).
//!
//! [ADR 28]: ../../../../docs/adr/0028-metrics-and-alarms.md

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock};

use base::Region;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use state::{Expect, Op, State, Table, Typed, key};

use super::block::{Block, Tier};
use super::entry::{Given, Point};
use crate::metric::{Metric, SeriesId};

const BLOCKS: Table = "cloudwatch/blocks";
const SERIES: Typed<SeriesRow> = Typed::new("cloudwatch/series");
const CURSOR: Typed<CursorRow> = Typed::new("cloudwatch/cursor");
const VERSION: u32 = 1;

/// Series of an account: each takes some hundred bytes of memory for as long as it has data.
pub const SERIES_MAX: usize = 200_000;
/// What is taken and not written is written at the latest at this size.
pub const UNWRITTEN_BYTES_MAX: usize = 8 << 20;
/// Blocks that were written and are still held, so that the next value need not read them.
const HELD_BYTES_MAX: usize = 48 << 20;
/// Blocks written in one commit.
const COMMIT_BLOCKS_MAX: usize = 500;
/// See [`COMMIT_BLOCKS_MAX`]: well below what a commit may hold.
const COMMIT_BYTES_MAX: usize = 16 << 20;

/// A series as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SeriesRow {
    v: u32,
    region: Region,
    metric: Metric,
    unit: String,
    first_ms: i64,
    last_ms: i64,
}

/// How far the journal was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct CursorRow {
    v: u32,
    next: u64,
    sources: BTreeMap<String, u64>,
}

/// A series in memory.
#[derive(Clone, Debug)]
pub struct Series {
    /// The region.
    pub region: Region,
    /// Its metric.
    pub metric: Arc<Metric>,
    /// Its unit.
    pub unit: String,
    /// The time of its first and last value.
    pub first_ms: i64,
    /// See above.
    pub last_ms: i64,
    is_changed: bool,
}

/// Which block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockKey {
    /// The resolution.
    pub tier: Tier,
    /// Where it begins.
    pub start_ms: i64,
    /// Of which series.
    pub series: SeriesId,
}

impl BlockKey {
    /// By resolution, then time: what is too old is at the front.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.tier.code()];
        bytes.extend((self.start_ms.cast_unsigned() ^ (1 << 63)).to_be_bytes());
        bytes.extend(self.series.0);
        bytes
    }

    pub(super) fn read(bytes: &[u8], tier: Tier) -> Option<BlockKey> {
        let rest = bytes.strip_prefix(&[tier.code()])?;
        let (time, series) = rest.split_first_chunk::<8>()?;
        let start_ms = (u64::from_be_bytes(*time) ^ (1 << 63)).cast_signed();
        Some(BlockKey { tier, start_ms, series: SeriesId(series.try_into().ok()?) })
    }
}

struct Held {
    block: Block,
    weight: usize,
    is_changed: bool,
    used: u64,
}

/// What is in memory.
#[derive(Default)]
pub struct Memory {
    series: HashMap<SeriesId, Series>,
    metrics: BTreeMap<(Region, Arc<Metric>), Vec<SeriesId>>,
    held: HashMap<BlockKey, Held>,
    held_bytes: usize,
    unwritten_bytes: usize,
    sources: BTreeMap<String, u64>,
    uses: u64,
}

/// See the module.
pub struct Store {
    pub(super) state: Arc<dyn State>,
    pub(super) memory: RwLock<Memory>,
    /// One at a time changes blocks: the consumer, or what makes coarser blocks of old ones.
    pub(super) changes: tokio::sync::Mutex<()>,
}

const LOCK: &str = "no holder of this lock can panic";

impl Store {
    /// What the tables hold; and the first entry of the journal that is not in them. An account that is new begins at `end`.
    pub async fn open(state: Arc<dyn State>, end: u64) -> Result<(Store, u64), state::Error> {
        let mut memory = Memory::default();
        state::scan_all::<state::Error>(&*state, SERIES.table(), state::Range::all(), |row| {
            let row = SERIES.read(row)?.value;
            let id = SeriesId::of(row.region, &row.metric, &row.unit);
            let SeriesRow { region, metric, unit, first_ms, last_ms, .. } = row;
            memory.insert(id, Series { region, metric: Arc::new(metric), unit, first_ms, last_ms, is_changed: false });
            Ok(true)
        })
        .await?;
        let next = match CURSOR.get(&*state, b"metrics").await? {
            Some(row) => {
                memory.sources = row.value.sources;
                row.value.next
            }
            None => {
                // Now, before anything is put: what is put from here on must be found after a crash.
                let row = CursorRow { v: VERSION, next: end, sources: BTreeMap::new() };
                CURSOR.put(&*state, b"metrics", &row, Expect::Absent).await?;
                end
            }
        };
        Ok((Store { state, memory: RwLock::new(memory), changes: tokio::sync::Mutex::default() }, next))
    }

    /// Looks at what is in memory.
    pub fn see<T>(&self, look: impl FnOnce(&Memory) -> T) -> T {
        look(&self.memory.read().expect(LOCK))
    }

    /// Takes an entry of the journal, unless it was taken before. Which metrics have new data.
    pub async fn take(&self, seq: u64, given: &Given) -> Result<Vec<(Region, Arc<Metric>)>, state::Error> {
        let _turn = self.changes.lock().await;
        let source = given.source.as_ref().map(|(source, position)| (format!("{}/{source}", given.region), *position));
        if let Some((name, position)) = &source
            && self.see(|memory| memory.sources.get(name).is_some_and(|reached| reached >= position))
        {
            return Ok(Vec::new());
        }
        let mut touched = Vec::new();
        let mut more = Vec::new();
        for point in &given.data {
            let Some(bucket) = point.values.bucket() else { continue };
            let Some((id, metric)) = self.series_of(given.region, point) else { continue };
            let tiers: &[Tier] = if point.is_high_resolution { &[Tier::Second, Tier::Minute] } else { &[Tier::Minute] };
            for tier in tiers {
                let key = BlockKey { tier: *tier, start_ms: tier.block_of(point.time_ms), series: id };
                self.hold(key).await?;
                more.push((key, tier.bucket_of(point.time_ms), bucket.clone()));
            }
            touched.push((given.region, metric));
        }
        touched.sort();
        touched.dedup();
        // All of the entry or nothing: nothing from here on can fail.
        let mut memory = self.memory.write().expect(LOCK);
        for (key, at_ms, bucket) in &more {
            memory.add(*key, seq, *at_ms, bucket);
        }
        for (key, _, _) in &more {
            memory.finish(key, seq);
        }
        if let Some((name, position)) = source {
            memory.sources.insert(name, position);
        }
        Ok(touched)
    }

    /// The series of a point, made if there is none.
    fn series_of(&self, region: Region, point: &Point) -> Option<(SeriesId, Arc<Metric>)> {
        let metric = Metric::new(&point.namespace, &point.name, point.dimensions.iter().cloned());
        let id = SeriesId::of(region, &metric, &point.unit);
        let mut memory = self.memory.write().expect(LOCK);
        if let Some(series) = memory.series.get_mut(&id) {
            series.is_changed |= point.time_ms < series.first_ms || point.time_ms > series.last_ms;
            series.first_ms = series.first_ms.min(point.time_ms);
            series.last_ms = series.last_ms.max(point.time_ms);
            return Some((id, Arc::clone(&series.metric)));
        }
        if memory.series.len() >= SERIES_MAX {
            tracing::warn!(namespace = %point.namespace, "an account has as many metrics as there may be; new ones are dropped");
            return None;
        }
        let known = memory.metrics.get_key_value(&(region, Arc::new(metric.clone())));
        let metric = known.map_or_else(|| Arc::new(metric), |((_, metric), _)| Arc::clone(metric));
        let (first_ms, last_ms) = (point.time_ms, point.time_ms);
        let unit = point.unit.clone();
        memory.insert(id, Series { region, metric: Arc::clone(&metric), unit, first_ms, last_ms, is_changed: true });
        Some((id, metric))
    }

    /// Has a block in memory.
    pub(super) async fn hold(&self, key: BlockKey) -> Result<(), state::Error> {
        if self.see(|memory| memory.held.contains_key(&key)) {
            return Ok(());
        }
        let block = self.read_block(key).await?.unwrap_or_default();
        let mut memory = self.memory.write().expect(LOCK);
        let weight = block.weight();
        memory.held_bytes += weight;
        memory.uses += 1;
        let used = memory.uses;
        memory.held.insert(key, Held { block, weight, is_changed: false, used });
        Ok(())
    }

    /// A block as the tables have it.
    pub(super) async fn read_block(&self, key: BlockKey) -> Result<Option<Block>, state::Error> {
        let Some(row) = self.state.get(BLOCKS, &key.bytes()).await? else { return Ok(None) };
        let block = Block::decode(key.start_ms, &row.value);
        if block.is_none() {
            tracing::error!(?key, "a block of metric data does not read; its data are lost");
        }
        Ok(block)
    }

    /// Whether so much is unwritten that it should be written now.
    pub fn is_full(&self) -> bool {
        self.see(|memory| memory.unwritten_bytes >= UNWRITTEN_BYTES_MAX)
    }

    /// Writes what is unwritten, and that the journal was taken up to `next`. Returns when it is durable.
    pub async fn write(&self, next: u64) -> Result<(), state::Error> {
        let _turn = self.changes.lock().await;
        self.write_in_turn(next).await
    }

    pub(super) async fn write_in_turn(&self, next: u64) -> Result<(), state::Error> {
        let (blocks, series, sources) = self.see(|memory| {
            let changed = memory.held.iter().filter(|(_, held)| held.is_changed);
            let mut blocks: Vec<BlockKey> = changed.map(|(key, _)| *key).collect();
            blocks.sort_unstable();
            let changed = memory.series.iter().filter(|(_, series)| series.is_changed);
            let mut series: Vec<SeriesId> = changed.map(|(id, _)| *id).collect();
            series.sort_unstable();
            (blocks, series, memory.sources.clone())
        });
        for ids in series.chunks(COMMIT_BLOCKS_MAX) {
            let ops = self.see(|memory| {
                ids.iter().filter_map(|id| memory.series_op(id).transpose()).collect::<Result<Vec<_>, _>>()
            })?;
            self.state.commit(ops).await?;
        }
        let mut rest = blocks.as_slice();
        while !rest.is_empty() {
            let mut ops = Vec::new();
            let mut bytes = 0;
            let mut done = 0;
            for key in rest.iter().take(COMMIT_BLOCKS_MAX) {
                let Some(value) = self.see(|memory| memory.held.get(key).map(|held| held.block.encode(key.start_ms)))
                else {
                    done += 1;
                    continue;
                };
                bytes += value.len();
                if bytes > COMMIT_BYTES_MAX && !ops.is_empty() {
                    break;
                }
                ops.push(put(*key, value.into()));
                done += 1;
            }
            if !ops.is_empty() {
                self.state.commit(ops).await?;
            }
            rest = &rest[done..];
        }
        let row = CursorRow { v: VERSION, next, sources };
        CURSOR.put(&*self.state, b"metrics", &row, Expect::Any).await?;
        let mut memory = self.memory.write().expect(LOCK);
        memory.written(&blocks, &series);
        Ok(())
    }

    /// How far a source is.
    pub fn reached(&self, region: Region, source: &str) -> Option<u64> {
        self.see(|memory| memory.sources.get(&format!("{region}/{source}")).copied())
    }
}

/// The operation that writes a block.
pub(super) fn put(key: BlockKey, value: Bytes) -> Op {
    Op::Put { table: BLOCKS, key: key.bytes(), value, expect: Expect::Any }
}

/// The operation that removes one.
pub(super) fn delete(key: BlockKey) -> Op {
    Op::Delete { table: BLOCKS, key: key.bytes(), expect: Expect::Any }
}

/// The first blocks of a resolution that begin before a time.
pub(super) async fn oldest(
    state: &dyn State,
    tier: Tier,
    before_ms: i64,
    limit: usize,
) -> Result<Vec<(BlockKey, Bytes)>, state::Error> {
    let end = BlockKey { tier, start_ms: before_ms, series: SeriesId([0; 12]) }.bytes();
    let rows = state.scan(BLOCKS, state::Range::prefix([tier.code()]).before(end), limit).await?;
    Ok(rows.into_iter().filter_map(|row| Some((BlockKey::read(&row.key, tier)?, row.value))).collect())
}

impl Memory {
    fn insert(&mut self, id: SeriesId, series: Series) {
        let ids = self.metrics.entry((series.region, Arc::clone(&series.metric))).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
        self.series.insert(id, series);
    }

    fn add(&mut self, key: BlockKey, seq: u64, at_ms: i64, bucket: &super::bucket::Bucket) {
        self.uses += 1;
        let used = self.uses;
        let Some(held) = self.held.get_mut(&key) else { return };
        held.used = used;
        // The entry was written before a crash, with the block and not with the cursor.
        if held.block.upto >= seq {
            return;
        }
        let more = held.block.add(at_ms, bucket);
        held.weight += more;
        self.held_bytes += more;
        if !held.is_changed {
            self.unwritten_bytes += held.weight;
        } else {
            self.unwritten_bytes += more;
        }
        held.is_changed = true;
    }

    /// Says in a block that it has all of the entry. Only at its end: an entry may have more for a block.
    fn finish(&mut self, key: &BlockKey, seq: u64) {
        if let Some(held) = self.held.get_mut(key) {
            held.block.upto = held.block.upto.max(seq);
        }
    }

    fn series_op(&self, id: &SeriesId) -> Result<Option<Op>, state::Error> {
        let Some(series) = self.series.get(id) else { return Ok(None) };
        let Series { region, metric, unit, first_ms, last_ms, .. } = series.clone();
        let row = SeriesRow { v: VERSION, region, metric: Metric::clone(&metric), unit, first_ms, last_ms };
        SERIES.put_op(&key::key(&[&id.0[..]]), &row, Expect::Any).map(Some)
    }

    fn written(&mut self, blocks: &[BlockKey], series: &[SeriesId]) {
        for key in blocks {
            if let Some(held) = self.held.get_mut(key) {
                held.is_changed = false;
            }
        }
        for id in series {
            if let Some(series) = self.series.get_mut(id) {
                series.is_changed = false;
            }
        }
        self.unwritten_bytes = 0;
        if self.held_bytes > HELD_BYTES_MAX {
            self.let_go();
        }
    }

    /// Lets go of those held blocks that were not used for longest.
    fn let_go(&mut self) {
        let mut clean: Vec<(u64, BlockKey)> =
            self.held.iter().filter(|(_, held)| !held.is_changed).map(|(key, held)| (held.used, *key)).collect();
        clean.sort_unstable();
        for (_, key) in clean {
            if self.held_bytes <= HELD_BYTES_MAX / 2 {
                break;
            }
            self.forget(&key);
        }
    }

    pub(super) fn forget(&mut self, key: &BlockKey) {
        if let Some(held) = self.held.remove(key) {
            self.held_bytes = self.held_bytes.saturating_sub(held.weight);
        }
    }

    /// A held block.
    pub fn block(&self, key: &BlockKey) -> Option<&Block> {
        self.held.get(key).map(|held| &held.block)
    }

    /// The series of a metric, one for each unit.
    pub fn series_of(&self, region: Region, metric: &Metric) -> Vec<(SeriesId, Series)> {
        let ids = self.metrics.get(&(region, Arc::new(metric.clone())));
        let ids = ids.into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.series.get(id)?.clone()))).collect()
    }

    /// The metrics of a region, in order, with the time of the last value.
    pub fn metrics(&self, region: Region) -> impl Iterator<Item = (&Arc<Metric>, i64)> {
        let first = Arc::new(Metric { namespace: String::new(), name: String::new(), dimensions: Vec::new() });
        let metrics = self.metrics.range((region, first)..).take_while(move |((of, _), _)| *of == region);
        metrics.map(|((_, metric), ids)| {
            let last = ids.iter().filter_map(|id| self.series.get(id)).map(|series| series.last_ms).max();
            (metric, last.unwrap_or(i64::MIN))
        })
    }

    /// How many series there are.
    pub fn series_count(&self) -> usize {
        self.series.len()
    }

    /// Series whose last value is older than this.
    pub(super) fn series_before(&self, time_ms: i64) -> Vec<SeriesId> {
        self.series
            .iter()
            .filter(|(_, series)| series.last_ms < time_ms && !series.is_changed)
            .map(|(id, _)| *id)
            .collect()
    }

    pub(super) fn forget_series(&mut self, id: &SeriesId) {
        let Some(series) = self.series.remove(id) else { return };
        let name = (series.region, series.metric);
        if let Some(ids) = self.metrics.get_mut(&name) {
            ids.retain(|known| known != id);
            if ids.is_empty() {
                self.metrics.remove(&name);
            }
        }
    }
}

/// The operation that removes a series whose data are gone.
pub(super) fn delete_series(id: &SeriesId) -> Op {
    SERIES.delete_op(&key::key(&[&id.0[..]]), Expect::Any)
}
