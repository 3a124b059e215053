//! Records that are in no store (log files in a folder): read piece by piece, on threads that may wait for a disk.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use futures_util::stream::{self, BoxStream, StreamExt};
use ports::lake::QueryProgress;

/// A piece of records, read.
#[derive(Debug, Default)]
pub struct Piece {
    /// One JSON object each; others are left out.
    pub records: Vec<Bytes>,
    /// What was read for them, in bytes as they are stored.
    pub stored_bytes: u64,
}

/// Records that are in no store.
pub trait Records: Send + Sync + 'static {
    /// How many pieces there are: files.
    fn pieces(&self) -> usize;

    /// Reads a piece. Blocks. An error (a text for the user) ends the query.
    fn read(&self, piece: usize) -> std::result::Result<Piece, String>;
}

/// A piece's records as columns.
pub(crate) fn read(
    records: Arc<dyn Records>,
    piece: usize,
    progress: Arc<QueryProgress>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let work = move || -> Result<Vec<RecordBatch>> {
        let read = records.read(piece).map_err(DataFusionError::Execution)?;
        progress.add_scanned(u64::try_from(read.records.len()).unwrap_or(u64::MAX), read.stored_bytes);
        Ok(eventstore::loose(read.records)?.batches)
    };
    let batches = async move {
        let done = tokio::task::spawn_blocking(work).await;
        match done.unwrap_or_else(|error| Err(DataFusionError::External(Box::new(error)))) {
            Ok(batches) => stream::iter(batches.into_iter().map(Ok)).boxed(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    };
    stream::once(batches).flatten().boxed()
}
