//! A result while it is made: batches come from the query's own threads, and end with its rows, its time, or its cancellation.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use ports::lake::{Column, QueryError, QueryErrorKind as Kind, QueryProgress, TextRow};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::engine::internal;
use crate::release::Released;
use crate::show::Printer;

/// See the module.
pub struct Answer {
    pub(crate) columns: Vec<Column>,
    pub(crate) schema: SchemaRef,
    pub(crate) camel: bool,
    pub(crate) batches: mpsc::Receiver<Result<RecordBatch, QueryError>>,
    pub(crate) deadline: Pin<Box<tokio::time::Sleep>>,
    pub(crate) timeout_ms: u64,
    pub(crate) cancel: watch::Receiver<bool>,
    pub(crate) progress: Arc<QueryProgress>,
    pub(crate) rows: u64,
    pub(crate) max_rows: Option<u64>,
    pub(crate) task: JoinHandle<()>,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) released: Released,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl Answer {
    /// What the columns are called, and their types.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next rows; `None` when there are no more. After `None` or an error nothing of the query is left, in memory or on disk.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        let batch = self.wait().await;
        if !matches!(batch, Some(Ok(_))) {
            self.end().await;
        }
        batch
    }

    /// Ends the query wherever it is. Returns when nothing of it is left.
    pub async fn end(&mut self) {
        self.give_up();
        // What is made already, and nobody will fetch.
        self.batches.close();
        while self.batches.try_recv().is_ok() {}
        self.released.wait().await;
    }

    fn give_up(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.abort();
    }

    async fn wait(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        let batch = tokio::select! {
            biased;
            () = cancelled(&mut self.cancel) => Some(Err(QueryError::new(Kind::Cancelled, "The query was cancelled"))),
            () = &mut self.deadline => Some(Err(timed_out(self.timeout_ms))),
            batch = self.batches.recv() => batch,
        }?;
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error)),
        };
        let count = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        self.rows = self.rows.saturating_add(count);
        if let Some(max) = self.max_rows.filter(|max| self.rows > *max) {
            return Some(Err(QueryError::new(Kind::TooManyRows, format!("The result has more than {max} rows"))));
        }
        self.progress.add_matched(count);
        Some(Ok(batch))
    }

    /// The rows of a batch as text.
    pub fn texts(&self, batch: &RecordBatch) -> Result<Vec<TextRow>, QueryError> {
        texts(batch, self.camel).map_err(|error| internal(&error.to_string()))
    }
}

fn texts(batch: &RecordBatch, camel: bool) -> Result<Vec<TextRow>, DataFusionError> {
    let schema = batch.schema();
    let printers = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| Printer::new(column, field, camel))
        .collect::<Result<Vec<_>, _>>()?;
    (0..batch.num_rows()).map(|row| printers.iter().map(|printer| printer.value(row)).collect()).collect()
}

/// Waits until the query is cancelled; for ever if nobody can.
async fn cancelled(cancel: &mut watch::Receiver<bool>) {
    if cancel.wait_for(|cancelled| *cancelled).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn timed_out(timeout_ms: u64) -> QueryError {
    QueryError::new(Kind::TimedOut, format!("The query ran for more than {} seconds", timeout_ms / 1000))
}
