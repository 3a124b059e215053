//! [`blocking`]: work that would hold up other tasks. Never called while a lock is held that such a task may want.

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::Failure;

/// Runs work that takes a processor for long, or waits for a disk, aside of the tasks. On a runtime of one thread it runs at
/// once and in place: such a runtime is a simulation's, which has no threads, so that the same seed does the same steps.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|error| Failure(format!("work aside of the tasks: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn runs_on_another_thread() -> bool {
        let here = std::thread::current().id();
        blocking(move || std::thread::current().id() != here).await.unwrap()
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_does_it_in_place() {
        assert!(!runs_on_another_thread().await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_runtime_of_many_threads_does_it_elsewhere() {
        assert!(runs_on_another_thread().await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_panic_is_a_failure() {
        let outcome = blocking(|| panic!("on purpose")).await;
        assert!(outcome.is_err());
    }
}
