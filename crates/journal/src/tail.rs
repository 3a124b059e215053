//! The newest durable entries, in memory, so that consumers that keep up never touch the disk.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{ChainHead, Entry, ReadLimit, Seq};

/// What an entry costs in memory besides its payload.
const ENTRY_OVERHEAD_BYTES: usize = 64;

/// Entries from some position up to the durable end, and the chain head there.
#[derive(Debug)]
pub(crate) struct Tail {
    entries: VecDeque<(u8, Bytes)>,
    bytes: usize,
    bytes_max: usize,
    end: u64,
    chain: [u8; 32],
}

impl Tail {
    /// Nothing in memory; the durable end is `end`.
    pub(crate) fn new(end: u64, chain: [u8; 32], bytes_max: usize) -> Tail {
        Tail { entries: VecDeque::new(), bytes: 0, bytes_max, end, chain }
    }

    /// The position after the last durable entry.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn head(&self) -> ChainHead {
        ChainHead { seq: Seq(self.end - 1), hash: self.chain }
    }

    /// Adds entries that have become durable together, and forgets the oldest that no longer fit.
    pub(crate) fn push(&mut self, entries: impl Iterator<Item = (u8, Bytes)>, chain: [u8; 32]) {
        for (kind, payload) in entries {
            self.bytes += payload.len() + ENTRY_OVERHEAD_BYTES;
            self.end += 1;
            self.entries.push_back((kind, payload));
            while self.bytes > self.bytes_max {
                let Some((_, payload)) = self.entries.pop_front() else { break };
                self.bytes -= payload.len() + ENTRY_OVERHEAD_BYTES;
            }
        }
        self.chain = chain;
    }

    /// Entries from `from` on; `None` if that one is no longer in memory.
    pub(crate) fn read(&self, from: u64, limit: ReadLimit) -> Option<Vec<Entry>> {
        if from >= self.end {
            return Some(Vec::new());
        }
        let in_memory = self.entries.len();
        let behind = usize::try_from(self.end - from).ok()?;
        let start = in_memory.checked_sub(behind)?;
        let mut taken = Take::new(limit);
        let entries = self.entries.range(start..).zip(from..);
        Some(
            entries
                .take_while(|((_, payload), _)| taken.one(payload.len()))
                .map(|((kind, payload), seq)| Entry { seq: Seq(seq), kind: *kind, payload: payload.clone() })
                .collect(),
        )
    }
}

/// Counts what a read returns against its limit.
pub(crate) struct Take {
    limit: ReadLimit,
    bytes: usize,
    entries: usize,
}

impl Take {
    pub(crate) fn new(limit: ReadLimit) -> Take {
        Take { limit, bytes: 0, entries: 0 }
    }

    /// Whether an entry of `bytes` may still be returned. The first always may.
    pub(crate) fn one(&mut self, bytes: usize) -> bool {
        let fits = self.entries < self.limit.max_entries && self.bytes.saturating_add(bytes) <= self.limit.max_bytes;
        if fits || self.entries == 0 {
            self.bytes = self.bytes.saturating_add(bytes);
            self.entries += 1;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_entries_are_kept_and_older_ones_are_left_to_the_disk() {
        let room = 3 * (ENTRY_OVERHEAD_BYTES + 10);
        let mut tail = Tail::new(5, [0; 32], room);
        tail.push((0..4).map(|kind| (kind, Bytes::from(vec![kind; 10]))), [1; 32]);
        let read = |from, max_bytes, max_entries| {
            let entries = tail.read(from, ReadLimit { max_bytes, max_entries })?;
            Some(entries.into_iter().map(|e| (e.seq.get(), e.kind)).collect::<Vec<_>>())
        };
        assert_eq!(tail.end(), 9);
        assert_eq!(tail.head(), ChainHead { seq: Seq(8), hash: [1; 32] });
        assert_eq!(read(5, 1000, 10), None);
        assert_eq!(read(6, 1000, 10), Some(vec![(6, 1), (7, 2), (8, 3)]));
        assert_eq!(read(7, 10, 10), Some(vec![(7, 2)]));
        assert_eq!(read(7, 0, 0), Some(vec![(7, 2)]));
        assert_eq!(read(9, 1000, 10), Some(vec![]));
    }
}
