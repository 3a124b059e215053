//! Parquet that others wrote, as tables and as records, and Parquet for others. What a file says of itself is not trusted: a damaged one is an
//! error that names it.

mod columns;
mod records;
mod table;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeSet;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Env;
use base::env::DiskFile;
use bytes::Bytes;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::outside::{Piece, Take};
use columns::Shown;
pub(crate) use table::FilesTable;
pub use write::ParquetWriter;

/// The most rows of a batch.
const BATCH_ROWS_MAX: usize = 8_192;
/// The fewest, however wide they are.
const BATCH_ROWS_MIN: usize = 16;
/// What a batch takes about, in bytes.
const BATCH_BYTES: usize = 16 << 20;
/// How a Parquet file begins and ends.
const MAGIC: &[u8; 4] = b"PAR1";
/// The most columns of a file.
const COLUMNS_MAX: usize = 10_000;

/// A Parquet file whose columns are known. It is open only while it is read.
pub struct ParquetFile {
    env: Env,
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    shown: Shown,
}

/// One or more Parquet files with the same columns.
pub struct ParquetFiles {
    files: Vec<Arc<ParquetFile>>,
    schema: SchemaRef,
}

impl ParquetFiles {
    /// The table of a file. More can be added.
    pub fn new(file: Arc<ParquetFile>) -> ParquetFiles {
        ParquetFiles { schema: file.shown.schema.clone(), files: vec![file] }
    }

    /// Adds a file if it has the same columns.
    pub fn add(&mut self, file: &Arc<ParquetFile>) -> bool {
        let same = *self.schema == *file.shown.schema;
        if same {
            self.files.push(file.clone());
        }
        same
    }

    /// The paths of its files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn files(&self) -> &[Arc<ParquetFile>] {
        &self.files
    }
}

/// Whether a file begins as a Parquet file does.
pub fn is_parquet(begin: &[u8]) -> bool {
    begin.starts_with(MAGIC)
}

impl ParquetFile {
    /// Reads what a file says of its columns. An error is a text for the user, which names the file.
    pub fn open(env: &Env, path: &Path) -> Result<ParquetFile, String> {
        let failed = |reason: String| format!("{}: {reason}", path.display());
        let file = Chunks::open(env, path).map_err(|error| failed(error.to_string()))?;
        let mut ends = [0; 4];
        let begins = file.file.read_at(&mut ends, 0).map_err(|error| failed(error.to_string()))?;
        if begins < ends.len() || !is_parquet(&ends) {
            return Err(failed("no Parquet file: it does not begin with PAR1".to_owned()));
        }
        let read = || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new().with_skip_arrow_metadata(true));
        let metadata = calm(read).map_err(|error| failed(damaged(&error)))?;
        if metadata.schema().fields().len() > COLUMNS_MAX {
            return Err(failed(format!("more than {COLUMNS_MAX} columns")));
        }
        let shown = Shown::new(metadata.schema()).map_err(failed)?;
        Ok(ParquetFile { env: env.clone(), path: path.to_owned(), metadata, shown })
    }

    /// How many groups of rows it has.
    pub fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Whether its rows are records of CloudTrail.
    pub fn has_records(&self) -> bool {
        records::Form::of(self.metadata.schema()).is_some()
    }

    /// Reads the records of a group of rows; see [`crate::Records::read`].
    pub fn records(&self, group: usize, columns: &BTreeSet<String>, take: Take<'_>) -> Result<(), String> {
        let Some(form) = records::Form::of(self.metadata.schema()) else { return Ok(()) };
        let roots = form.roots(self.metadata.schema(), columns);
        let mut stored_bytes = self.stored_bytes(group, &roots);
        let mut failed = None;
        self.read(group, &roots, None, &mut |batch| match form.records(&batch) {
            Ok(records) => take(Piece { records, stored_bytes: std::mem::take(&mut stored_bytes) }),
            Err(error) => {
                failed = Some(self.failed(&error.to_string()));
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn failed(&self, reason: &str) -> String {
        format!("{}: {reason}", self.path.display())
    }

    /// What some columns of a group of rows take in the file.
    pub(crate) fn stored_bytes(&self, group: usize, roots: &[usize]) -> u64 {
        let Some(group) = self.metadata.metadata().row_groups().get(group) else { return 0 };
        let schema = self.metadata.parquet_schema();
        let wanted = |leaf: &usize| roots.contains(&schema.get_column_root_idx(*leaf));
        let leaves = (0..group.num_columns().min(schema.num_columns())).filter(wanted);
        leaves.map(|leaf| u64::try_from(group.column(leaf).compressed_size()).unwrap_or(0)).sum()
    }

    /// Reads some columns of a group of rows, in the file's own order and types, batch by batch. Blocks.
    fn read(
        &self,
        group: usize,
        roots: &[usize],
        limit: Option<usize>,
        give: &mut dyn FnMut(RecordBatch) -> ControlFlow<()>,
    ) -> Result<(), String> {
        let file = Chunks::open(&self.env, &self.path).map_err(|error| self.failed(&error.to_string()))?;
        let rows = self.batch_rows(group, roots);
        let build = || {
            let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots.iter().copied());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            let builder = builder.with_row_groups(vec![group]).with_projection(mask).with_batch_size(rows);
            match limit {
                Some(limit) => builder.with_limit(limit).build(),
                None => builder.build(),
            }
        };
        let mut reader = calm(build).map_err(|error| self.failed(&damaged(&error)))?;
        loop {
            let batch = calm(|| reader.next().transpose().map_err(ParquetError::from));
            match batch.map_err(|error| self.failed(&damaged(&error)))? {
                None => return Ok(()),
                Some(batch) => {
                    if give(batch).is_break() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// How many rows are read at once: fewer if they are wide.
    fn batch_rows(&self, group: usize, roots: &[usize]) -> usize {
        let Some(group) = self.metadata.metadata().row_groups().get(group) else { return BATCH_ROWS_MAX };
        let schema = self.metadata.parquet_schema();
        let leaves = (0..group.num_columns().min(schema.num_columns()))
            .filter(|leaf| roots.contains(&schema.get_column_root_idx(*leaf)));
        let bytes: usize =
            leaves.map(|leaf| usize::try_from(group.column(leaf).uncompressed_size()).unwrap_or(0)).sum();
        let rows = usize::try_from(group.num_rows()).unwrap_or(0).max(1);
        (BATCH_BYTES / (bytes / rows).max(1)).clamp(BATCH_ROWS_MIN, BATCH_ROWS_MAX)
    }

    /// Rows of the columns of [`ParquetFiles`] (by their places there), batch by batch. Blocks.
    fn rows(
        &self,
        group: usize,
        columns: &[usize],
        limit: Option<usize>,
        give: &mut dyn FnMut(RecordBatch) -> ControlFlow<()>,
    ) -> Result<(), String> {
        let mut roots = columns.to_vec();
        roots.sort_unstable();
        roots.dedup();
        let schema: SchemaRef = Arc::new(self.shown.schema.project(columns).unwrap_or_else(|_| Schema::empty()));
        let mut failed = None;
        self.read(group, &roots, limit, &mut |batch| match self.shown.batch(&batch, &roots, columns, &schema) {
            Ok(batch) => give(batch),
            Err(error) => {
                failed = Some(self.failed(&error.to_string()));
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(()), Err)
    }
}

/// What is said of a file that cannot be read.
fn damaged(error: &ParquetError) -> String {
    match error {
        ParquetError::NYI(what) | ParquetError::General(what) if what.contains("Disabled feature") => {
            format!("compressed in a way that is not known here: {what}")
        }
        ParquetError::General(what) | ParquetError::EOF(what) => format!("damaged, or no Parquet file: {what}"),
        other => format!("damaged, or no Parquet file: {other}"),
    }
}

/// What a function answers, or an error if it panics: damaged files may bring a reader to that.
fn calm<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    std::panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(ParquetError::General("it cannot be decoded".to_owned())))
}

/// A file's bytes.
#[derive(Clone)]
struct Chunks {
    file: Arc<dyn DiskFile>,
    len: u64,
}

impl Chunks {
    fn open(env: &Env, path: &Path) -> std::io::Result<Chunks> {
        let file: Arc<dyn DiskFile> = env.disk.open(path, false)?.into();
        let len = file.len()?;
        Ok(Chunks { file, len })
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<At>;

    fn get_read(&self, start: u64) -> Result<BufReader<At>, ParquetError> {
        Ok(BufReader::new(At { file: self.file.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = u64::try_from(length).ok().and_then(|length| start.checked_add(length));
        if end.is_none_or(|end| end > self.len) {
            return Err(ParquetError::EOF("it ends too early".to_owned()));
        }
        let mut bytes = vec![0; length];
        At { file: self.file.clone(), at: start }.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// Reads from a place on.
struct At {
    file: Arc<dyn DiskFile>,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read_at(buf, self.at)?;
        self.at = self.at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}
