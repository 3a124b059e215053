//! Decisions that follow from a seed. Each part of a world has a source of its own, so that one part's drawing more often does
//! not change what the others draw.

use std::sync::{Mutex, PoisonError};

/// A source of decisions (SplitMix64).
pub(crate) struct Chance(Mutex<u64>);

impl Chance {
    /// The source of this seed.
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(Mutex::new(seed))
    }

    /// The source of this seed for the part of this name.
    pub(crate) fn part(seed: u64, name: &str) -> Chance {
        let mut mixed = seed ^ 0xcbf2_9ce4_8422_2325;
        for byte in name.bytes() {
            mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Chance::new(mixed)
    }

    /// The next number.
    pub(crate) fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, or 0 if that is 0.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A number from `from` up to, without, `to`.
    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from))
    }

    /// True once in `count` times.
    pub(crate) fn one_in(&self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&self, all: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(u64::try_from(all.len()).unwrap_or(u64::MAX))).unwrap_or(0);
        &all[at]
    }

    /// `len` bytes.
    pub(crate) fn bytes(&self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(len);
        bytes
    }
}
