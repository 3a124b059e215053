//! [`Events`]: reads the journal and feeds the stores. What it has read is visible at once and durable when it is sealed; a crash repeats
//! what was not.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use journal::{Entry, Journal, Seq};
use ports::lake::Selection;
use ports::{StoreId, Unavailable};
use record::RecordView;
use worker::{Consumer, EntryKind, Failure};

use crate::scan;
use crate::stores::{Stores, failed};
use crate::tail::{self, TailRow};

/// See the module.
pub struct Events {
    stores: Arc<Stores>,
    journal: Arc<dyn Journal>,
    selection: Option<Box<dyn Selection>>,
}

fn broken(error: Unavailable) -> Failure {
    Failure(error.0)
}

/// What a batch of entries brings.
#[derive(Default)]
struct Taken {
    rows: Vec<(StoreId, TailRow)>,
    next: u64,
    selection_changed: bool,
}

impl Events {
    /// Takes up where the last commit left off. Without a selection the built-in store alone is fed.
    pub fn open(
        stores: Arc<Stores>,
        journal: Arc<dyn Journal>,
        mut selection: Option<Box<dyn Selection>>,
    ) -> Result<Events, Unavailable> {
        let first = journal.first().get();
        let saved = {
            let mut inner = stores.inner();
            let missing = first.saturating_sub(inner.cursor.next.max(Seq::FIRST.get()));
            if missing > 0 {
                let text = "the journal has given up entries that the event store has not seen; \
                            cairn rebuild adds what event history and log files have of them";
                tracing::warn!(missing, "{text}");
            }
            inner.next = inner.cursor.next.max(first);
            inner.selection = inner.cursor.selection();
            for store in inner.stores.values_mut() {
                store.tail = tail::Tail::default();
            }
            stores.visible.send_replace(inner.next);
            inner.selection.clone()
        };
        if let Some(selection) = selection.as_mut().filter(|_| !saved.is_empty()) {
            selection.restore(&saved)?;
        }
        Ok(Events { stores, journal, selection })
    }

    fn gather(&mut self, entries: &[Entry]) -> Taken {
        let (next, seeds) = {
            let inner = self.stores.inner();
            let seeds: Vec<(StoreId, u64)> =
                inner.stores.iter().map(|(id, store)| (id.clone(), store.row.hash_seed)).collect();
            (inner.next, seeds)
        };
        let mut taken = Taken { next, ..Taken::default() };
        let mut into = Vec::new();
        for entry in entries {
            let seq = entry.seq.get();
            // Those before it were taken by an earlier call that then failed to seal.
            if seq < taken.next {
                continue;
            }
            taken.next = seq.saturating_add(1);
            match EntryKind::read(entry) {
                Ok(EntryKind::Finish { record, .. }) if scan::checked(&record).is_ok() => {
                    into.push(StoreId::events());
                    if let Some(selection) = &mut self.selection {
                        selection.select(seq, &record, &mut into);
                    }
                    into.sort_unstable();
                    into.dedup();
                    // Copied: a slice would keep the block of the journal that it was read with.
                    let json = Bytes::copy_from_slice(&record);
                    let time_ms =
                        RecordView::parse(&json).ok().and_then(|view| view.event_time()).map(|time| time.ms());
                    for store in into.drain(..) {
                        let Some((_, seed)) = seeds.iter().find(|(id, _)| *id == store) else { continue };
                        let hash = Stores::hash(*seed, &json);
                        taken.rows.push((store, TailRow { seq, json: json.clone(), hash, time_ms }));
                    }
                }
                Ok(EntryKind::Finish { .. }) => {
                    tracing::error!(seq, "a record is no JSON; the event stores leave it out")
                }
                Ok(EntryKind::Control(control)) => {
                    if let Some(selection) = &mut self.selection {
                        selection.control(seq, &control.topic, &control.document);
                        taken.selection_changed = true;
                    }
                }
                Ok(EntryKind::Begin { .. } | EntryKind::Data(_)) => {}
                Err(error) => tracing::error!(%error, "the event stores leave out an entry"),
            }
        }
        taken
    }

    fn keep(&self, taken: Taken) {
        let saved = self.selection.as_ref().filter(|_| taken.selection_changed).map(|selection| selection.save());
        let mut inner = self.stores.inner();
        if !taken.rows.is_empty() && inner.tail_since_ms.is_none() {
            inner.tail_since_ms = Some(self.stores.env.clock.monotonic_ms());
        }
        for (store, row) in taken.rows {
            if let Some(found) = inner.stores.get_mut(&store) {
                found.tail.push(row);
            }
        }
        inner.next = taken.next;
        if let Some(saved) = saved {
            inner.selection = saved;
        }
    }

    fn must_seal(&self) -> bool {
        let options = &self.stores.options;
        let inner = self.stores.inner();
        let tails = || inner.stores.values().map(|store| &store.tail);
        let old = |since: u64| self.stores.env.clock.monotonic_ms().saturating_sub(since) >= options.tail_age_ms;
        tails().map(|tail| tail.rows.len()).sum::<usize>() >= options.tail_rows_max
            || tails().map(|tail| tail.bytes).sum::<usize>() >= options.tail_bytes_max
            || inner.next.saturating_sub(inner.cursor.next.max(self.journal.first().get()))
                >= options.unsealed_entries_max
            || inner.tail_since_ms.is_some_and(old)
    }
}

impl Stores {
    /// Makes full chunks of the tails columns, so that a query has little to do.
    async fn prepare_tails(&self) -> Result<(), Failure> {
        loop {
            let next = {
                let inner = self.inner();
                inner
                    .stores
                    .iter()
                    .find_map(|(id, store)| store.tail.chunk().map(|(number, rows)| (id.clone(), number, rows)))
            };
            let Some((store, number, rows)) = next else { return Ok(()) };
            let first = rows[0].clone();
            let batch = worker::blocking(move || tail::columns(&rows)).await?;
            let batch = batch.map_err(|error| broken(failed("making columns", error)))?;
            if let Some(found) = self.inner().stores.get_mut(&store) {
                found.tail.chunk_done(number, &first, batch);
            }
        }
    }
}

#[async_trait]
impl Consumer for Events {
    fn name(&self) -> &'static str {
        "events"
    }

    fn needs(&self) -> Seq {
        Seq::new(self.stores.inner().cursor.next).max(self.journal.first())
    }

    async fn take(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        // What failed to be sealed must not grow.
        if self.must_seal() {
            self.stores.seal().await.map_err(broken)?;
        }
        let taken = self.gather(entries);
        let next = taken.next;
        self.keep(taken);
        self.stores.visible.send_replace(next);
        if self.must_seal() {
            return self.stores.seal().await.map_err(broken);
        }
        self.stores.prepare_tails().await
    }

    async fn idle(&mut self) -> Result<(), Failure> {
        if self.must_seal() {
            self.stores.seal().await.map_err(broken)?;
        }
        Ok(())
    }

    async fn stop(&mut self) -> Result<(), Failure> {
        self.stores.seal().await.map_err(broken)
    }
}
