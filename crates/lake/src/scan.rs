//! Reads a store: each partition some groups of rows, only the columns and fields that are looked at, and of the others only the rows that the
//! filter keeps.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{EquivalenceProperties, ScalarFunctionExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties, SendableRecordBatchStream,
};
use eventstore::{Part, Pruning, ReadOptions, RowFilter, Snapshot};
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use ports::lake::QueryProgress;

use crate::outside::{self, Records};
use crate::table::{Filter, Wanted};

/// What a partition reads, one after the other.
#[derive(Clone)]
enum Unit {
    /// A group of rows of a part.
    Group(Arc<Part>, Range<usize>),
    /// A batch of what is in no part yet.
    Tail(usize),
    /// A piece of records that are in no store.
    Piece(usize),
}

/// Where rows come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// A store.
    Store(Arc<Snapshot>),
    /// Records that are in none.
    Outside(Arc<dyn Records>),
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Scan {
    source: Source,
    maps: bool,
    units: Arc<Vec<Vec<Unit>>>,
    wanted: Wanted,
    /// What comes out, made of what is read.
    exprs: Vec<(Arc<dyn PhysicalExpr>, String)>,
    schema: SchemaRef,
    filter: Option<Arc<Filter>>,
    pruning: Pruning,
    limit: Option<usize>,
    progress: Arc<QueryProgress>,
    properties: Arc<PlanProperties>,
}

impl Scan {
    #[expect(clippy::too_many_arguments, reason = "called in one place, with all there is to say about a scan")]
    pub(crate) fn new(
        source: Source,
        columns: &[String],
        maps: bool,
        filter: Option<Arc<Filter>>,
        pruning: Pruning,
        limit: Option<usize>,
        progress: Arc<QueryProgress>,
        partitions: usize,
    ) -> Result<Scan> {
        let all = units_of(&source, &pruning);
        let mut units: Vec<Vec<Unit>> = vec![Vec::new(); partitions.clamp(1, all.len().max(1))];
        let count = units.len();
        all.into_iter().enumerate().for_each(|(at, unit)| units[at % count].push(unit));

        let paths: BTreeSet<String> = columns.iter().cloned().collect();
        let wanted = Wanted::of(&paths, maps)?;
        let exprs = columns
            .iter()
            .map(|name| {
                let at = wanted.schema.index_of(name)?;
                Ok((Arc::new(Column::new(name, at)) as Arc<dyn PhysicalExpr>, name.clone()))
            })
            .collect::<Result<Vec<_>>>()?;
        let fields: Vec<_> = columns
            .iter()
            .map(|name| Ok(wanted.schema.field_with_name(name)?.clone()))
            .collect::<Result<Vec<Field>>>()?;
        let schema = Arc::new(Schema::new(fields));
        let properties = properties(&schema, units.len());
        Ok(Scan {
            source,
            maps,
            units: Arc::new(units),
            wanted,
            exprs,
            schema,
            filter,
            pruning,
            limit,
            progress,
            properties,
        })
    }

    fn read(&self, unit: Unit) -> BoxStream<'static, Result<RecordBatch>> {
        let scan = self.clone();
        match (&self.source, unit) {
            (Source::Store(snapshot), Unit::Group(part, row_groups)) => {
                let options = ReadOptions {
                    projection: self.wanted.projection.clone(),
                    pruning: self.pruning.clone(),
                    filter: self.filter.clone().map(|filter| filter as Arc<dyn RowFilter>),
                    row_groups: Some(row_groups),
                    limit: self.limit,
                };
                let batches = snapshot.read(&part, options, self.progress.clone());
                let failed = self.filter.clone();
                batches
                    .map_err(move |error| {
                        let judged = failed.as_ref().and_then(|filter| filter.failure());
                        judged.unwrap_or_else(|| DataFusionError::External(Box::new(error)))
                    })
                    .map(move |batch| scan.project(&batch?))
                    .boxed()
            }
            (Source::Store(snapshot), Unit::Tail(at)) => {
                let snapshot = snapshot.clone();
                let one = move || match snapshot.tail().get(at) {
                    Some(batch) => {
                        scan.progress.add_scanned(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX), 0);
                        scan.whole(batch)
                    }
                    None => Ok(RecordBatch::new_empty(scan.schema.clone())),
                };
                stream::once(async move { one() }).boxed()
            }
            (Source::Outside(records), Unit::Piece(at)) => {
                let columns = self.columns();
                outside::read(records.clone(), at, columns, self.progress.clone())
                    .map(move |batch| scan.whole(&batch?))
                    .boxed()
            }
            _ => stream::empty().boxed(),
        }
    }

    /// The columns that are looked at.
    fn columns(&self) -> BTreeSet<String> {
        let filter = self.filter.iter().map(|filter| filter.projection().schema());
        let schemas = filter.chain([self.wanted.projection.schema()]);
        schemas
            .flat_map(|schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>())
            .collect()
    }

    /// What comes out of a batch that has all columns and rows.
    fn whole(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let kept = match &self.filter {
            Some(filter) => {
                let judged = filter.keep(&filter.projection().apply(batch)?);
                let judged = judged.map_err(|error| filter.failure().unwrap_or_else(|| error.into()))?;
                filter_record_batch(batch, &judged)?
            }
            None => batch.clone(),
        };
        self.project(&self.wanted.projection.apply(&kept)?)
    }

    /// What comes out of a batch that was read.
    fn project(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let batch = self.wanted.present(batch)?;
        let columns = self
            .exprs
            .iter()
            .map(|(expr, _)| expr.evaluate(&batch)?.into_array(batch.num_rows()))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

/// All that is to be read, the newest first: that is what a limit mostly wants.
fn units_of(source: &Source, pruning: &Pruning) -> Vec<Unit> {
    let snapshot = match source {
        Source::Store(snapshot) => snapshot,
        Source::Outside(records) => return (0..records.pieces()).rev().map(Unit::Piece).collect(),
    };
    let early = |part: &Part| pruning.from_ms.is_some_and(|from| part.newest_ms() < from);
    let late = |part: &Part| pruning.to_ms.is_some_and(|to| part.oldest_ms() >= to);
    let mut parts: Vec<&Arc<Part>> = snapshot.parts().iter().filter(|part| !early(part) && !late(part)).collect();
    parts.sort_by(|a, b| b.newest_ms().cmp(&a.newest_ms()).then_with(|| a.name().cmp(b.name())));
    let tails = (0..snapshot.tail().len()).map(Unit::Tail);
    let groups = parts
        .into_iter()
        .flat_map(|part| (0..part.row_groups()).map(move |group| Unit::Group(part.clone(), group..group + 1)));
    tails.chain(groups).collect()
}

pub(crate) fn properties(schema: &SchemaRef, partitions: usize) -> Arc<PlanProperties> {
    Arc::new(PlanProperties::new(
        EquivalenceProperties::new(schema.clone()),
        Partitioning::UnknownPartitioning(partitions),
        EmissionType::Incremental,
        Boundedness::Bounded,
    ))
}

/// The path of a column or of a field of one, as the engine runs it.
fn path(expr: &Arc<dyn PhysicalExpr>) -> Option<String> {
    let any: &dyn Any = expr.as_ref();
    if let Some(column) = any.downcast_ref::<Column>() {
        return Some(column.name().to_owned());
    }
    let call = any.downcast_ref::<ScalarFunctionExpr>()?;
    if call.fun().name() != "get_field" {
        return None;
    }
    let (base, names) = call.args().split_first()?;
    let mut path = path(base)?;
    for name in names {
        let any: &dyn Any = name.as_ref();
        path.push('.');
        path.push_str(any.downcast_ref::<Literal>()?.value().try_as_str().flatten()?);
    }
    Some(path)
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scan")
    }
}

impl DisplayAs for Scan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.exprs.iter().map(|(_, name)| name.as_str()).collect();
        write!(f, "Scan: {}", columns.join(", "))
    }
}

impl ExecutionPlan for Scan {
    fn name(&self) -> &str {
        "Scan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for (expr, _) in &self.exprs {
            f(expr)?;
        }
        Ok(TreeNodeRecursion::Continue)
    }

    /// Takes a projection of columns and fields into the scan, so that nothing else is read.
    fn try_swapping_with_projection(&self, projection: &ProjectionExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let mut paths = BTreeSet::new();
        let mut exprs = Vec::new();
        for projected in projection.expr() {
            let composed = projected
                .expr
                .clone()
                .transform_up(|expr| {
                    let any: &dyn Any = expr.as_ref();
                    let below = any.downcast_ref::<Column>().and_then(|column| self.exprs.get(column.index()));
                    Ok(match below {
                        Some((below, _)) => Transformed::yes(below.clone()),
                        None => Transformed::no(expr),
                    })
                })
                .data()?;
            let Some(path) = path(&composed) else { return Ok(None) };
            paths.insert(path);
            exprs.push((composed, projected.alias.clone()));
        }
        let wanted = Wanted::of(&paths, self.maps)?;
        let exprs = exprs
            .into_iter()
            .map(|(expr, name)| {
                let moved = expr
                    .transform_up(|expr| {
                        let any: &dyn Any = expr.as_ref();
                        let Some(column) = any.downcast_ref::<Column>() else { return Ok(Transformed::no(expr)) };
                        let at = wanted.schema.index_of(column.name())?;
                        Ok(Transformed::yes(Arc::new(Column::new(column.name(), at)) as Arc<dyn PhysicalExpr>))
                    })
                    .data()?;
                Ok((moved, name))
            })
            .collect::<Result<Vec<_>>>()?;
        let schema = projection.schema();
        let properties = properties(&schema, self.units.len());
        Ok(Some(Arc::new(Scan { wanted, exprs, schema, properties, ..self.clone() })))
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let scan = self.clone();
        let units = self.units.get(partition).cloned().unwrap_or_default();
        let batches = stream::iter(units).flat_map(move |unit| scan.read(unit));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches)))
    }
}
