//! Events of a group in the order of time, either way, out of chunks and the tail, block by block as they are asked for. What it reads is
//! as of the moment it began.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use service::ApiError;

use crate::Logs;
use crate::chunk::{self, Index};
use crate::crypt::Cipher;
use crate::entry::{self, Batch};
use crate::live::{Event, Place};
use crate::rows::{Chunk, Group};

/// Events of the tail that one scan looks at: what is behind them takes another one, which goes on where this ended.
const TAIL_EVENTS_MAX: usize = 20_000;
/// A whole object of locked entries.
const LOCKED_BYTES_MAX: usize = 64 << 20;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Query {
    /// Only streams with these identifiers.
    pub streams: Option<HashSet<u64>>,
    /// From this time on.
    pub from: i64,
    /// Before this time.
    pub to: i64,
    /// Only what comes after this, in the direction.
    pub after: Option<Place>,
    /// From old to new.
    pub forward: bool,
}

enum Source {
    Chunk(Arc<Chunk>),
    Block(Arc<Opened>, usize),
    Events(VecDeque<(Place, Event)>),
}

struct Opened {
    chunk: Arc<Chunk>,
    index: Index,
    cipher: Option<Arc<Cipher>>,
}

/// A source by the place of what it has first.
struct Next {
    place: Place,
    forward: bool,
    source: Source,
}

impl Next {
    /// What has to be opened comes before events of the same place.
    fn rank(&self) -> u8 {
        match self.source {
            Source::Chunk(_) => 2,
            Source::Block(..) => 1,
            Source::Events(_) => 0,
        }
    }
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = if self.forward { other.place.cmp(&self.place) } else { self.place.cmp(&other.place) };
        order.then(self.rank().cmp(&other.rank()))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Next {}

/// A scan under way.
pub struct Scan<'a> {
    logs: &'a Logs,
    group: Arc<Group>,
    query: Query,
    heap: BinaryHeap<Next>,
    /// Beyond this place the tail was not looked at.
    limit: Option<Place>,
    names: HashMap<u64, Option<Arc<str>>>,
    /// Bytes of texts that were read.
    pub read_bytes: u64,
    /// Whether there may be more behind where it ended.
    pub is_cut: bool,
}

/// An event that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub place: Place,
    /// What.
    pub event: Event,
    /// The name of its stream.
    pub stream: Arc<str>,
}

impl Found {
    /// Its text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.event.text).unwrap_or_default()
    }
}

impl Logs {
    /// Begins a scan. Events that are too old to be kept are never there.
    pub(crate) fn scan(&self, group: Arc<Group>, mut query: Query) -> Scan<'_> {
        query.from = query.from.max(group.horizon(self.deps.env.clock.now().ms()));
        let mut scan = Scan {
            logs: self,
            group,
            query,
            heap: BinaryHeap::new(),
            limit: None,
            names: HashMap::new(),
            read_bytes: 0,
            is_cut: false,
        };
        scan.begin();
        scan
    }
}

impl Scan<'_> {
    fn begin(&mut self) {
        let Query { from, to, after, forward, .. } = self.query.clone();
        let live = self.logs.live();
        let Some(group) = live.groups.get(&self.group.id).filter(|_| from < to) else { return };
        let mut sources = Vec::new();
        for chunk in group.chunks.values() {
            let reached = after.is_none_or(|after| if forward { chunk.max >= after.ts } else { chunk.min <= after.ts });
            if chunk.max >= from && chunk.min < to && reached {
                let place = if forward { Place::before(chunk.min) } else { Place::behind(chunk.max) };
                sources.push((place, Source::Chunk(Arc::clone(chunk))));
            }
        }
        let mut tail = VecDeque::new();
        let range = group.tail.range(Place::before(from)..Place::before(to));
        let mut take = |place: &Place, event: &Event| {
            if !self.query.wants(*place, event) {
                return true;
            }
            if tail.len() == TAIL_EVENTS_MAX {
                return false;
            }
            tail.push_back((*place, event.clone()));
            true
        };
        let whole = match forward {
            true => range.into_iter().all(|(place, event)| take(place, event)),
            false => range.rev().all(|(place, event)| take(place, event)),
        };
        if !whole {
            self.limit = tail.back().map(|(place, _)| *place);
        }
        drop(live);
        sources.into_iter().for_each(|(place, source)| self.push(place, source));
        self.push_events(tail);
    }

    fn push(&mut self, place: Place, source: Source) {
        self.heap.push(Next { place, forward: self.query.forward, source });
    }

    fn push_events(&mut self, events: VecDeque<(Place, Event)>) {
        if let Some((place, _)) = events.front() {
            self.push(*place, Source::Events(events));
        }
    }

    /// In the direction of the scan, those that it wants.
    fn ordered(&self, mut events: Vec<(Place, Event)>) -> VecDeque<(Place, Event)> {
        events.retain(|(place, event)| self.query.wants(*place, event));
        if !self.query.forward {
            events.reverse();
        }
        events.into()
    }

    /// The next event; `None` at the end, or where this scan ends.
    pub async fn next(&mut self) -> Result<Option<Found>, ApiError> {
        while let Some(next) = self.heap.pop() {
            match next.source {
                Source::Chunk(chunk) => self.open(chunk).await?,
                Source::Block(opened, at) => self.read(&opened, at).await?,
                Source::Events(mut events) => {
                    let found = events.pop_front();
                    self.push_events(events);
                    let Some((place, event)) = found else { continue };
                    let is_beyond = |limit: Place| if self.query.forward { place > limit } else { place < limit };
                    if self.limit.is_some_and(is_beyond) {
                        break;
                    }
                    if let Some(stream) = self.stream(event.stream) {
                        return Ok(Some(Found { place, event, stream }));
                    }
                }
            }
        }
        self.is_cut = self.limit.is_some();
        Ok(None)
    }

    /// The place up to which a scan that [was cut](Self::is_cut) has looked; one that goes on after it misses nothing.
    pub fn reached(&self) -> Option<Place> {
        self.limit
    }

    /// The name of a stream that is there.
    fn stream(&mut self, id: u64) -> Option<Arc<str>> {
        let store = &self.logs.store;
        let name = self.names.entry(id).or_insert_with(|| {
            store.see(|memory| memory.stream_by_id(id).map(|stream| Arc::from(stream.name.as_str())))
        });
        name.clone()
    }

    async fn bytes(&self, chunk: &Chunk, range: std::ops::Range<u64>) -> Result<Option<Bytes>, ApiError> {
        let max = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let reader = match self.logs.deps.objects.get(&chunk.object(), Some(range)).await {
            Ok(reader) => reader,
            // It was too old, or its group was deleted, since this began.
            Err(objects::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(ApiError::unavailable(error)),
        };
        reader.bytes(max).await.map(Some).map_err(ApiError::unavailable)
    }

    async fn open(&mut self, chunk: Arc<Chunk>) -> Result<(), ApiError> {
        let damaged = || ApiError::internal(format!("the log events in {} do not read", chunk.object()));
        if chunk.is_locked {
            let Some(bytes) = self.bytes(&chunk, 0..chunk.len.min(LOCKED_BYTES_MAX as u64)).await? else {
                return Ok(());
            };
            let mut events = Vec::new();
            for (seq, entry) in chunk::read_locked(bytes).map_err(|_| damaged())? {
                let batch = Batch::decode(entry).map_err(|_| damaged())?;
                let cipher = self.logs.usable_key(&self.group, batch.key.unwrap_or_default()).await?;
                events.extend(unlocked(&batch, seq, &cipher).ok_or_else(damaged)?);
            }
            events.sort_by_key(|(place, _)| *place);
            let events = self.ordered(events);
            self.push_events(events);
            return Ok(());
        }
        let index = match self.logs.indexes.get(&chunk.object()) {
            Some(index) => index,
            None => {
                let Some(packed) = self.bytes(&chunk, chunk.index_at..chunk.len).await? else { return Ok(()) };
                let index = chunk::read_index(&packed).map_err(|_| damaged())?;
                self.logs.indexes.put(chunk.object(), index.clone());
                index
            }
        };
        let cipher = match chunk.key {
            Some(id) => Some(self.logs.usable_key(&self.group, id).await?),
            None => None,
        };
        let opened = Arc::new(Opened { chunk, index, cipher });
        let wanted: HashSet<u32> = match &self.query.streams {
            None => HashSet::new(),
            Some(wanted) => {
                let streams = opened.index.streams.iter().zip(0..);
                streams.filter(|(stream, _)| wanted.contains(stream)).map(|(_, at)| at).collect()
            }
        };
        let Query { from, to, after, forward, .. } = self.query;
        for (at, block) in opened.index.blocks.iter().enumerate() {
            let has = self.query.streams.is_none() || block.of.iter().any(|stream| wanted.contains(stream));
            let reached = after.is_none_or(|after| if forward { block.max >= after.ts } else { block.min <= after.ts });
            if has && reached && block.max >= from && block.min < to {
                let place = if forward { Place::before(block.min) } else { Place::behind(block.max) };
                self.heap.push(Next { place, forward, source: Source::Block(Arc::clone(&opened), at) });
            }
        }
        Ok(())
    }

    async fn read(&mut self, opened: &Opened, at: usize) -> Result<(), ApiError> {
        let Opened { chunk, index, cipher } = opened;
        let block = &index.blocks[at];
        let Some(packed) = self.bytes(chunk, block.at..block.at + block.len).await? else { return Ok(()) };
        let object = chunk.object();
        let events = chunk::read_block(&object, index, block, &packed, cipher.as_deref());
        let events = events.map_err(|_| ApiError::internal(format!("a block of {object} does not read")))?;
        self.read_bytes += events.iter().map(|(_, event)| event.text.len() as u64).sum::<u64>();
        let events = self.ordered(events);
        self.push_events(events);
        Ok(())
    }
}

impl Query {
    fn wants(&self, place: Place, event: &Event) -> bool {
        let is_after = |after: Place| if self.forward { place > after } else { place < after };
        (self.from..self.to).contains(&place.ts)
            && self.after.is_none_or(is_after)
            && self.streams.as_ref().is_none_or(|streams| streams.contains(&event.stream))
    }
}

/// The events of an encrypted batch.
pub fn unlocked(batch: &Batch, seq: u64, cipher: &Cipher) -> Option<Vec<(Place, Event)>> {
    let body = cipher.open(&about(batch), &batch.body)?;
    let events = entry::events(body.into()).ok()?;
    Some(placed(batch, seq, events))
}

/// What is authenticated with the body of a batch.
pub fn about(batch: &Batch) -> Vec<u8> {
    format!("logs {:016x} {:016x}", batch.group, batch.stream).into_bytes()
}

/// Events of a batch with their places.
pub fn placed(batch: &Batch, seq: u64, events: Vec<(i64, Bytes)>) -> Vec<(Place, Event)> {
    let place = |(index, (ts, text)): (u32, (i64, Bytes))| {
        (Place { ts, seq, index }, Event { stream: batch.stream, ingested: batch.ingested, text })
    };
    (0..).zip(events).map(place).collect()
}

/// Indexes of chunks that were read last.
#[derive(Default)]
pub struct Indexes(std::sync::Mutex<(HashMap<String, Index>, VecDeque<String>)>);

/// Indexes kept: some KiB each.
const INDEXES_MAX: usize = 256;

impl Indexes {
    fn get(&self, object: &str) -> Option<Index> {
        self.0.lock().expect("no holder of this lock can panic").0.get(object).cloned()
    }

    fn put(&self, object: String, index: Index) {
        let mut held = self.0.lock().expect("no holder of this lock can panic");
        if held.0.insert(object.clone(), index).is_none() {
            held.1.push_back(object);
        }
        if held.1.len() > INDEXES_MAX
            && let Some(oldest) = held.1.pop_front()
        {
            held.0.remove(&oldest);
        }
    }
}
