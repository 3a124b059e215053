//! Hot rows, and the knowledge that a row is absent. Must never answer with a row that a commit has replaced, once that
//! commit was answered.
//!
//! Two generations: what is found in the older moves to the younger; when the younger is half of the bound, it becomes
//! the older and the older is forgotten.

use std::collections::{HashMap, HashSet};
use std::mem;

use crate::{Row, Table};

/// Larger rows are always read from the file, so that a few cannot push out everything else.
const ROW_BYTES_MAX: usize = 64 * 1024;
/// What an entry takes beside the key (held twice, here and in the row) and the value, in bytes: roughly.
const ENTRY_BYTES: usize = 128;

pub(super) struct Cache {
    bytes_max: usize,
    young: Generation,
    old: Generation,
    /// How often a generation was forgotten.
    forgotten: u64,
    /// Rows that the writer is changing now; their old content is not to be answered from here, nor their new.
    changing: HashMap<Table, HashSet<Vec<u8>>>,
}

#[derive(Default)]
struct Generation {
    tables: HashMap<Table, HashMap<Vec<u8>, Entry>>,
    bytes: usize,
}

#[derive(Clone)]
enum Entry {
    Row(Option<Row>),
    /// The row is too large to be kept. Noted so that a reader that still has the row before it cannot put that here.
    TooLarge,
}

/// What the cache knows of a row.
pub(super) enum Found {
    Row(Option<Row>),
    /// Read it from the file, and bring it with this ticket.
    Nothing(Ticket),
}

/// When a reader began to read: the count of forgotten generations then.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Cache {
        let (young, old) = Default::default();
        Cache { bytes_max, young, old, forgotten: 0, changing: HashMap::new() }
    }

    pub(super) fn get(&mut self, table: Table, key: &[u8]) -> Found {
        if self.is_changing(table, key) {
            return Found::Nothing(Ticket(self.forgotten));
        }
        if let Some(entry) = self.young.get(table, key) {
            return self.found(entry.clone());
        }
        if let Some(entry) = self.old.remove(table, key) {
            self.insert(table, key.to_vec(), entry.clone());
            return self.found(entry);
        }
        Found::Nothing(Ticket(self.forgotten))
    }

    /// Takes in what a reader read. Not if the writer may have changed the row since the reader began: then the row is
    /// here already, or is being changed, or was here and has been forgotten.
    pub(super) fn fill(&mut self, table: Table, key: &[u8], row: Option<&Row>, ticket: Ticket) {
        let known = self.young.get(table, key).is_some() || self.old.get(table, key).is_some();
        if known || self.is_changing(table, key) || ticket.0 != self.forgotten {
            return;
        }
        self.insert(table, key.to_vec(), Entry::of(row.cloned()));
    }

    /// The writer is about to change a row.
    pub(super) fn begin(&mut self, table: Table, key: &[u8]) {
        self.changing.entry(table).or_default().insert(key.to_vec());
    }

    /// The writer has changed a row, durably.
    pub(super) fn put(&mut self, table: Table, key: Vec<u8>, row: Option<Row>) {
        self.old.remove(table, &key);
        self.insert(table, key, Entry::of(row));
    }

    /// The writer is done with all rows that it began to change.
    pub(super) fn end(&mut self) {
        self.changing.clear();
    }

    fn is_changing(&self, table: Table, key: &[u8]) -> bool {
        self.changing.get(table).is_some_and(|keys| keys.contains(key))
    }

    fn found(&self, entry: Entry) -> Found {
        match entry {
            Entry::Row(row) => Found::Row(row),
            Entry::TooLarge => Found::Nothing(Ticket(self.forgotten)),
        }
    }

    fn insert(&mut self, table: Table, key: Vec<u8>, entry: Entry) {
        self.young.insert(table, key, entry);
        if self.young.bytes > self.bytes_max / 2 {
            self.old = mem::take(&mut self.young);
            self.forgotten += 1;
            if self.old.bytes > self.bytes_max {
                self.old = Generation::default();
            }
        }
    }
}

impl Generation {
    fn get(&self, table: Table, key: &[u8]) -> Option<&Entry> {
        self.tables.get(table)?.get(key)
    }

    fn insert(&mut self, table: Table, key: Vec<u8>, entry: Entry) {
        self.remove(table, &key);
        self.bytes += entry.bytes(&key);
        self.tables.entry(table).or_default().insert(key, entry);
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Option<Entry> {
        let entry = self.tables.get_mut(table)?.remove(key)?;
        self.bytes -= entry.bytes(key);
        Some(entry)
    }
}

impl Entry {
    fn of(row: Option<Row>) -> Entry {
        match row {
            Some(row) if row.value.len() + row.key.len() > ROW_BYTES_MAX => Entry::TooLarge,
            row => Entry::Row(row),
        }
    }

    fn bytes(&self, key: &[u8]) -> usize {
        let row = match self {
            Entry::Row(Some(row)) => row.key.len() + row.value.len(),
            Entry::Row(None) | Entry::TooLarge => 0,
        };
        ENTRY_BYTES + key.len() + row
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const T: Table = "t";

    fn row(rev: u64, size: usize) -> Option<Row> {
        Some(Row { key: b"k".to_vec(), rev, value: Bytes::from(vec![b'x'; size]) })
    }

    /// The revision in the cache: `None` for nothing known, `Some(0)` for known to be absent.
    #[track_caller]
    fn check(cache: &mut Cache, rev: Option<u64>) -> Ticket {
        match cache.get(T, b"k") {
            Found::Row(row) => assert_eq!(Some(row.map_or(0, |row| row.rev)), rev),
            Found::Nothing(ticket) => {
                assert_eq!(rev, None);
                return ticket;
            }
        }
        Ticket(cache.forgotten)
    }

    #[test]
    fn what_was_read_is_known() {
        let mut cache = Cache::new(10_000);
        let ticket = check(&mut cache, None);
        cache.fill(T, b"k", None, ticket);
        check(&mut cache, Some(0));
        cache.put(T, b"k".to_vec(), row(1, 10));
        check(&mut cache, Some(1));
    }

    #[test]
    fn a_slow_reader_does_not_bring_back_the_past() {
        let mut cache = Cache::new(10_000);
        let ticket = check(&mut cache, None);
        cache.begin(T, b"k");
        check(&mut cache, None);
        cache.fill(T, b"k", row(1, 10).as_ref(), ticket);
        check(&mut cache, None);
        cache.put(T, b"k".to_vec(), row(2, 10));
        cache.end();
        cache.fill(T, b"k", row(1, 10).as_ref(), ticket);
        check(&mut cache, Some(2));
    }

    #[test]
    fn nor_when_the_new_row_is_large_or_forgotten() {
        let mut cache = Cache::new(10_000);
        let ticket = check(&mut cache, None);
        cache.put(T, b"k".to_vec(), row(2, ROW_BYTES_MAX + 1));
        cache.fill(T, b"k", row(1, 10).as_ref(), ticket);
        check(&mut cache, None);

        for number in 0..1000_u32 {
            cache.put(T, number.to_be_bytes().to_vec(), None);
        }
        cache.fill(T, b"k", row(1, 10).as_ref(), ticket);
        check(&mut cache, None);
    }

    #[test]
    fn bounded_and_the_used_stay() {
        let mut cache = Cache::new(100_000);
        cache.put(T, b"k".to_vec(), row(1, 10));
        for number in 0..10_000_u32 {
            cache.put(T, number.to_be_bytes().to_vec(), row(2, 100));
            check(&mut cache, Some(1));
            assert!(cache.young.bytes + cache.old.bytes <= 101_000);
        }
        let mut none = Cache::new(0);
        none.put(T, b"k".to_vec(), row(1, 10));
        check(&mut none, None);
        assert_eq!(none.young.bytes + none.old.bytes, 0);
    }
}
