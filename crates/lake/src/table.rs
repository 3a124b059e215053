//! A store as a table: its columns as the dialect shows them, and what of a query the store itself can do.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, StringViewArray, StructArray, TimestampMillisecondArray,
};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit, TimestampMillisecondType,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr_common::physical_expr::snapshot_physical_expr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use eventstore::{Projection, RowFilter, Snapshot};
use ports::lake::QueryProgress;

use crate::scan::{Scan, Source};
use crate::{prune, time, types};

/// Columns that hold JSON objects as text.
pub(crate) const MAPS: &[&str] = &[
    "requestparameters",
    "responseelements",
    "additionaleventdata",
    "serviceeventdetails",
    "edgedevicedetails",
    "insightdetails",
    "metadata",
    "eventdata",
];

/// A field as queries see it: times without a zone, JSON objects as maps.
fn presented(field: &Field, maps: bool) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, None),
        DataType::Struct(below) => {
            let below: Fields = below.iter().map(|field| below_row(field, maps)).collect();
            DataType::Struct(below)
        }
        other => other.clone(),
    };
    let field = Field::new(field.name(), data_type, true);
    Arc::new(if maps && MAPS.contains(&field.name().as_str()) { types::tagged(field, types::MAP) } else { field })
}

/// A field of a row as queries see it: in Athena's table, times there are texts.
fn below_row(field: &Field, maps: bool) -> FieldRef {
    match field.data_type() {
        DataType::Timestamp(..) if !maps => Arc::new(Field::new(field.name(), DataType::Utf8View, true)),
        _ => presented(field, maps),
    }
}

/// A schema as queries see it.
pub(crate) fn presented_schema(schema: &Schema, maps: bool) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(|field| presented(field, maps)).collect::<Fields>()))
}

/// A column as queries see it.
fn present(array: &ArrayRef, field: &Field) -> std::result::Result<ArrayRef, ArrowError> {
    match (array.data_type(), field.data_type()) {
        (DataType::Timestamp(TimeUnit::Millisecond, Some(_)), DataType::Timestamp(..)) => {
            let times = array.as_primitive::<TimestampMillisecondType>().clone();
            Ok(Arc::new(times.with_timezone_opt::<Arc<str>>(None)))
        }
        (DataType::Timestamp(..), DataType::Utf8View) => {
            let times = array.as_primitive::<TimestampMillisecondType>();
            let texts: StringViewArray = times.iter().map(|time| time.map(time::show_record)).collect();
            Ok(Arc::new(texts))
        }
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let rows = array.as_struct();
            let columns = rows
                .columns()
                .iter()
                .zip(fields)
                .map(|(column, field)| present(column, field))
                .collect::<std::result::Result<Vec<_>, _>>()?;
            Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, rows.nulls().cloned(), rows.len())?))
        }
        _ => Ok(array.clone()),
    }
}

/// What is read of a store.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) projection: Projection,
    /// As queries see it.
    pub(crate) schema: SchemaRef,
}

impl Wanted {
    /// These columns and fields.
    pub(crate) fn of(paths: &BTreeSet<String>, maps: bool) -> Result<Wanted> {
        let projection = Projection::of(paths).map_err(|error| DataFusionError::Plan(error.to_string()))?;
        let schema = presented_schema(&projection.schema(), maps);
        Ok(Wanted { projection, schema })
    }

    /// A batch of the projection as queries see it.
    pub(crate) fn present(&self, batch: &RecordBatch) -> std::result::Result<RecordBatch, ArrowError> {
        let columns = batch
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(|(column, field)| present(column, field))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
    }
}

/// A filter that the store applies while it reads.
#[derive(Debug)]
pub(crate) struct Filter {
    wanted: Wanted,
    expr: Arc<dyn PhysicalExpr>,
    /// Why a row could not be judged: reading knows texts of errors only.
    failure: Mutex<Option<DataFusionError>>,
}

impl Filter {
    /// Keeps rows of which the expression, over columns of what is wanted, is true.
    pub(crate) fn new(wanted: Wanted, expr: Arc<dyn PhysicalExpr>) -> Filter {
        Filter { wanted, expr, failure: Mutex::new(None) }
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

    fn judge(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        let batch = self.wanted.present(batch)?;
        let judged = self.expr.evaluate(&batch)?.into_array(batch.num_rows())?;
        Ok(datafusion::arrow::compute::cast(&judged, &DataType::Boolean)?.as_boolean().clone())
    }
}

impl RowFilter for Filter {
    fn projection(&self) -> &Projection {
        &self.wanted.projection
    }

    fn keep(&self, batch: &RecordBatch) -> std::result::Result<BooleanArray, ArrowError> {
        self.judge(batch).map_err(|error| {
            let text = error.to_string();
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            ArrowError::ComputeError(text)
        })
    }
}

/// The times of rows that nothing else is known of.
struct Times {
    oldest_ms: i64,
    newest_ms: i64,
}

impl PruningStatistics for Times {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        (column.name() == "eventtime")
            .then(|| Arc::new(TimestampMillisecondArray::from(vec![self.oldest_ms])) as ArrayRef)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        (column.name() == "eventtime")
            .then(|| Arc::new(TimestampMillisecondArray::from(vec![self.newest_ms])) as ArrayRef)
    }

    fn num_containers(&self) -> usize {
        1
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// A store's table.
pub(crate) struct EventTable {
    source: Source,
    schema: SchemaRef,
    /// Whether JSON columns are maps (Lake) or texts (Athena).
    maps: bool,
    progress: Arc<QueryProgress>,
}

impl std::fmt::Debug for EventTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventTable")
    }
}

impl EventTable {
    pub(crate) fn new(source: Source, maps: bool, progress: Arc<QueryProgress>) -> EventTable {
        EventTable { source, schema: presented_schema(&Snapshot::schema(), maps), maps, progress }
    }
}

/// The columns and fields that an expression reads.
fn paths_of(expr: &Expr, paths: &mut BTreeSet<String>) -> Result<()> {
    expr.apply(|below| {
        if let Some(path) = prune::path(below) {
            paths.insert(path);
            return Ok(TreeNodeRecursion::Jump);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

#[async_trait]
impl TableProvider for EventTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| {
                if filter.is_volatile() {
                    TableProviderFilterPushDown::Unsupported
                } else {
                    TableProviderFilterPushDown::Exact
                }
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let columns: Vec<String> =
            projection.unwrap_or(&all).iter().map(|at| self.schema.field(*at).name().clone()).collect();
        let filter = match datafusion::logical_expr::utils::conjunction(filters.to_vec()) {
            None => None,
            Some(condition) => {
                let mut paths = BTreeSet::new();
                paths_of(&condition, &mut paths)?;
                let wanted = Wanted::of(&paths, self.maps)?;
                let schema = DFSchema::try_from(wanted.schema.clone())?;
                let expr = state.create_physical_expr(condition, &schema)?;
                Some(Arc::new(Filter::new(wanted, expr)))
            }
        };
        let scan = Scan::new(
            self.source.clone(),
            &columns,
            self.maps,
            filter,
            prune::pruning(filters),
            limit,
            self.progress.clone(),
            state.config().target_partitions(),
        )?;
        Ok(Arc::new(scan))
    }
}
