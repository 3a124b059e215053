//! The end of what is durable, and whoever waits for it to grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::BoxFuture;

/// See the module. Waiters are woken in the order in which they began to wait (`tokio::sync::watch` would wake them in a random one, and
/// simulated worlds would differ from one run to the next).
pub(crate) struct End(Arc<Inner>);

struct Inner {
    next: AtomicU64,
    grown: Notify,
}

impl End {
    /// `next`: the first sequence number that is not used yet.
    pub fn new(next: u64) -> End {
        End(Arc::new(Inner { next: AtomicU64::new(next), grown: Notify::new() }))
    }

    /// The journal has grown.
    pub fn set(&self, next: u64) {
        self.0.next.store(next, Ordering::Release);
        self.0.grown.notify_waiters();
    }

    /// Completes when there is an entry `seq`; never, if the journal ends before.
    pub fn wait_past(&self, seq: u64) -> BoxFuture<'static, ()> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            loop {
                let mut grown = std::pin::pin!(inner.grown.notified());
                // From here on nothing is missed.
                grown.as_mut().enable();
                if inner.next.load(Ordering::Acquire) > seq {
                    return;
                }
                grown.await;
            }
        })
    }
}
