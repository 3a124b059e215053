//! Columns that were read lately, decoded: texts as small numbers of a dictionary, one byte or two a row. What does not fit goes, by chance
//! and not by age: of what is read round and round, a share is there the next time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::ArrayRef;

/// A group of rows of a part, and the number of a leaf.
type Key = (Arc<str>, usize, usize);

/// See the module.
#[derive(Clone)]
pub(crate) struct Columns {
    bytes_max: usize,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<Key, Entry>,
    /// All keys, in no order.
    keys: Vec<Key>,
    bytes: usize,
    /// What chance goes by.
    dice: u64,
}

struct Entry {
    array: ArrayRef,
    bytes: usize,
    /// Its place among the keys.
    place: usize,
}

impl Columns {
    pub(crate) fn new(bytes_max: usize) -> Columns {
        Columns { bytes_max, inner: Arc::default() }
    }

    pub(crate) fn get(&self, part: &Arc<str>, group: usize, leaf: usize) -> Option<ArrayRef> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.entries.get(&(Arc::clone(part), group, leaf)).map(|entry| Arc::clone(&entry.array))
    }

    pub(crate) fn put(&self, part: &Arc<str>, group: usize, leaf: usize, array: ArrayRef) {
        let bytes = array.get_array_memory_size();
        if bytes > self.bytes_max / 16 {
            return;
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        while inner.bytes + bytes > self.bytes_max && !inner.keys.is_empty() {
            inner.drop_one();
        }
        let key = (Arc::clone(part), group, leaf);
        inner.remove(&key);
        let place = inner.keys.len();
        inner.keys.push(key.clone());
        inner.bytes += bytes;
        inner.entries.insert(key, Entry { array, bytes, place });
    }

    /// A part is gone.
    pub(crate) fn forget(&self, part: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<Key> = inner.keys.iter().filter(|(name, ..)| **name == *part).cloned().collect();
        gone.iter().for_each(|key| inner.remove(key));
    }
}

impl Inner {
    fn remove(&mut self, key: &Key) {
        let Some(entry) = self.entries.remove(key) else { return };
        self.bytes -= entry.bytes;
        self.keys.swap_remove(entry.place);
        if let Some(moved) = self.keys.get(entry.place)
            && let Some(other) = self.entries.get_mut(moved)
        {
            other.place = entry.place;
        }
    }

    fn drop_one(&mut self) {
        // Any sequence without a pattern of ours does (Knuth's MMIX generator); the low bits of this one are poor.
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = usize::try_from(self.dice >> 33).unwrap_or(0) % self.keys.len().max(1);
        if let Some(key) = self.keys.get(place).cloned() {
            self.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Int64Array;

    use super::*;

    fn column(rows: i64) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(0..rows))
    }

    #[test]
    fn what_does_not_fit_goes() {
        let one = column(1_000).get_array_memory_size();
        let columns = Columns::new(one * 20);
        let part: Arc<str> = "part".into();
        let there = |columns: &Columns| (0..100).filter(|leaf| columns.get(&part, 0, *leaf).is_some()).count();
        (0..20).for_each(|leaf| columns.put(&part, 0, leaf, column(1_000)));
        assert_eq!(there(&columns), 20);
        // Again the same: nothing is counted twice.
        (0..20).for_each(|leaf| columns.put(&part, 0, leaf, column(1_000)));
        (20..100).for_each(|leaf| columns.put(&part, 0, leaf, column(1_000)));
        assert!((15..=20).contains(&there(&columns)), "{}", there(&columns));
        columns.put(&part, 1, 0, column(1_000_000));
        assert!(columns.get(&part, 1, 0).is_none(), "one column is not the whole cache");
        let other: Arc<str> = "other".into();
        columns.put(&other, 0, 7, column(1_000));
        columns.forget("part");
        assert_eq!((there(&columns), columns.get(&other, 0, 7).is_some()), (0, true));
        assert_eq!(columns.inner.lock().unwrap().bytes, one);
    }
}
