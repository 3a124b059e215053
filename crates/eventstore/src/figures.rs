//! What a monitoring system may know of the stores. From memory, without waiting.

use std::sync::atomic::{AtomicU64, Ordering};

use ports::{EventStores, Figure, Figures};

use crate::stores::Stores;

/// Stores that have figures of their own; those of the others would be too many to look at.
const STORES_SHOWN: usize = 100;

/// What was done since the start.
#[derive(Default)]
pub(crate) struct Counts {
    seals: AtomicU64,
    seal_ms: AtomicU64,
    merges: AtomicU64,
    merged_rows: AtomicU64,
    expired_parts: AtomicU64,
}

impl Counts {
    /// The tails were sealed, which took so long.
    pub(crate) fn sealed(&self, ms: u64) {
        self.seals.fetch_add(1, Ordering::Relaxed);
        self.seal_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Some parts became one.
    pub(crate) fn merged(&self, parts: usize, rows: u64) {
        self.merges.fetch_add(u64::try_from(parts).unwrap_or(0), Ordering::Relaxed);
        self.merged_rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Parts were too old.
    pub(crate) fn expired(&self, parts: usize) {
        self.expired_parts.fetch_add(u64::try_from(parts).unwrap_or(0), Ordering::Relaxed);
    }
}

/// A count as a figure; exact up to 2^53.
fn number(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure may be rounded beyond 2^53")]
    let number = count as f64;
    number
}

impl Figures for Stores {
    fn figures(&self, into: &mut Vec<Figure>) {
        for store in self.stores().iter().take(STORES_SHOWN) {
            let Some(stats) = self.stats(store) else { continue };
            let (parts, tail) = {
                let inner = self.inner();
                inner.stores.get(store).map_or((0, 0), |found| (found.parts.len(), found.tail.rows.len()))
            };
            let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            let labels = [("store", store.as_str())];
            let mut gauge = |name, help, count| into.push(Figure::gauge(name, help, &labels, number(count)));
            gauge("cairn_events_json_bytes", "What the records of an event store take as JSON.", stats.json_bytes);
            gauge("cairn_events_parts", "Parts that an event store is made of.", wide(parts));
            gauge("cairn_events_records", "Records in an event store.", stats.rows);
            gauge("cairn_events_stored_bytes", "What the parts of an event store take.", stats.stored_bytes);
            gauge("cairn_events_unsealed_records", "Records of an event store that are in no part yet.", wide(tail));
        }
        let of = |count: &AtomicU64| number(count.load(Ordering::Relaxed));
        let counts = &self.counts;
        for (name, help, value) in [
            (
                "cairn_events_expired_parts_total",
                "Parts dropped because all in them was too old.",
                &counts.expired_parts,
            ),
            ("cairn_events_merged_parts_total", "Parts that became part of a larger one.", &counts.merges),
            ("cairn_events_merged_records_total", "Records written again into a larger part.", &counts.merged_rows),
            ("cairn_events_seals_total", "How often unsealed records became parts.", &counts.seals),
        ] {
            into.push(Figure::counter(name, help, &[], of(value)));
        }
        let help = "Time that sealing took.";
        into.push(Figure::counter("cairn_events_seal_seconds_total", help, &[], of(&counts.seal_ms) / 1000.0));
    }
}
