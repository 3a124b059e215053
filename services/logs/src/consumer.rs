//! [`LogsConsumer`]: takes log events out of the journal into memory, has filters look at them, and seals them into chunks. The only one
//! who does.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use base::Region;
use bytes::Bytes;
use journal::{Entry, Seq};
use ports::{Datum, KeyError};
use worker::entry::DATA;
use worker::{Consumer, EntryKind, Failure};

use crate::Logs;
use crate::crypt::Cipher;
use crate::entry::{self, Batch};
use crate::filters::GroupFilters;
use crate::live::{Event, Place};
use crate::rows::{CURSOR, Cursor, Group, ONLY, Stream};
use crate::scan::{placed, unlocked};
use crate::subscribers::payload;

/// Memory that an event takes besides its text.
const EVENT_MEMORY_BYTES: usize = 128;

/// Data for metrics of a region, and the entry that they came with.
type Pending = (Region, u64, Vec<Datum>);

/// See the module.
pub struct LogsConsumer {
    pub(crate) logs: Arc<Logs>,
    name: &'static str,
    /// The first entry that is not sealed, as it is in the table.
    pub(crate) committed: u64,
    pub(crate) next: u64,
    /// Entries before this may have been looked at by an earlier run.
    replay_end: u64,
    /// What metrics have not taken. Nothing goes on before they have.
    pending: VecDeque<Pending>,
    compiled: HashMap<u64, (u64, Arc<GroupFilters>)>,
    pub(crate) untidy: bool,
    pub(crate) upkeep_at_ms: u64,
}

pub(crate) fn failed(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure(format!("{what}: {error}"))
}

/// Events, and the key that they were encrypted under.
type Opened = (Vec<(Place, Event)>, Option<Arc<Cipher>>);

/// A batch that is ready to be seen.
struct Ready {
    seq: u64,
    batch: Batch,
    /// As they came, if their key cannot be used.
    events: Result<Opened, Bytes>,
    group: Arc<Group>,
    stream: Arc<Stream>,
}

impl Logs {
    /// The consumer. There must be one.
    pub async fn consumer(self: &Arc<Logs>) -> Result<LogsConsumer, state::Error> {
        let row = self.store.state().get(CURSOR, ONLY).await?;
        let read = |row: state::Row| {
            serde_json::from_slice::<Cursor>(&row.value)
                .map_err(|error| state::Error::Document { table: CURSOR, source: Arc::new(error) })
        };
        let committed = row.map(read).transpose()?.map_or(Seq::FIRST.get(), |cursor| cursor.next);
        let next = committed.max(self.deps.journal.first().get());
        self.applied.send_replace(next);
        // What an earlier run may have looked at is no filter's that comes now: its values may have been handed over with those of others.
        *self.looked.lock().await = self.deps.journal.durable_end().get();
        self.begin_subscribers();
        self.begin_exports();
        Ok(LogsConsumer {
            logs: Arc::clone(self),
            // Once for an account, once a start.
            name: Box::leak(format!("logs of {}", self.deps.account).into_boxed_str()),
            committed,
            next,
            replay_end: self.deps.journal.durable_end().get(),
            pending: VecDeque::new(),
            compiled: HashMap::new(),
            untidy: true,
            upkeep_at_ms: 0,
        })
    }
}

impl LogsConsumer {
    fn filters(&mut self, group: &Group) -> Arc<GroupFilters> {
        let rev = self.logs.store.see(crate::store::Memory::filters_rev);
        if let Some((known, filters)) = self.compiled.get(&group.id)
            && *known == rev
        {
            return Arc::clone(filters);
        }
        let made = self.logs.store.see(|memory| GroupFilters::new(memory, group, &self.logs.deps.account));
        let made = Arc::new(made);
        let store = &self.logs.store;
        store.see(|memory| self.compiled.retain(|id, _| memory.group_by_id(*id).is_some()));
        self.compiled.insert(group.id, (rev, Arc::clone(&made)));
        made
    }

    /// Reads an entry, if it brings log events for a stream that is there.
    async fn ready(&self, entry: &Entry) -> Result<Option<Ready>, Failure> {
        if entry.kind != DATA {
            return Ok(None);
        }
        let Ok(EntryKind::Data(data)) = EntryKind::read(entry) else { return Ok(None) };
        if data.topic != self.logs.topic {
            return Ok(None);
        }
        let seq = entry.seq.get();
        // Copied: a slice would keep the block of the journal that it was read with.
        let content = Bytes::copy_from_slice(&data.content);
        let Ok(batch) = Batch::decode(content.clone()) else {
            tracing::error!(seq, "an entry of log events does not read");
            return Ok(None);
        };
        let places = self.logs.store.see(|memory| {
            let stream = memory.stream_by_id(batch.stream).filter(|stream| stream.group == batch.group)?;
            Some((Arc::clone(memory.group_by_id(batch.group)?), Arc::clone(stream)))
        });
        let Some((group, stream)) = places else { return Ok(None) };
        if let Some(from) = &batch.from {
            let known = self.logs.live().sources.get(&(group.id, from.source.clone())).copied();
            if known.is_some_and(|known| (from.position, from.part) <= known) {
                return Ok(None);
            }
        }
        let events = match batch.key {
            None => Ok((entry::events(batch.body.clone()).map(|events| placed(&batch, seq, events)), None)),
            Some(id) => match self.logs.open_key(&group, id).await {
                Ok(cipher) => Ok((unlocked(&batch, seq, &cipher).ok_or(crate::bits::Bad), Some(cipher))),
                Err(KeyError::Refused { .. }) => Err(content),
                Err(KeyError::Unavailable(error)) => return Err(failed("the key of log events", error)),
            },
        };
        let events = match events {
            Ok((Ok(events), cipher)) => Ok((events, cipher)),
            Ok((Err(_), _)) => {
                tracing::error!(seq, "an entry of log events does not read");
                return Ok(None);
            }
            Err(content) => Err(content),
        };
        Ok(Some(Ready { seq, batch, events, group, stream }))
    }

    /// Into memory.
    fn hold(&self, ready: Ready) {
        let Ready { seq, batch, events, group, stream } = ready;
        let mut live = self.logs.live_mut();
        // Deleted since it was looked up: who deletes takes it out of here only after it is out of there.
        if self.logs.store.see(|memory| memory.group_by_id(group.id).is_none()) {
            return;
        }
        if let Some(from) = batch.from {
            let name = (group.id, from.source);
            live.sources.insert(name.clone(), (from.position, from.part));
            live.changed_sources.insert(name);
        }
        let mut memory = 0;
        match events {
            Ok((events, cipher)) => {
                for (place, _) in &events {
                    live.note(stream.id, place.ts, batch.ingested, seq);
                }
                let held = live.groups.entry(group.id).or_default();
                if cipher.is_some() {
                    held.cipher = cipher;
                }
                for (place, event) in events {
                    memory += event.text.len() + EVENT_MEMORY_BYTES;
                    held.tail_bytes += event.bytes();
                    held.tail.insert(place, event);
                }
            }
            Err(content) => {
                live.note(stream.id, batch.ingested, batch.ingested, seq);
                memory += content.len();
                live.groups.entry(group.id).or_default().locked.push((seq, content));
            }
        }
        live.tail_bytes += memory;
    }

    /// What filters make of a batch.
    fn look(&mut self, ready: &Ready, data: &mut BTreeMap<Region, (u64, Vec<Datum>)>) {
        let Ok((events, _)) = &ready.events else { return };
        self.logs.tails.offer(&ready.group, &ready.stream.name, events);
        let filters = self.filters(&ready.group);
        if filters.is_empty() {
            return;
        }
        let outcome = filters.apply(ready.seq, events);
        if !outcome.data.is_empty() {
            let of_region = data.entry(ready.group.region).or_default();
            of_region.0 = ready.seq;
            of_region.1.extend(outcome.data);
        }
        for (filter, matched) in filters.subscriptions.iter().zip(outcome.matched) {
            if matched.is_empty() {
                continue;
            }
            let (account, group, stream) = (&self.logs.deps.account, &ready.group.name, &ready.stream.name);
            match payload(account, group, stream, &filter.name, &matched, "DATA_MESSAGE") {
                Ok(payload) => self.logs.tell(filter, ready.seq, payload),
                Err(error) => tracing::error!(%error, "log events for a subscriber could not be packed"),
            }
        }
    }

    /// Hands over what metrics have not taken.
    async fn flush(&mut self) -> Result<(), Failure> {
        while let Some((region, position, data)) = self.pending.front() {
            if let Some(metrics) = &self.logs.deps.metrics {
                let source = format!("{} {region}", self.logs.topic);
                let put = metrics.put(*region, &source, *position, data.clone()).await;
                put.map_err(|error| failed("metrics of log events", error))?;
            }
            self.pending.pop_front();
        }
        Ok(())
    }

    fn queue(&mut self, data: &mut BTreeMap<Region, (u64, Vec<Datum>)>) {
        let data = std::mem::take(data);
        self.pending.extend(data.into_iter().map(|(region, (position, data))| (region, position, data)));
    }
}

#[async_trait]
impl Consumer for LogsConsumer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> Seq {
        Seq::new(self.committed).max(self.logs.deps.journal.first())
    }

    async fn take(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        self.flush().await?;
        let mut data = BTreeMap::new();
        for entry in entries {
            // Those before it were taken by an earlier call that then failed.
            if entry.seq.get() < self.next {
                continue;
            }
            let ready = self.ready(entry).await;
            if ready.is_err() {
                // What was made of the entries before it is not made again.
                self.queue(&mut data);
            }
            if let Some(ready) = ready? {
                // While metric filters are as they are: one that changes meanwhile begins with the entry after this.
                let logs = Arc::clone(&self.logs);
                let mut looked = logs.looked.lock().await;
                self.look(&ready, &mut data);
                *looked = looked.max(entry.seq.next().get());
                drop(looked);
                self.hold(ready);
            }
            self.next = entry.seq.next().get();
            // An earlier run may have handed over any part of these: one position for each entry, so that metrics know which.
            if entry.seq.get() < self.replay_end {
                self.queue(&mut data);
            }
            if self.must_seal() {
                self.queue(&mut data);
                self.flush().await?;
                self.seal().await?;
            }
        }
        self.queue(&mut data);
        self.logs.applied.send_replace(self.next);
        self.flush().await
    }

    async fn idle(&mut self) -> Result<(), Failure> {
        self.flush().await?;
        if self.must_seal() {
            self.seal().await?;
        }
        self.keep_up().await
    }

    async fn stop(&mut self) -> Result<(), Failure> {
        self.logs.subscribers.stop();
        self.logs.exports.lock().expect("no holder of this lock can panic").abort_all();
        self.flush().await?;
        self.seal().await
    }
}
