//! Reading a group of rows of a part: filters are asked first, about columns that are kept decoded where there are such, and what is
//! wanted is read of the rows that are left.

use std::sync::Arc;

use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use arrow_schema::ArrowError;
use arrow_select::filter::filter_record_batch;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::arrow_reader::{ArrowPredicate, ArrowPredicateFn, RowFilter as ParquetFilter, RowSelection};
use ports::lake::QueryProgress;

use crate::index::GRANULE_ROWS;
use crate::part::{Head, Part};
use crate::project::Projection;
use crate::read::{Batches, ReadError, ReadOptions, RowFilter, not_older};
use crate::schema::{PATHS, leaf};
use crate::write::ROW_GROUP_ROWS;

/// Granules of a group of rows.
pub(crate) const GROUP_GRANULES: usize = ROW_GROUP_ROWS / GRANULE_ROWS;
/// Rows of a batch that is read.
const BATCH_ROWS: usize = 8_192;
/// Rows of a batch that is judged, or read with texts as they are stored: that costs little a row.
const CODED_ROWS: usize = 32_768;
/// A column is decoded as a whole, and kept, if this share of a group's granules is wanted of it.
const SHARE: usize = 4;

/// A part that is being read.
pub(crate) struct Reading {
    pub(crate) part: Arc<Part>,
    pub(crate) head: Arc<Head>,
    pub(crate) options: ReadOptions,
    /// All that decide which rows are kept, retention first.
    pub(crate) filters: Vec<Arc<dyn RowFilter>>,
    pub(crate) progress: Arc<QueryProgress>,
}

/// Keeps what retention does not hide.
pub(crate) struct Horizon {
    time: Projection,
    horizon_ms: i64,
}

impl Horizon {
    pub(crate) fn new(horizon_ms: i64) -> Result<Horizon, ReadError> {
        let time = Projection::of([PATHS[leaf::EVENT_TIME].path.as_str()]);
        Ok(Horizon { time: time.map_err(|error| ReadError(error.to_string()))?, horizon_ms })
    }
}

impl RowFilter for Horizon {
    fn projection(&self) -> &Projection {
        &self.time
    }

    fn keep(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        Ok(not_older(batch, self.horizon_ms))
    }
}

/// Which rows of a group are left.
struct Kept {
    rows: usize,
    /// `None`: all.
    some: Option<BooleanBuffer>,
}

impl Kept {
    /// The rows of these granules.
    fn of(rows: usize, granules: &[usize]) -> Kept {
        if granules.len() == rows.div_ceil(GRANULE_ROWS) {
            return Kept { rows, some: None };
        }
        let mut some = BooleanBufferBuilder::new(rows);
        for (granule, from) in (0..rows).step_by(GRANULE_ROWS).enumerate() {
            some.append_n(GRANULE_ROWS.min(rows - from), granules.contains(&granule));
        }
        Kept { rows, some: Some(some.finish()) }
    }

    fn count(&self) -> usize {
        self.some.as_ref().map_or(self.rows, BooleanBuffer::count_set_bits)
    }

    /// How many granules have such rows.
    fn granules(&self) -> usize {
        let has = |from: usize, some: &BooleanBuffer| {
            some.slice(from, GRANULE_ROWS.min(self.rows - from)).set_indices().next().is_some()
        };
        let starts = (0..self.rows).step_by(GRANULE_ROWS);
        self.some.as_ref().map_or(starts.len(), |some| starts.filter(|from| has(*from, some)).count())
    }

    /// Of a batch of all rows those that are left.
    fn rows_of(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        match &self.some {
            Some(some) => filter_record_batch(&batch, &BooleanArray::new(some.clone(), None)),
            None => Ok(batch),
        }
    }

    /// Keeps of what is left the rows of a batch, of all rows, that a filter keeps.
    fn ask(&mut self, filter: &dyn RowFilter, batch: RecordBatch) -> Result<(), ArrowError> {
        let batch = self.rows_of(batch)?;
        let mut said = BooleanBufferBuilder::new(batch.num_rows());
        for piece in pieces(&batch, CODED_ROWS) {
            let keep = filter.keep(&piece)?;
            match keep.nulls() {
                Some(nulls) => said.append_buffer(&(keep.values() & nulls.inner())),
                None => said.append_buffer(keep.values()),
            }
        }
        let said = said.finish();
        self.some = Some(match &self.some {
            Some(some) => spread(some, &said),
            None => said,
        });
        Ok(())
    }
}

/// What is said of the kept rows, in their order, as what is said of all: of the others no.
pub fn spread(kept: &BooleanBuffer, said: &BooleanBuffer) -> BooleanBuffer {
    let mut all = BooleanBufferBuilder::new(kept.len());
    all.append_n(kept.len(), false);
    kept.set_indices().zip(said.iter()).filter(|(_, said)| *said).for_each(|(row, _)| all.set_bit(row, true));
    all.finish()
}

fn pieces(batch: &RecordBatch, rows: usize) -> Vec<RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(rows);
    starts.map(|from| batch.slice(from, rows.min(batch.num_rows() - from))).collect()
}

impl Reading {
    /// Reads of a group of rows these granules.
    pub(crate) async fn group(&self, group: usize, granules: &[usize]) -> Result<Batches, ReadError> {
        let rows = self.part.group_rows(group);
        let mut kept = Kept::of(rows, granules);
        self.progress.add_scanned(u64::try_from(kept.count()).unwrap_or(0), 0);
        let mut left = Vec::new();
        for filter in &self.filters {
            match self.decoded(group, filter.projection(), &kept).await? {
                Some(batch) => kept.ask(&**filter, batch)?,
                None => left.push(Arc::clone(filter)),
            }
            if kept.count() == 0 {
                return Ok(stream::empty().boxed());
            }
        }
        let projection = &self.options.projection;
        let decoded = if left.is_empty() { self.decoded(group, projection, &kept).await? } else { None };
        if let Some(batch) = decoded {
            let batch = kept.rows_of(batch)?;
            let batch = batch.slice(0, self.options.limit.unwrap_or(usize::MAX).min(batch.num_rows()));
            return Ok(self.given(stream::iter(pieces(&batch, self.batch_rows()).into_iter().map(Ok))));
        }
        self.stored(group, kept, left)
    }

    fn batch_rows(&self) -> usize {
        if self.options.coded { CODED_ROWS } else { BATCH_ROWS }
    }

    /// Columns that are kept decoded, or should be.
    async fn decoded(&self, group: usize, of: &Projection, kept: &Kept) -> Result<Option<RecordBatch>, ReadError> {
        let worth = kept.granules() * SHARE >= kept.rows.div_ceil(GRANULE_ROWS);
        self.part.decoded(&self.head, group, of, worth, &self.progress).await
    }

    /// Reads from storage.
    fn stored(&self, group: usize, kept: Kept, filters: Vec<Arc<dyn RowFilter>>) -> Result<Batches, ReadError> {
        // Filters judge a text of a dictionary once, whatever number of rows has it.
        let coded = self.options.coded || !filters.is_empty();
        let metadata = if coded { &self.head.coded()?.metadata } else { &self.head.metadata };
        let reader = self.part.reader(&self.progress);
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata.clone());
        let stored = builder.parquet_schema();
        let mut predicates: Vec<Box<dyn ArrowPredicate>> = Vec::new();
        for filter in filters {
            let mask = filter.projection().mask(stored);
            let keep = move |batch: RecordBatch| filter.keep(&batch);
            predicates.push(Box::new(ArrowPredicateFn::new(mask, keep)));
        }
        let mask = self.options.projection.mask(stored);
        let mut builder = builder.with_batch_size(BATCH_ROWS).with_projection(mask).with_row_groups(vec![group]);
        if let Some(some) = kept.some {
            builder = builder.with_row_selection(RowSelection::from_filters(&[BooleanArray::new(some, None)]));
        }
        if !predicates.is_empty() {
            builder = builder.with_row_filter(ParquetFilter::new(predicates));
        }
        if let Some(limit) = self.options.limit {
            builder = builder.with_limit(limit);
        }
        Ok(self.given(builder.build()?.map_err(ReadError::from)))
    }

    /// Batches as they were asked for.
    fn given(
        &self,
        batches: impl futures_util::Stream<Item = Result<RecordBatch, ReadError>> + Send + 'static,
    ) -> Batches {
        let (projection, coded) = (self.options.projection.clone(), self.options.coded);
        // The part is held for as long as it is read.
        let part = Arc::clone(&self.part);
        let given = batches.map(move |batch| {
            let _held = &part;
            let batch = batch?;
            Ok(if coded { batch } else { projection.apply(&batch)? })
        });
        given.boxed()
    }
}
