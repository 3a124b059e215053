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
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_expr::expressions::{Column, DynamicFilterPhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties, SendableRecordBatchStream,
};
use eventstore::{Candidates, Part, Pruning, ReadOptions, RowFilter, Snapshot};
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::filter::Filter;
use crate::outside::{self, Records};
use crate::paths::{path, rebased};
use crate::table::{Running, Wanted};

/// What a partition reads, one after the other.
#[derive(Clone)]
enum Unit {
    /// A group of rows of a part; of its granules that are to be read, all or these.
    Group(Arc<Part>, Candidates, Range<usize>, Option<Range<usize>>),
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
    /// All of these hold.
    filters: Vec<Arc<Filter>>,
    /// What plans above find out while they run: which rows they need no more.
    learned: Vec<Arc<Filter>>,
    pruning: Pruning,
    limit: Option<usize>,
    running: Running,
    properties: Arc<PlanProperties>,
}

impl Scan {
    #[expect(clippy::too_many_arguments, reason = "called in one place, with all there is to say about a scan")]
    pub(crate) fn new(
        source: Source,
        columns: &[String],
        maps: bool,
        filters: Vec<Arc<Filter>>,
        pruning: Pruning,
        limit: Option<usize>,
        running: Running,
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
            filters,
            learned: Vec::new(),
            pruning,
            limit,
            running,
            properties,
        })
    }

    /// An expression over what comes out as one over what is read.
    pub(crate) fn composed(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        expr.transform_up(|expr| {
            let any: &dyn Any = expr.as_ref();
            let below = any.downcast_ref::<Column>().and_then(|column| self.exprs.get(column.index()));
            Ok(match below {
                Some((below, _)) => Transformed::yes(below.clone()),
                None => Transformed::no(expr),
            })
        })
        .data()
    }

    /// A filter that changes while the query runs, to be asked before the rest of a row is read; `None` if it looks at more than columns.
    fn learns(&self, expr: &Arc<dyn PhysicalExpr>) -> Result<Option<Filter>> {
        let composed = self.composed(expr.clone())?;
        let mut paths = BTreeSet::new();
        for below in composed.children() {
            let Some(path) = path(below) else { return Ok(None) };
            paths.insert(path);
        }
        let wanted = Wanted::of(&paths, self.maps)?;
        let expr = rebased(composed, &wanted)?;
        Ok(Some(Filter::changing(wanted, expr, self.running.stop.clone())))
    }

    /// The rows of a unit that are kept: of them what is wanted, with texts as they are stored.
    fn kept(&self, unit: Unit) -> BoxStream<'static, Result<RecordBatch>> {
        let scan = self.clone();
        match (&self.source, unit) {
            (Source::Store(_), Unit::Group(part, ..))
                if !self.learned.iter().all(|filter| filter.may_keep(part.oldest_ms(), part.newest_ms())) =>
            {
                stream::empty().boxed()
            }
            (Source::Store(snapshot), Unit::Group(part, candidates, row_groups, granules)) => {
                let filters: Vec<Arc<Filter>> = self.filters.iter().chain(&self.learned).cloned().collect();
                let options = ReadOptions {
                    projection: self.wanted.projection.clone(),
                    pruning: self.pruning.clone(),
                    candidates,
                    coded: true,
                    filters: filters.iter().map(|filter| filter.clone() as Arc<dyn RowFilter>).collect(),
                    row_groups: Some(row_groups),
                    granules,
                    limit: self.limit,
                };
                let batches = snapshot.read(&part, options, self.running.progress.clone());
                batches
                    .map_err(move |error| {
                        let judged = filters.iter().find_map(|filter| filter.failure());
                        judged.unwrap_or_else(|| DataFusionError::External(Box::new(error)))
                    })
                    .boxed()
            }
            (Source::Store(snapshot), Unit::Tail(at)) => {
                let snapshot = snapshot.clone();
                let one = move || match snapshot.tail().get(at) {
                    Some(batch) => {
                        scan.running.progress.add_scanned(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX), 0);
                        scan.kept_of(batch)
                    }
                    None => Ok(RecordBatch::new_empty(scan.wanted.projection.schema())),
                };
                stream::once(async move { one() }).boxed()
            }
            (Source::Outside(records), Unit::Piece(at)) => {
                let columns = self.columns();
                outside::read(records.clone(), at, columns, self.running.progress.clone())
                    .map(move |batch| scan.kept_of(&batch?))
                    .boxed()
            }
            _ => stream::empty().boxed(),
        }
    }

    /// The columns that are looked at.
    fn columns(&self) -> BTreeSet<String> {
        let filters = self.filters.iter().map(|filter| filter.projection().schema());
        let schemas = filters.chain([self.wanted.projection.schema()]);
        schemas
            .flat_map(|schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>())
            .collect()
    }

    /// What is kept of a batch that has all columns and rows.
    fn kept_of(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut kept = batch.clone();
        for filter in &self.filters {
            let judged = filter.keep(&filter.projection().apply(&kept)?);
            let judged = judged.map_err(|error| filter.failure().unwrap_or_else(|| error.into()))?;
            kept = filter_record_batch(&kept, &judged)?;
        }
        Ok(self.wanted.projection.apply(&kept)?)
    }

    /// A partition's rows: of them what is wanted, with texts as they are stored.
    pub(crate) fn coded(&self, partition: usize) -> BoxStream<'static, Result<RecordBatch>> {
        let scan = self.clone();
        let mut units = self.units.get(partition).cloned().unwrap_or_default();
        if !self.learned.is_empty()
            && let Some(Unit::Group(part, found, groups, None)) = units.first().cloned()
        {
            // A little is read first, so that there is something to learn from before much is read.
            let piece = |granules| Unit::Group(part.clone(), found.clone(), groups.clone(), Some(granules));
            units.splice(0..1, [piece(0..1), piece(1..usize::MAX)]);
        }
        stream::iter(units).flat_map(move |unit| scan.kept(unit)).boxed()
    }

    /// Whether all it reads may be grouped on the way.
    pub(crate) fn can_group(&self) -> bool {
        matches!(self.source, Source::Store(_)) && self.limit.is_none() && self.learned.is_empty()
    }

    /// Into how many parts it is divided that can be read side by side.
    pub(crate) fn partitions(&self) -> usize {
        self.units.len()
    }

    /// Whether JSON columns are maps.
    pub(crate) fn maps(&self) -> bool {
        self.maps
    }

    /// What comes out of rows that are kept.
    fn project(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let batch = self.wanted.present(&self.wanted.projection.apply(batch)?)?;
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
    let groups = parts.into_iter().flat_map(|part| {
        let found = Candidates::default();
        (0..part.row_groups()).map(move |group| Unit::Group(part.clone(), found.clone(), group..group + 1, None))
    });
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
            let composed = self.composed(projected.expr.clone())?;
            let Some(path) = path(&composed) else { return Ok(None) };
            paths.insert(path);
            exprs.push((composed, projected.alias.clone()));
        }
        let wanted = Wanted::of(&paths, self.maps)?;
        let exprs = exprs.into_iter().map(|(expr, name)| Ok((rebased(expr, &wanted)?, name)));
        let exprs = exprs.collect::<Result<Vec<_>>>()?;
        let schema = projection.schema();
        let properties = properties(&schema, self.units.len());
        Ok(Some(Arc::new(Scan { wanted, exprs, schema, properties, ..self.clone() })))
    }

    /// Takes filters that change while the query runs: the newest hundred records, say, need no row that is older than the hundredth so far.
    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let mut learned = self.learned.clone();
        if phase == FilterPushdownPhase::Post {
            for parent in &result.parent_filters {
                let any: &dyn Any = parent.filter.as_ref();
                if any.is::<DynamicFilterPhysicalExpr>() {
                    learned.extend(self.learns(&parent.filter)?.map(Arc::new));
                }
            }
        }
        // Whoever asks keeps its filter: rows that were read before it changed are not judged again.
        let done = FilterPushdownPropagation::all_unsupported(result);
        if learned.len() == self.learned.len() {
            return Ok(done);
        }
        Ok(done.with_updated_node(Arc::new(Scan { learned, ..self.clone() })))
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let scan = self.clone();
        let batches = self.coded(partition).map(move |batch| scan.project(&batch?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches)))
    }
}
