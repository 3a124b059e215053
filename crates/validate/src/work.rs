//! [`Work`]: what everything that validates has in common, and work done beside other work.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::keys::Keys;
use crate::run::Options;
use crate::source::Source;

/// See the module.
pub(crate) struct Work {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) options: Options,
    /// One for each log file that is read at the same time.
    pub(crate) turns: Semaphore,
}

/// Something that is, or will be, there.
pub(crate) enum Pending<T> {
    Ready(T),
    Task(JoinHandle<T>),
}

impl Work {
    /// Starts `what` beside everything else, or does it now where there is no parallel work.
    pub(crate) async fn start<T: Send + 'static>(&self, what: impl Future<Output = T> + Send + 'static) -> Pending<T> {
        if self.options.parallel > 1 { Pending::Task(tokio::spawn(what)) } else { Pending::Ready(what.await) }
    }

    /// Gives others their turn and, where the rate is bounded, waits as long as so many bytes may take.
    pub(crate) async fn pace(&self, bytes: u64) {
        match self.options.bytes_per_second {
            Some(rate) if bytes > 0 => {
                let ms = bytes.saturating_mul(1000) / rate.max(1);
                tokio::time::sleep(Duration::from_millis(ms.max(1))).await;
            }
            Some(_) => {}
            None if self.options.parallel > 1 => {}
            None => tokio::task::yield_now().await,
        }
    }
}

impl<T> Pending<T> {
    /// The result. `None` if the task came to a bad end.
    pub(crate) async fn done(self) -> Option<T> {
        match self {
            Pending::Ready(result) => Some(result),
            Pending::Task(task) => task.await.ok(),
        }
    }
}
