//! Knows when a query has given up all it held: memory, tasks, files on disk. A query that was ended leaves tasks behind that run until they
//! next give way; nothing is freed before.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datafusion::error::Result;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use tokio::sync::{mpsc, watch};

/// How long the end of a query waits for its tasks. They mostly give way many times a second; a window function over
/// many rows may not.
const RELEASE_MAX: Duration = Duration::from_secs(30);

/// The memory of one query. Everything that runs for the query holds it, so that its end is the end of the query.
pub(crate) struct Pool {
    inner: FairSpillPool,
    /// Where the query spills.
    folder: Option<PathBuf>,
    running: Arc<watch::Sender<usize>>,
    _held: mpsc::Sender<Infallible>,
}

/// Waits for a [`Pool`]'s end.
pub(crate) struct Released(Option<mpsc::Receiver<Infallible>>);

impl Pool {
    /// A pool of so many bytes for a query that spills into a folder of its own; it is removed with the pool. `running` counts pools.
    pub(crate) fn new(
        bytes: usize,
        folder: Option<PathBuf>,
        running: &Arc<watch::Sender<usize>>,
    ) -> (Arc<Pool>, Released) {
        let (held, released) = mpsc::channel(1);
        running.send_modify(|count| *count += 1);
        let pool = Pool { inner: FairSpillPool::new(bytes), folder, running: running.clone(), _held: held };
        (Arc::new(pool), Released(Some(released)))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // Files that are still being read lose their names now and their bytes when they are closed.
            if let Err(error) = std::fs::remove_dir_all(folder) {
                tracing::debug!(folder = %folder.display(), %error, "a query's spill folder was not removed");
            }
        }
        self.running.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Released {
    /// Returns when nothing of the query is left.
    pub(crate) async fn wait(&mut self) {
        let Some(held) = &mut self.0 else { return };
        if tokio::time::timeout(RELEASE_MAX, held.recv()).await.is_err() {
            tracing::warn!("a query that ended still holds memory");
        }
        // Who asks again has waited already.
        self.0 = None;
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.inner, f)
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl MemoryPool for Pool {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.inner.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.inner.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.inner.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.inner.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.inner.try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.inner.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.inner.memory_limit()
    }
}
