//! Counts measured values by size, for figures: no allocation, no lock, and no time of its own.

use std::sync::atomic::{AtomicU64, Ordering};

/// The most bounds that a measure has.
pub const BOUNDS_MAX: usize = 16;

/// Upper bounds for times in milliseconds, from a fast disk to one that is broken.
pub const MILLISECONDS: &[u64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000];

/// Upper bounds for numbers of things done together.
pub const NUMBERS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096];

/// Counts measured values. Shared between threads; a snapshot is not one instant, which figures need not be.
#[derive(Debug)]
pub struct Measure {
    bounds: &'static [u64],
    counts: [AtomicU64; BOUNDS_MAX],
    count: AtomicU64,
    sum: AtomicU64,
}

/// What a [`Measure`] has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Upper bounds, rising.
    pub bounds: &'static [u64],
    /// How many values were at most the bound of the same place, and above the one before it.
    pub counts: [u64; BOUNDS_MAX],
    /// How many values there were.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl Measure {
    /// With these upper bounds, rising, at most [`BOUNDS_MAX`].
    pub const fn new(bounds: &'static [u64]) -> Measure {
        assert!(bounds.len() <= BOUNDS_MAX);
        let counts = [const { AtomicU64::new(0) }; BOUNDS_MAX];
        Measure { bounds, counts, count: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn note(&self, value: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        if at < self.bounds.len() {
            self.counts[at].fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn read(&self) -> Measured {
        let counts = std::array::from_fn(|at| self.counts[at].load(Ordering::Relaxed));
        let Measure { bounds, count, sum, .. } = self;
        Measured { bounds, counts, count: count.load(Ordering::Relaxed), sum: sum.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_under_the_first_bound_that_holds_it() {
        let measure = Measure::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11] {
            measure.note(value);
        }
        let read = measure.read();
        assert_eq!((read.counts[0], read.counts[1], read.count, read.sum), (2, 2, 5, 24));
    }
}
