//! The clock of a world: it follows the runtime's virtual time, goes on over restarts, and its time of day can jump. The monotonic
//! time never goes back.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use base::{Clock, Timestamp};
use tokio::time::Instant;

/// The time of day at the start of every world: 2026-11-22T09:00:00Z.
pub(crate) const START_MS: i64 = 1_795_338_000_000;

/// See the module.
pub(crate) struct SimClock {
    /// When the present runtime began, and what had passed before.
    began: Mutex<Option<(Instant, u64)>>,
    /// The last time read, for who asks outside of a runtime.
    last_ms: AtomicU64,
    /// How far the time of day is ahead.
    ahead_ms: AtomicI64,
    /// How far it ever was.
    farthest_ms: AtomicI64,
}

#[expect(clippy::disallowed_methods, reason = "the runtime's clock stands still until the simulator moves it")]
fn runtime_now() -> Instant {
    Instant::now()
}

impl SimClock {
    pub(crate) fn new() -> SimClock {
        SimClock {
            began: Mutex::new(None),
            last_ms: AtomicU64::new(0),
            ahead_ms: AtomicI64::new(0),
            farthest_ms: AtomicI64::new(0),
        }
    }

    /// A runtime has begun: to be called within it.
    pub(crate) fn attach(&self) {
        let before = self.last_ms.load(Ordering::SeqCst);
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = Some((runtime_now(), before));
    }

    /// The runtime is about to end: the time stands still until there is another.
    pub(crate) fn detach(&self) {
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Lets the time of day jump.
    pub(crate) fn jump(&self, ms: i64) {
        let ahead = self.ahead_ms.fetch_add(ms, Ordering::SeqCst) + ms;
        self.farthest_ms.fetch_max(ahead, Ordering::SeqCst);
    }

    /// Sets the time of day right: no earlier than it ever was.
    pub(crate) fn settle(&self) {
        self.ahead_ms.store(self.farthest_ms.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.monotonic_ms()).unwrap_or(i64::MAX);
        Timestamp::from_ms(START_MS + passed + self.ahead_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        let began = *self.began.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((start, before)) = began {
            let passed = runtime_now().saturating_duration_since(start).as_millis();
            self.last_ms.fetch_max(before + u64::try_from(passed).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
        self.last_ms.load(Ordering::SeqCst)
    }
}
