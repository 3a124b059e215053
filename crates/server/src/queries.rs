//! SQL over the event stores, made for a node: threads of its own, so that no query keeps a call waiting, and a folder for what does not
//! fit in memory.

use std::path::{Path, PathBuf};
#[cfg(feature = "search")]
use std::sync::Arc;

use base::Env;
use node::MakeQueryEngine;
use tokio::runtime::{Builder, Runtime};

use crate::commands::Failure;
use crate::data_folder::SPILL_FOLDER;

/// The most that all queries together spill.
#[cfg(feature = "search")]
const SPILL_BYTES_MAX: u64 = 8 << 30;
/// Threads for queries, if the machine has more processors and no query is to have more.
const THREADS_MAX: usize = 8;

/// Runs queries until it is dropped.
pub struct Queries {
    runtime: Option<Runtime>,
    spill_folder: PathBuf,
}

impl Queries {
    /// Makes the threads, as many as one query may run on if there are processors for them, and an empty folder to spill to.
    pub fn open(data_dir: &Path, query_threads: usize) -> Result<Queries, Failure> {
        let spill_folder = data_dir.join(SPILL_FOLDER);
        clear(&spill_folder)?;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = processors.min(THREADS_MAX.max(query_threads));
        let runtime =
            Builder::new_multi_thread().worker_threads(threads).thread_name("cairn-query").enable_time().build()?;
        Ok(Queries { runtime: Some(runtime), spill_folder })
    }

    /// What makes the engine once there are stores. None in a program without SQL.
    #[cfg(not(feature = "search"))]
    pub fn engine(&self, _env: Env) -> Option<MakeQueryEngine> {
        None
    }

    /// What makes the engine once there are stores.
    #[cfg(feature = "search")]
    pub fn engine(&self, env: Env) -> Option<MakeQueryEngine> {
        let options = lake::Options {
            spill_folder: Some(self.spill_folder.clone()),
            spill_bytes_max: SPILL_BYTES_MAX,
            runtime: self.runtime.as_ref()?.handle().clone(),
        };
        Some(Box::new(move |stores| Arc::new(lake::Engine::new(env, stores, options)) as Arc<dyn ports::QueryEngine>))
    }
}

impl Drop for Queries {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Whoever asked is gone; nothing waits for what still runs.
            runtime.shutdown_background();
        }
        if let Err(error) = clear(&self.spill_folder) {
            tracing::debug!(%error, "the next start clears it");
        }
    }
}

/// An empty folder, for its owner alone.
fn clear(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let failed = |error: std::io::Error| format!("clearing {}: {error}", folder.display());
    match std::fs::remove_dir_all(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error).into()),
    }
    Ok(std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "search")]
    #[test]
    fn what_an_earlier_run_spilled_is_cleared() {
        let data = tempfile::tempdir().unwrap();
        let left = data.path().join(SPILL_FOLDER).join("left");
        #[expect(clippy::disallowed_methods, reason = "a file in a folder of the test's own")]
        std::fs::create_dir_all(&left).unwrap();
        let queries = Queries::open(data.path(), 2).unwrap();
        assert!(!left.exists() && data.path().join(SPILL_FOLDER).is_dir());
        assert!(queries.engine(system::env()).is_some());
    }
}
