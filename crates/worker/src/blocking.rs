//! Work that waits for the disk or computes for long, kept away from the threads that answer.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinError;

/// Does `work` on a thread that may wait. On a runtime of one thread, where there is nobody to be kept waiting but a test or a
/// simulator, it is done at once: when it happens is then as certain as all else.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => Ok(work()),
        _ => tokio::task::spawn_blocking(work).await,
    }
}
