//! [`History`]: reads the journal and keeps management events searchable.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use journal::{Entry, Seq};
use record::RecordView;
use serde::{Deserialize, Serialize};
use state::Expect;
use worker::{Consumer, EntryKind, Failure};

use super::expire::FOLDER;
use super::index::{Index, Segment};
use super::segment::{self, Item};
use super::terms;
use crate::rows::{self, Found, HISTORY, ONLY, SEGMENT_FILTERS, SEGMENTS};

/// The tail is sealed at this size …
const TAIL_BYTES_MAX: usize = 4 << 20;
/// … or at as many records as the options say, or when so many entries would have to be read again after a start.
const UNSEALED_ENTRIES_MAX: u64 = 32_768;
/// How often old segments are looked for.
const EXPIRY_CHECK_MS: u64 = 3_600_000;
/// How long segments that no row names wait at least.
const SWEEP_PAUSE_MS: u64 = 60_000;

/// How far history is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    version: u32,
    next: u64,
}

/// See the module.
pub struct History {
    index: Arc<Index>,
    name: &'static str,
    committed: Option<Found<Cursor>>,
    next: Seq,
    expiry_at_ms: Option<u64>,
    /// There may be segments that no row names.
    untidy: bool,
    /// Not to be looked for before this.
    sweep_at_ms: u64,
    /// See [`crate::Options::history_tail_records`].
    pub(crate) tail_records_max: usize,
}

fn failed(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure(format!("{what}: {error}"))
}

/// The key of a segment's rows.
pub(super) fn segment_key(first_seq: u64) -> [u8; 8] {
    first_seq.to_be_bytes()
}

impl History {
    /// Takes up where the last commit left off.
    pub async fn open(index: Arc<Index>) -> Result<History, state::Error> {
        let committed: Option<Found<Cursor>> = rows::get(&*index.shared.state, HISTORY, ONLY).await?;
        let next = committed.as_ref().map_or(Seq::FIRST, |found| Seq::new(found.value.next));
        let next = next.max(index.shared.journal.first());
        *index.tail() = Default::default();
        index.count_segments().await?;
        index.shared.history_at(next);
        let tail_records_max = index.shared.options.history_tail_records;
        let name = index.shared.consumer_name("history");
        Ok(History { index, name, committed, next, expiry_at_ms: None, untidy: true, sweep_at_ms: 0, tail_records_max })
    }

    fn gather(&self, seq: Seq, record: &Bytes) {
        // A record that cannot be read was told about by delivery.
        let Ok(view) = RecordView::parse(record) else { return };
        if !view.is_management() || !self.index.shared.is_ours(&view) {
            return;
        }
        let secs = view.event_time().unwrap_or_else(|| self.index.shared.env.clock.now()).secs();
        // Copied: a slice would keep the block of the journal that it was read with.
        let json = Bytes::copy_from_slice(record);
        let item = Item { seq: seq.get(), secs, terms: terms::terms(&view), json };
        let mut tail = self.index.tail();
        tail.bytes += item.json.len();
        tail.items.push_back(item);
    }

    fn must_seal(&self) -> bool {
        let tail = self.index.tail();
        tail.bytes >= TAIL_BYTES_MAX
            || tail.items.len() >= self.tail_records_max
            || self.next.get().saturating_sub(self.needs().get()) >= UNSEALED_ENTRIES_MAX
    }

    /// Makes a segment of the tail. Until it is committed nothing has changed, and it may be done again.
    async fn seal(&mut self) -> Result<(), Failure> {
        let items: Vec<Item> = self.index.tail().items.iter().cloned().collect();
        let shared = Arc::clone(&self.index.shared);
        let expect = self.committed.as_ref().map(|found| found.rev).into();
        let cursor = Cursor { version: 1, next: self.next.get() };
        let mut ops = vec![rows::put(HISTORY, ONLY, &cursor, expect)];
        let was_untidy = std::mem::replace(&mut self.untidy, true);
        let mut sealed = 0;
        if !items.is_empty() {
            let (content, filter, items) = worker::blocking(move || pack(items)).await?;
            let (first, last) = (&items[0], &items[items.len() - 1]);
            let row = Segment {
                version: 1,
                // The name says what is in it: another content never takes its place.
                object: format!("{FOLDER}{}-{}", rows::seq_text(first.seq), rows::seq_text(last.seq)),
                len_bytes: u64::try_from(content.len()).expect("a length fits 64 bits"),
                first_seq: first.seq,
                last_seq: last.seq,
                oldest_secs: items.iter().map(|item| item.secs).min().unwrap_or(0),
                newest_secs: items.iter().map(|item| item.secs).max().unwrap_or(0),
                records: u64::try_from(items.len()).expect("a length fits 64 bits"),
            };
            let stored = shared.objects.put(&row.object, content.into()).await;
            stored.map_err(|error| failed("storing a segment of history", error))?;
            let key = segment_key(first.seq).to_vec();
            ops.push(rows::put(SEGMENTS, key.clone(), &row, Expect::Any));
            ops.push(state::Op::Put { table: SEGMENT_FILTERS, key, value: filter.into(), expect: Expect::Any });
            sealed = row.records;
        }
        let rev = match shared.state.commit(ops).await {
            Ok(info) => info.revs[0],
            // An earlier attempt may have been committed though it was answered with a failure.
            Err(error) if error.is_conflict() => return self.adopt(&cursor).await,
            Err(error) => return Err(failed("committing a segment of history", error)),
        };
        self.committed = Some(Found { value: cursor, rev });
        self.index.count_sealed(sealed);
        self.untidy = was_untidy;
        let mut tail = self.index.tail();
        tail.items.clear();
        tail.items.shrink_to_fit();
        tail.bytes = 0;
        Ok(())
    }

    /// Goes on from an earlier [`History::seal`] that was committed though it was answered with a failure: perhaps with fewer
    /// records than there are now, which stay in the tail.
    async fn adopt(&mut self, cursor: &Cursor) -> Result<(), Failure> {
        let found: Option<Found<Cursor>> = rows::get(&*self.index.shared.state, HISTORY, ONLY)
            .await
            .map_err(|error| failed("reading the cursor of history", error))?;
        let ours = |found: &Found<Cursor>| (self.needs().get()..=cursor.next).contains(&found.value.next);
        let found = found.filter(ours);
        let found = found.ok_or_else(|| Failure("the cursor of history was moved by another process".to_owned()))?;
        let mut tail = self.index.tail();
        let mut sealed = 0;
        while tail.items.front().is_some_and(|item| item.seq < found.value.next) {
            if let Some(item) = tail.items.pop_front() {
                tail.bytes = tail.bytes.saturating_sub(item.json.len());
                sealed += 1;
            }
        }
        drop(tail);
        self.index.count_sealed(sealed);
        self.committed = Some(found);
        Ok(())
    }
}

/// A segment of these records, and the filter of what they may be found by. Some 100 ms of a processor.
fn pack(items: Vec<Item>) -> (Vec<u8>, Vec<u8>, Vec<Item>) {
    let mut all: Vec<u64> = items.iter().flat_map(|item| item.terms.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    let mut writer = segment::Writer::new(items.len());
    for item in &items {
        writer.add(item);
    }
    (writer.finish(), terms::filter(&all), items)
}

#[async_trait]
impl Consumer for History {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> Seq {
        let committed = self.committed.as_ref().map_or(Seq::FIRST, |found| Seq::new(found.value.next));
        committed.max(self.index.shared.journal.first())
    }

    async fn take(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        for entry in entries {
            // Those before it were gathered by an earlier call that then failed to seal.
            if entry.seq < self.next {
                continue;
            }
            if let Ok(EntryKind::Finish { record, .. }) = EntryKind::read(entry) {
                self.gather(entry.seq, &record);
            }
            self.next = entry.seq.next();
            if self.must_seal() {
                self.seal().await?;
            }
        }
        if self.must_seal() {
            self.seal().await?;
        }
        self.index.shared.history_at(self.next);
        Ok(())
    }

    async fn idle(&mut self) -> Result<(), Failure> {
        let now_ms = self.index.shared.env.clock.monotonic_ms();
        if self.untidy && now_ms >= self.sweep_at_ms {
            self.index.sweep().await?;
            self.untidy = false;
            self.sweep_at_ms = now_ms.saturating_add(SWEEP_PAUSE_MS);
        }
        if self.expiry_at_ms.is_none_or(|at| now_ms >= at) {
            self.index.expire().await?;
            self.expiry_at_ms = Some(now_ms.saturating_add(EXPIRY_CHECK_MS));
        }
        Ok(())
    }
}
