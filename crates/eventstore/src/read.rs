//! Reading a part: only the wanted columns, only the granules that may have what is looked for, and the remaining columns only of rows
//! that a filter keeps.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::ArrowError;
use futures_util::future::try_join_all;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::errors::ParquetError;
use ports::lake::QueryProgress;
use tokio::sync::OnceCell;

use crate::flat::Flat;
use crate::index::GRANULE_ROWS;
use crate::part::Part;
use crate::project::Projection;
use crate::reading::{GROUP_GRANULES, Horizon, Reading};
use crate::schema::{Kind, PATHS, leaf};
use crate::terms::{self, TERM_BYTES_MAX};

/// A part could not be read. For our own log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);

impl From<ParquetError> for ReadError {
    fn from(error: ParquetError) -> ReadError {
        ReadError(format!("reading a part: {error}"))
    }
}

impl From<ArrowError> for ReadError {
    fn from(error: ArrowError) -> ReadError {
        ReadError(format!("reading a part: {error}"))
    }
}

/// Decides which rows are read on. The columns it asks for are read first, the others only of the rows it keeps.
pub trait RowFilter: Send + Sync + 'static {
    /// What it looks at.
    fn projection(&self) -> &Projection;

    /// For each row whether to keep it; null keeps it not. The batch has what it looks at, with texts as they are stored: as
    /// [`leaf`](crate::leaf) and [`Projection::apply`] read it.
    fn keep(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError>;
}

/// Which granules of a part may have what is looked for: found out by the first who reads of it, for all who look for the same.
#[derive(Clone, Debug, Default)]
pub struct Candidates(Arc<OnceCell<Vec<bool>>>);

/// A column must have one of these texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equality {
    /// The column's path. `requestparameters` and `responseelements` mean any value inside; other columns without a filter
    /// leave out nothing.
    pub column: String,
    /// One of these, each as a whole.
    pub texts: Vec<String>,
}

/// What rows have to be, as far as can be told without reading them. It leaves out granules, not rows: those that are read may
/// differ, so a filter has to look at them again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruning {
    /// Events at this time or later, in milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// Events before this time.
    pub to_ms: Option<i64>,
    /// All of these hold.
    pub equal: Vec<Equality>,
    /// Each of these texts is anywhere in the row: in a column with a filter, or as a value inside the request or response.
    pub anywhere: Vec<String>,
}

/// How to read a part.
#[derive(Clone)]
pub struct ReadOptions {
    /// What is wanted.
    pub projection: Projection,
    /// What rows have to be.
    pub pruning: Pruning,
    /// Shared by all who read of one part with the same `pruning`.
    pub candidates: Candidates,
    /// Texts may come as they are stored, as numbers of a dictionary: see [`leaf`](crate::leaf).
    pub coded: bool,
    /// Which rows to keep: those that all of these keep, each asked about what those before it have kept.
    pub filters: Vec<Arc<dyn RowFilter>>,
    /// Only these groups of rows; `None`: all of them.
    pub row_groups: Option<Range<usize>>,
    /// Of the granules of each group that may have such rows only these, counted from the first.
    pub granules: Option<Range<usize>>,
    /// Of each group no more rows than this.
    pub limit: Option<usize>,
}

impl ReadOptions {
    /// All rows.
    pub fn new(projection: Projection) -> ReadOptions {
        ReadOptions {
            projection,
            pruning: Pruning::default(),
            candidates: Candidates::default(),
            coded: false,
            filters: Vec::new(),
            row_groups: None,
            granules: None,
            limit: None,
        }
    }
}

/// Batches of rows as they are stored.
pub(crate) type StoredBatches = BoxStream<'static, Result<RecordBatch, ReadError>>;

/// Batches of rows.
pub type Batches = BoxStream<'static, Result<RecordBatch, ReadError>>;

impl Part {
    /// Which granules may have rows like that.
    pub(crate) async fn candidates(
        &self,
        pruning: &Pruning,
        progress: &Arc<QueryProgress>,
    ) -> Result<Vec<bool>, ReadError> {
        let head = self.head(progress).await?;
        let early = |newest: i64| pruning.from_ms.is_some_and(|from| newest < from);
        let late = |oldest: i64| pruning.to_ms.is_some_and(|to| oldest >= to);
        let dated = pruning.from_ms.is_some() || pruning.to_ms.is_some();
        let in_time = |(oldest, newest): &(i64, i64)| !dated || (oldest <= newest && !early(*newest) && !late(*oldest));
        let mut granules: Vec<bool> = head.times.iter().map(in_time).collect();
        for equality in &pruning.equal {
            if is_filtered(equality) {
                self.narrow(&equality.texts, &mut granules, progress).await?;
            }
        }
        for text in &pruning.anywhere {
            if text.len() <= TERM_BYTES_MAX {
                self.narrow(std::slice::from_ref(text), &mut granules, progress).await?;
            }
        }
        Ok(granules)
    }

    /// Takes away granules that have none of the texts.
    async fn narrow(
        &self,
        texts: &[String],
        granules: &mut [bool],
        progress: &Arc<QueryProgress>,
    ) -> Result<(), ReadError> {
        if !granules.contains(&true) {
            return Ok(());
        }
        let mut any = vec![false; granules.len()];
        for text in texts {
            let probes = self.geometry().probes(terms::term(text));
            let bytes = try_join_all(probes.iter().map(|probe| self.index_bytes(probe.bytes.clone()))).await?;
            let mut maybe = granules.to_vec();
            for (probe, bytes) in probes.iter().zip(&bytes) {
                progress.add_scanned(0, u64::try_from(bytes.len()).unwrap_or(0));
                probe.narrow(bytes, &mut maybe);
            }
            any.iter_mut().zip(maybe).for_each(|(any, maybe)| *any |= maybe);
        }
        granules.iter_mut().zip(any).for_each(|(keep, any)| *keep &= any);
        Ok(())
    }

    /// Reads rows no older than `horizon_ms`.
    pub(crate) fn read(
        self: &Arc<Part>,
        options: ReadOptions,
        horizon_ms: Option<i64>,
        progress: Arc<QueryProgress>,
    ) -> Batches {
        let part = Arc::clone(self);
        let opened = async move {
            let head = part.head(&progress).await?;
            let found = || part.candidates(&options.pruning, &progress);
            let candidates = options.candidates.0.get_or_try_init(found).await?;
            let wanted = options.row_groups.clone().unwrap_or(0..part.row_groups());
            let of = options.granules.clone().unwrap_or(0..usize::MAX);
            let mut groups = Vec::new();
            for group in wanted.start..wanted.end.min(part.row_groups()) {
                let first = group * GROUP_GRANULES;
                let granules = first..first + part.group_rows(group).div_ceil(GRANULE_ROWS);
                let likely = granules.filter(|granule| candidates.get(*granule) == Some(&true));
                let chosen: Vec<usize> = likely.skip(of.start).take(of.len()).map(|granule| granule - first).collect();
                if !chosen.is_empty() {
                    groups.push((group, chosen));
                }
            }
            let mut filters: Vec<Arc<dyn RowFilter>> = Vec::new();
            if let Some(horizon_ms) = horizon_ms.filter(|horizon_ms| part.row.oldest_ms < *horizon_ms) {
                filters.push(Arc::new(Horizon::new(horizon_ms)?));
            }
            filters.extend(options.filters.iter().cloned());
            // The part is held for as long as it is read.
            let reading = Arc::new(Reading { part, head, options, filters, progress });
            let batches = stream::iter(groups).then(move |(group, granules)| {
                let reading = Arc::clone(&reading);
                async move { reading.group(group, &granules).await }
            });
            Ok::<_, ReadError>(batches.try_flatten())
        };
        stream::once(opened).try_flatten().boxed()
    }

    /// The rows as they are stored, all of them.
    pub(crate) async fn stored(&self, batch_rows: usize) -> Result<StoredBatches, ReadError> {
        let progress = Arc::new(QueryProgress::default());
        let head = self.head(&progress).await?;
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(self.reader(&progress), head.metadata.clone());
        Ok(builder.with_batch_size(batch_rows).build()?.map_err(ReadError::from).boxed())
    }
}

/// Whether the filters of granules know the column, and all of the texts.
fn is_filtered(equality: &Equality) -> bool {
    let inside = matches!(equality.column.as_str(), "requestparameters" | "responseelements");
    // Objects and lists are not in the filters, only what is in them.
    let short = |text: &String| text.len() <= TERM_BYTES_MAX && !(inside && text.starts_with(['{', '[']));
    let number = PATHS.iter().position(|leaf| leaf.path == equality.column);
    let known = number.is_some_and(|number| PATHS[number].kind == Kind::Text && terms::is_indexed(number));
    (known || inside) && equality.texts.iter().all(short)
}

/// Rows whose event is not older than that, or has no time.
pub(crate) fn not_older(batch: &RecordBatch, horizon_ms: i64) -> BooleanArray {
    let flat = Flat::of(batch);
    let keep = |row| flat.time(leaf::EVENT_TIME, row).is_none_or(|ms| ms >= horizon_ms);
    (0..batch.num_rows()).map(|row| Some(keep(row))).collect()
}
