//! [`blocking`] and [`aside`]: work that would hold up other tasks. Never called while a lock is held that such a task may want.

use std::future::Future;

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

/// Waits for a future that works for long between its pauses, and lets the other tasks of its thread move to another one meanwhile. On a
/// runtime of one thread it does nothing but wait, as [`blocking`] does.
pub async fn aside<T>(future: impl Future<Output = T>) -> T {
    let handle = Handle::current();
    if handle.runtime_flavor() == RuntimeFlavor::CurrentThread {
        return future.await;
    }
    tokio::task::block_in_place(|| handle.block_on(future))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn aside_waits_in_place_on_one_thread() {
        let here = std::thread::current().id();
        assert!(aside(async move { std::thread::current().id() == here }).await);
    }

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
