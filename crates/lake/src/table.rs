//! A store as a table: its columns as the dialect shows them, and what of a query the store itself can do.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use eventstore::{Projection, Snapshot};
use ports::lake::QueryProgress;

use crate::filter::Filter;
use crate::scan::{Scan, Source};
use crate::{prune, time, types};

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
    Arc::new(if maps && eventstore::is_json(field.name()) { types::tagged(field, types::MAP) } else { field })
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

/// The times of rows that nothing else is known of.
pub(crate) struct Times {
    pub(crate) oldest_ms: i64,
    pub(crate) newest_ms: i64,
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

/// What a query that runs has in common with those who read for it.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    pub(crate) progress: Arc<QueryProgress>,
    /// Nobody waits for the answer any more.
    pub(crate) stop: Arc<AtomicBool>,
    /// It is more than a plan.
    pub(crate) runs: bool,
}

/// A store's table.
pub(crate) struct EventTable {
    source: Source,
    schema: SchemaRef,
    /// Whether JSON columns are maps (Lake) or texts (Athena).
    maps: bool,
    running: Running,
}

impl std::fmt::Debug for EventTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventTable")
    }
}

impl EventTable {
    pub(crate) fn new(source: Source, maps: bool, running: Running) -> EventTable {
        EventTable { source, schema: presented_schema(&Snapshot::schema(), maps), maps, running }
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

/// Whether a condition looks at texts, times and flags alone.
fn is_plain(condition: &Expr) -> bool {
    let mut paths = BTreeSet::new();
    paths_of(condition, &mut paths).is_ok() && paths.iter().all(|path| eventstore::is_plain(path))
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
        let pruning = prune::pruning(filters);
        // What is told by columns that are at hand comes first, and spares reading the others.
        let (plain, other): (Vec<Expr>, Vec<Expr>) =
            filters.iter().flat_map(|filter| split_conjunction(filter)).cloned().partition(is_plain);
        let mut conditions = Vec::new();
        for condition in [plain, other].into_iter().filter_map(conjunction) {
            let mut paths = BTreeSet::new();
            paths_of(&condition, &mut paths)?;
            let wanted = Wanted::of(&paths, self.maps)?;
            let schema = DFSchema::try_from(wanted.schema.clone())?;
            let expr = state.create_physical_expr(condition, &schema)?;
            conditions
                .push(Arc::new(Filter::new(wanted, expr, self.maps, self.running.stop.clone())?.with(&pruning.equal)));
        }
        let scan = Scan::new(
            self.source.clone(),
            &columns,
            self.maps,
            conditions,
            pruning,
            limit,
            self.running.clone(),
            state.config().target_partitions(),
        )?;
        Ok(Arc::new(scan))
    }
}
