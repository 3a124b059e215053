//! Watches a world while it runs. It believes nothing that the server says: it reads the durable part of the disk itself, and the
//! commits of the tables as they are made. The first violated invariant ends the world.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::Clock;
use journal::faulty_disk::FaultyDisk;
use journal::follower::Follower;
use journal::{Entry, Journal, SegmentJournal, Seq};
use serde_json::Value;
use state::Op;
use tokio::sync::Notify;

use crate::Violation;
use crate::clock::SimClock;
use crate::oracle::{Oracle, Record};
use crate::trace::Trace;

/// The journal's folder on the simulated disk.
pub(crate) const JOURNAL: &str = "data/journal";

/// See the module.
pub(crate) struct Witness {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) trace: Trace,
    seed: u64,
    disk: FaultyDisk,
    inner: Mutex<Inner>,
    verdict: Mutex<Option<Violation>>,
    found: Notify,
}

#[derive(Default)]
struct Inner {
    journal: Option<Arc<SegmentJournal>>,
    follower: Follower,
    /// A hash of each entry ever seen durable; the first is entry 1.
    entries: Vec<u64>,
    records: Vec<Record>,
    by_request: BTreeMap<String, Vec<usize>>,
    by_mark: BTreeMap<u64, Vec<usize>>,
    by_event: BTreeMap<String, usize>,
    oracle: Oracle,
    /// The committed cursors.
    delivery_next: u64,
    history_next: u64,
    events_next: u64,
}

/// What a client knows of an answered call.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) mark: u64,
    pub(crate) request_id: String,
    pub(crate) event_name: String,
    /// As in [`Record::who`].
    pub(crate) who: String,
    /// `None`: the call succeeded. `Some("")`: it failed, and the client could not see how.
    pub(crate) error_code: Option<String>,
}

impl Witness {
    pub(crate) fn new(seed: u64, clock: Arc<SimClock>, trace: Trace, disk: FaultyDisk) -> Witness {
        let inner = Inner { delivery_next: 1, history_next: 1, events_next: 1, ..Inner::default() };
        Witness { clock, trace, seed, disk, inner: Mutex::new(inner), verdict: Mutex::default(), found: Notify::new() }
    }

    /// Something happened.
    pub(crate) fn note(&self, text: &str) {
        self.trace.note(self.clock.monotonic_ms(), text);
    }

    /// An invariant does not hold.
    pub(crate) fn violated(&self, invariant: u8, what: String) {
        let mut verdict = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
        if verdict.is_none() {
            self.trace.note(self.clock.monotonic_ms(), &format!("I{invariant} is violated: {what}"));
            *verdict = Some(Violation { seed: self.seed, invariant, what, last: self.trace.last() });
        }
        self.found.notify_one();
    }

    /// What was violated, if anything was.
    pub(crate) fn verdict(&self) -> Option<Violation> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Completes once something is violated.
    pub(crate) async fn violation(&self) {
        while self.verdict().is_none() {
            self.found.notified().await;
        }
    }

    /// The server has opened its journal, perhaps after a crash: what was durable once must still be there.
    pub(crate) fn opened(&self, journal: &Arc<SegmentJournal>) {
        {
            let mut inner = self.inner();
            inner.journal = Some(Arc::clone(journal));
            inner.follower = Follower::new();
        }
        self.catch_up();
        let known = Seq::new(u64::try_from(self.inner().entries.len()).unwrap_or(u64::MAX) + 1);
        if journal.durable_end() < known {
            let text = format!(
                "entries up to {known} were durable; after a restart the journal ends at {}",
                journal.durable_end()
            );
            self.violated(5, text);
        }
    }

    /// The server is gone.
    pub(crate) fn closed(&self) {
        self.inner().journal = None;
    }

    /// Reads what has become durable since it was last asked.
    pub(crate) fn catch_up(&self) {
        let mut guard = self.inner();
        let inner = &mut *guard;
        let Some(journal) = &inner.journal else { return };
        let entries = inner.follower.read(&self.disk.durable(), Path::new(JOURNAL), journal.durable_end());
        let outcome = match entries {
            Ok(entries) => entries.iter().try_for_each(|entry| inner.take(entry)),
            Err(error) => Err((5, format!("the durable part of the journal cannot be read: {error}"))),
        };
        drop(guard);
        if let Err((invariant, what)) = outcome {
            self.violated(invariant, what);
        }
    }

    /// A client has an answer: its record must be durable now, and say what the client saw.
    pub(crate) fn answered(&self, call: &Answered) {
        self.catch_up();
        let inner = self.inner();
        let found: Vec<&Record> =
            inner.by_request.get(&call.request_id).into_iter().flatten().map(|at| &inner.records[*at]).collect();
        let problem = match found[..] {
            [] => Some((5, format!("the answer to {call:?} left before its record was durable"))),
            [record] => differs(record, call).map(|why| (1, format!("{why}: {call:?} is recorded as {record:?}"))),
            _ => Some((1, format!("{call:?} has {} records", found.len()))),
        };
        drop(inner);
        if let Some((invariant, what)) = problem {
            self.violated(invariant, what);
        }
    }

    /// How many records a call has, by the mark that it carried.
    pub(crate) fn records_of(&self, mark: u64) -> usize {
        self.inner().by_mark.get(&mark).map_or(0, Vec::len)
    }

    /// All records so far.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.catch_up();
        self.inner().records.clone()
    }

    /// What is known of trails.
    pub(crate) fn with_oracle<T>(&self, look: impl FnOnce(&Oracle) -> T) -> T {
        look(&self.inner().oracle)
    }

    /// The tables have made a commit.
    pub(crate) fn committed(&self, ops: &[Op]) {
        self.trace.whisper(self.clock.monotonic_ms(), || {
            let words = ops.iter().map(|op| match op {
                Op::Put { table, key, value, .. } => {
                    let value = String::from_utf8_lossy(&value[..value.len().min(400)]).into_owned();
                    format!("\n    put {table} {:?} {value}", String::from_utf8_lossy(key))
                }
                Op::Delete { table, key, .. } => format!("\n    delete {table} {:?}", String::from_utf8_lossy(key)),
                Op::Check { table, .. } => format!("\n    check {table}"),
            });
            format!("commit{}", words.collect::<String>())
        });
        let cursor_of = |table: &str| {
            ops.iter().find_map(|op| match op {
                Op::Put { table: of, value, .. } if *of == table => {
                    serde_json::from_slice::<Value>(value).ok()?["next"].as_u64()
                }
                _ => None,
            })
        };
        if let Some(next) = cursor_of("cloudtrail/delivery") {
            self.cursor_moved("delivery", next, ops);
        }
        if let Some(next) = cursor_of("cloudtrail/history") {
            self.cursor_moved("history", next, ops);
        }
        if let Some(next) = cursor_of("lake/cursor") {
            self.cursor_moved("events", next, ops);
        }
    }

    fn cursor_moved(&self, consumer: &str, next: u64, ops: &[Op]) {
        self.catch_up();
        let mut guard = self.inner();
        let inner = &mut *guard;
        let (at, table, records) = match consumer {
            "delivery" => (&mut inner.delivery_next, "cloudtrail/outbox", "records"),
            "history" => (&mut inner.history_next, "cloudtrail/segments", "records"),
            _ => (&mut inner.events_next, "lake/parts", "rows"),
        };
        let from = std::mem::replace(at, next);
        let end = inner.follower.next().get();
        let first = inner.records.partition_point(|record| record.seq < from);
        let passed = inner.records[first..].iter().take_while(|record| record.seq < next);
        let mut owed: BTreeMap<String, u64> = BTreeMap::new();
        for record in passed {
            match consumer {
                "delivery" => record.trails.iter().for_each(|(arn, _)| *owed.entry(arn.clone()).or_default() += 1),
                "events" => {
                    // The built-in store has every record, the others what they select.
                    *owed.entry(String::new()).or_default() += 1 + u64::try_from(record.stores.len()).unwrap_or(0);
                }
                _ if record.management => *owed.entry(String::new()).or_default() += 1,
                _ => {}
            }
        }
        let mut done: BTreeMap<String, u64> = BTreeMap::new();
        for op in ops {
            if let Op::Put { table: of, value, .. } = op
                && *of == table
                && let Ok(json) = serde_json::from_slice::<Value>(value)
            {
                let arn = json["arn"].as_str().unwrap_or_default().to_owned();
                *done.entry(arn).or_default() += json[records].as_u64().unwrap_or(0);
            }
        }
        drop(guard);
        if next > end || next < from {
            self.violated(
                4,
                format!("the cursor of {consumer} moved from {from} to {next}; the journal ends at {end}"),
            );
        } else if owed != done {
            let text = format!(
                "the cursor of {consumer} moved from {from} to {next}: that is to give {owed:?} records, the commit has {done:?}"
            );
            self.violated(4, text);
        }
    }

    /// The journal is about to give up the entries before `before`.
    pub(crate) fn trimming(&self, before: Seq) {
        self.catch_up();
        let inner = self.inner();
        let open = inner.oracle.open.keys().next().copied();
        let Inner { delivery_next, history_next, events_next, .. } = *inner;
        let needed = [Some(delivery_next), Some(history_next), Some(events_next), open].into_iter().flatten().min();
        let needed = needed.unwrap_or(1);
        let detail = format!(
            "delivery is at {delivery_next}, history at {history_next}, the event stores at {events_next}, the oldest open call is {open:?}"
        );
        drop(inner);
        if before.get() > needed {
            self.violated(4, format!("the journal is trimmed before {before}, but entry {needed} is needed: {detail}"));
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn take(&mut self, entry: &Entry) -> Result<(), (u8, String)> {
        let mut hasher = DefaultHasher::new();
        (entry.kind, &entry.payload[..]).hash(&mut hasher);
        let hash = hasher.finish();
        let index = usize::try_from(entry.seq.get() - 1).unwrap_or(usize::MAX);
        match self.entries.get(index) {
            // Read again after a restart.
            Some(known) if *known == hash => return Ok(()),
            Some(_) => return Err((5, format!("entry {} was durable and is another one now", entry.seq))),
            None if index == self.entries.len() => self.entries.push(hash),
            None => return Err((5, format!("entry {} follows entry {}", entry.seq, self.entries.len()))),
        }
        let Some(record) = self.oracle.take(entry).map_err(|why| (1, why))? else { return Ok(()) };
        let at = self.records.len();
        if let Some(other) = self.by_event.insert(record.event_id.clone(), at) {
            return Err((1, format!("{record:?} and {:?} are one event", self.records[other])));
        }
        if let Some(mark) = record.mark {
            let of_call = self.by_mark.entry(mark).or_default();
            of_call.push(at);
            if of_call.len() > 1 {
                return Err((1, format!("call {mark} has two records: {record:?} and {:?}", self.records[of_call[0]])));
            }
        }
        self.by_request.entry(record.request_id.clone()).or_default().push(at);
        self.records.push(record);
        Ok(())
    }
}

fn differs(record: &Record, call: &Answered) -> Option<&'static str> {
    if record.mark != Some(call.mark) {
        return Some("the request identifier is of another call");
    }
    if record.name != call.event_name {
        return Some("the event has another name");
    }
    // Who signed long ago, by a clock that was set meanwhile, has proved nothing.
    let late = matches!(
        record.error_code.as_deref(),
        Some("RequestTimeTooSkewed" | "InvalidSignatureException" | "SignatureDoesNotMatch")
    );
    if record.who != call.who && !(late && record.who.is_empty()) {
        return Some("the event has another identity");
    }
    // Records have one code for all services' words for "access denied".
    let same = match (call.error_code.as_deref(), record.error_code.as_deref()) {
        (None, None) | (Some(""), Some(_)) | (Some("AccessDeniedException"), Some("AccessDenied")) => true,
        (seen, recorded) => seen == recorded,
    };
    (!same).then_some("the event has another outcome")
}
