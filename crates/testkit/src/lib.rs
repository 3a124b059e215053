//! What tests of any crate need: an environment whose clock stands still until it is moved, and whose random numbers repeat.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use base::{Clock, Env, Rng, Timestamp};

/// A clock that stands still until it is moved.
pub struct ManualClock {
    now_ms: AtomicI64,
    monotonic_ms: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Arc<ManualClock> {
        Arc::new(ManualClock { now_ms: AtomicI64::new(now.ms()), monotonic_ms: AtomicU64::new(0) })
    }

    /// Lets `ms` milliseconds pass.
    pub fn advance_ms(&self, ms: u64) {
        let signed = i64::try_from(ms).expect("a test does not last for ages");
        self.now_ms.fetch_add(signed, Ordering::SeqCst);
        self.monotonic_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.now_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic_ms.load(Ordering::SeqCst)
    }
}

/// Random numbers that depend on a seed alone (SplitMix64): fit for tests, not for secrets.
pub struct SeededRng(AtomicU64);

impl SeededRng {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> SeededRng {
        SeededRng(AtomicU64::new(seed))
    }
}

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let step = 0x9e37_79b9_7f4a_7c15;
            let mut z = self.0.fetch_add(step, Ordering::SeqCst).wrapping_add(step);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// An environment for a test: `clock` moves only when it is told to, chance repeats, the disk is the real one.
pub fn env(clock: Arc<ManualClock>, seed: u64) -> Env {
    Env { clock, rng: Arc::new(SeededRng::new(seed)), disk: system::env().disk }
}
