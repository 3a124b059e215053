//! A filter that a store applies while it reads. What it says of one text is found out once for each text of a dictionary, not for each
//! row; the rest is asked of the rows that are left.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, StringViewArray, StructArray};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::split_conjunction;
use datafusion::physical_expr_common::physical_expr::snapshot_physical_expr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::PhysicalExpr;
use eventstore::{Equality, Projection, RowFilter, spread};
use memchr::memmem::Finder;

use crate::functions::stopped;
use crate::paths::{paths_of, rebased};
use crate::table::{Times, Wanted};

/// Dictionaries whose texts were judged and are remembered: one of each group of rows that is read at the same time, and some more.
const JUDGED_MAX: usize = 8;
/// Of a longer dictionary, beside the rows at hand, only the texts that rows have are judged.
const TEXTS_PER_ROW_MAX: usize = 4;

/// See the module.
#[derive(Debug)]
pub(crate) struct Filter {
    wanted: Wanted,
    expr: Arc<dyn PhysicalExpr>,
    /// All of these hold.
    conditions: Vec<Condition>,
    /// Columns of JSON, and texts: each column has one of its texts somewhere. Looked for before anything is read as JSON.
    within: Vec<Within>,
    /// Set when nobody waits for the answer any more: a group of rows is judged without giving way.
    stop: Arc<AtomicBool>,
    /// Why a row could not be judged: reading knows texts of errors only.
    failure: Mutex<Option<DataFusionError>>,
}

/// Texts, one of which a column of JSON has.
struct Within {
    column: String,
    texts: Vec<Finder<'static>>,
}

impl std::fmt::Debug for Within {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.column)
    }
}

impl Within {
    /// Which rows may have one of the texts. Null has none; behind a backslash, a text may be written in another way.
    fn judge(&self, batch: &RecordBatch) -> Option<BooleanBuffer> {
        let column = eventstore::leaf(batch, &self.column)?;
        let column = column.as_string_view_opt()?;
        let may = |text: &[u8]| {
            self.texts.iter().any(|finder| finder.find(text).is_some()) || memchr::memchr(b'\\', text).is_some()
        };
        let said =
            BooleanBuffer::collect_bool(column.len(), |row| column.is_valid(row) && may(column.value(row).as_bytes()));
        Some(said)
    }
}

/// A part of a filter.
#[derive(Debug)]
struct Condition {
    wanted: Wanted,
    expr: Arc<dyn PhysicalExpr>,
    /// The only path that it looks at.
    path: Option<String>,
    /// What it said of the texts of a dictionary, the latest last.
    judged: Mutex<Vec<Judged>>,
}

/// A dictionary, held so that no other takes its place in memory; which of its texts are kept, and whether null is.
#[derive(Debug, Clone)]
struct Judged {
    texts: StringArray,
    kept: Arc<Vec<bool>>,
    null: bool,
}

impl Filter {
    /// Keeps rows of which the expression, over columns of what is wanted, is true.
    pub(crate) fn new(
        wanted: Wanted,
        expr: Arc<dyn PhysicalExpr>,
        maps: bool,
        stop: Arc<AtomicBool>,
    ) -> Result<Filter> {
        let parts = split_conjunction(&expr).into_iter().map(|expr| Condition::new(expr, maps));
        let mut conditions = parts.collect::<Result<Vec<_>>>()?;
        // What may be known of a whole dictionary comes first.
        conditions.sort_by_key(|condition| condition.path.is_none());
        Ok(Filter { wanted, expr, conditions, within: Vec::new(), stop, failure: Mutex::default() })
    }

    /// The same, knowing texts that columns have, one at least of each list.
    pub(crate) fn with(mut self, known: &[Equality]) -> Filter {
        let of_json = known.iter().filter(|equality| eventstore::is_json(&equality.column));
        let within = of_json.map(|equality| Within {
            column: equality.column.clone(),
            texts: equality.texts.iter().map(|text| Finder::new(text).into_owned()).collect(),
        });
        self.within = within.collect();
        self
    }

    /// The same of an expression that may say something else tomorrow.
    pub(crate) fn changing(wanted: Wanted, expr: Arc<dyn PhysicalExpr>, stop: Arc<AtomicBool>) -> Filter {
        let whole = Condition { wanted: wanted.clone(), expr: expr.clone(), path: None, judged: Mutex::default() };
        Filter { wanted, expr, conditions: vec![whole], within: Vec::new(), stop, failure: Mutex::default() }
    }

    /// Whether rows between these times may be kept, by what the expression says now.
    pub(crate) fn may_keep(&self, oldest_ms: i64, newest_ms: i64) -> bool {
        let schema = self.wanted.schema.clone();
        let now = snapshot_physical_expr(self.expr.clone());
        let kept = now.and_then(|now| {
            let predicate = PruningPredicateBuilder::new().with_file_schema(schema).try_build(now)?;
            predicate.prune(&Times { oldest_ms, newest_ms })
        });
        // What cannot be told must be read.
        kept.map_or(true, |kept| kept.contains(&true))
    }

    /// What went wrong, once.
    pub(crate) fn failure(&self) -> Option<DataFusionError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn judge(&self, batch: &RecordBatch) -> Result<BooleanBuffer> {
        if self.stop.load(Ordering::Relaxed) {
            return stopped();
        }
        let mut kept: Option<BooleanBuffer> = None;
        let mut left = Vec::new();
        for condition in &self.conditions {
            match condition.of_dictionary(batch) {
                Some(said) => kept = Some(both(kept, said)),
                None => left.push(condition),
            }
        }
        for said in self.within.iter().filter_map(|within| within.judge(batch)) {
            kept = Some(both(kept, said));
        }
        for condition in left {
            let said = match &kept {
                Some(kept) if kept.count_set_bits() == 0 => break,
                Some(kept) if kept.count_set_bits() < kept.len() => {
                    let rows = filter_record_batch(batch, &BooleanArray::new(kept.clone(), None))?;
                    spread(kept, &condition.of_rows(&rows)?)
                }
                _ => condition.of_rows(batch)?,
            };
            kept = Some(said);
        }
        Ok(kept.unwrap_or_else(|| BooleanBuffer::new_set(batch.num_rows())))
    }
}

impl RowFilter for Filter {
    fn projection(&self) -> &Projection {
        &self.wanted.projection
    }

    fn keep(&self, batch: &RecordBatch) -> std::result::Result<BooleanArray, ArrowError> {
        self.judge(batch).map(|kept| BooleanArray::new(kept, None)).map_err(|error| {
            let text = error.to_string();
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            ArrowError::ComputeError(text)
        })
    }
}

impl Condition {
    fn new(expr: &Arc<dyn PhysicalExpr>, maps: bool) -> Result<Condition> {
        let mut paths = BTreeSet::new();
        paths_of(expr, &mut paths)?;
        let wanted = Wanted::of(&paths, maps)?;
        let path = paths.first().filter(|_| paths.len() == 1).cloned();
        Ok(Condition { expr: rebased(expr.clone(), &wanted)?, wanted, path, judged: Mutex::default() })
    }

    /// Which rows are kept, if that can be told from a dictionary of the only column it looks at.
    fn of_dictionary(&self, batch: &RecordBatch) -> Option<BooleanBuffer> {
        let column = eventstore::leaf(batch, self.path.as_deref()?)?;
        let rows = column.len();
        let said = eventstore::with_numbers(&column, |texts, numbers| {
            let judged = self.judged(texts, rows)?;
            let mut kept = Vec::with_capacity(rows);
            numbers.look_up(&judged.kept, &mut kept);
            let kept = BooleanBuffer::from(kept);
            Some(match (numbers.nulls(), judged.null) {
                (None, _) => kept,
                (Some(nulls), false) => &kept & nulls.inner(),
                (Some(nulls), true) => &kept | &!nulls.inner(),
            })
        });
        said.flatten()
    }

    /// `None` if one of the texts cannot be judged (no row may have it), or if that is not worth it for these few rows.
    fn judged(&self, texts: &StringArray, rows: usize) -> Option<Judged> {
        let mut known = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.iter().rev().find(|judged| is_same(&judged.texts, texts)) {
            return Some(found.clone());
        }
        if texts.len() > rows.saturating_mul(TEXTS_PER_ROW_MAX) {
            return None;
        }
        let all: StringViewArray = texts.iter().chain([None]).collect();
        let count = all.len();
        let columns = self.wanted.schema.fields().iter().map(|field| nested(&all, field)).collect::<Result<Vec<_>>>();
        let batch = RecordBatch::try_new(self.wanted.schema.clone(), columns.ok()?).ok()?;
        let said = flags(&*self.expr, &batch).ok()?;
        let mut kept: Vec<bool> = (0..count).map(|row| said.value(row)).collect();
        let null = kept.pop()?;
        let judged = Judged { texts: texts.clone(), kept: Arc::new(kept), null };
        if known.len() >= JUDGED_MAX {
            known.remove(0);
        }
        known.push(judged.clone());
        Some(judged)
    }

    fn of_rows(&self, batch: &RecordBatch) -> Result<BooleanBuffer> {
        flags(&*self.expr, &self.wanted.present(&self.wanted.projection.apply(batch)?)?)
    }
}

/// Whether two columns of texts are the same place in memory.
pub(crate) fn is_same(left: &StringArray, right: &StringArray) -> bool {
    let place = |texts: &StringArray| (texts.values().as_ptr(), texts.offsets().as_ptr(), texts.len());
    place(left) == place(right)
}

/// A column of texts in the place of the only leaf of a field.
fn nested(texts: &StringViewArray, field: &FieldRef) -> Result<ArrayRef> {
    match field.data_type() {
        DataType::Struct(below) => {
            let members = below.iter().map(|field| nested(texts, field)).collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(StructArray::try_new(below.clone(), members, None)?))
        }
        _ => Ok(Arc::new(texts.clone())),
    }
}

/// Which rows are kept by both.
fn both(kept: Option<BooleanBuffer>, said: BooleanBuffer) -> BooleanBuffer {
    match kept {
        Some(kept) => &kept & &said,
        None => said,
    }
}

/// Of which rows an expression is true.
fn flags(expr: &dyn PhysicalExpr, batch: &RecordBatch) -> Result<BooleanBuffer> {
    let said = expr.evaluate(batch)?.into_array(batch.num_rows())?;
    let said = datafusion::arrow::compute::cast(&said, &DataType::Boolean)?;
    let said = said.as_boolean();
    Ok(match said.nulls() {
        Some(nulls) => said.values() & nulls.inner(),
        None => said.values().clone(),
    })
}
