//! What is in no store: records of log files, and tables of Parquet files. Read piece by piece, on threads that may wait for a disk, and only
//! as fast as the query takes it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use futures_util::stream::{self, BoxStream, StreamExt};
use ports::lake::QueryProgress;
use tokio::sync::mpsc;

use crate::files::ParquetFiles;

/// Batches that wait for the query.
const BATCHES_WAITING_MAX: usize = 2;

/// What is in no store.
pub enum Outside {
    /// Records: they have the columns that records in stores have.
    Records(Arc<dyn Records>),
    /// Rows with columns of their own.
    Table(Arc<ParquetFiles>),
}

impl Outside {
    /// The table, if it is one.
    pub(crate) fn table(&self) -> Option<&Arc<ParquetFiles>> {
        match self {
            Outside::Records(_) => None,
            Outside::Table(files) => Some(files),
        }
    }
}

/// A piece of records, or a part of one, read.
#[derive(Debug, Default)]
pub struct Piece {
    /// One JSON object each; others are left out.
    pub records: Vec<Bytes>,
    /// What was read for them, in bytes as they are stored.
    pub stored_bytes: u64,
}

/// Takes what is read. `Break`: no more is wanted.
pub type Take<'a> = &'a mut dyn FnMut(Piece) -> ControlFlow<()>;

/// Records that are in no store.
pub trait Records: Send + Sync + 'static {
    /// How many pieces there are: files, or groups of rows in them.
    fn pieces(&self) -> usize;

    /// Reads a piece, in one or more parts. Members of records that are not in `columns` (in lower case; `eventjson` stands for all) may be
    /// left out. Blocks. An error (a text for the user) ends the query.
    fn read(&self, piece: usize, columns: &BTreeSet<String>, take: Take<'_>) -> std::result::Result<(), String>;
}

/// Batches that a thread makes which may wait. It is ended when nobody wants them any more.
pub(crate) fn batches(
    work: impl FnOnce(&mut dyn FnMut(RecordBatch) -> ControlFlow<()>) -> Result<()> + Send + 'static,
) -> BoxStream<'static, Result<RecordBatch>> {
    let begun = async move {
        let (sender, receiver) = mpsc::channel(BATCHES_WAITING_MAX);
        let thread = tokio::task::spawn_blocking(move || {
            let mut give = |batch| match sender.blocking_send(Ok(batch)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
            if let Err(error) = work(&mut give) {
                // Nobody wants to know of it any more: fine.
                let _ = sender.blocking_send(Err(error));
            }
        });
        let given = stream::unfold(receiver, |mut receiver| async move {
            let batch = receiver.recv().await?;
            Some((batch, receiver))
        });
        // A thread that panicked closed the channel without an error.
        let ended = stream::once(thread).filter_map(|ended| {
            std::future::ready(ended.err().map(|error| Err(DataFusionError::External(Box::new(error)))))
        });
        given.chain(ended)
    };
    stream::once(begun).flatten().boxed()
}

/// A piece's records as columns.
pub(crate) fn read(
    records: Arc<dyn Records>,
    piece: usize,
    columns: BTreeSet<String>,
    progress: Arc<QueryProgress>,
) -> BoxStream<'static, Result<RecordBatch>> {
    batches(move |give| {
        let mut failed = Ok(());
        let mut take = |piece: Piece| {
            progress.add_scanned(u64::try_from(piece.records.len()).unwrap_or(u64::MAX), piece.stored_bytes);
            match eventstore::loose(piece.records) {
                Ok(loose) => loose.batches.into_iter().try_for_each(&mut *give),
                Err(error) => {
                    failed = Err(error.into());
                    ControlFlow::Break(())
                }
            }
        };
        records.read(piece, &columns, &mut take).map_err(DataFusionError::Execution)?;
        failed
    })
}
