//! Groups rows while they are read. Where a column is stored as numbers of a dictionary, rows find their group by the number, and a text
//! is looked at once in a dictionary, not once in a row. What comes out are states of aggregates, as from any first half of an
//! aggregation; the second half puts groups together that came more than once.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputOrderMode, PhysicalExpr, PlanProperties,
    SendableRecordBatchStream,
};
use futures_util::stream::{self, BoxStream, StreamExt};

use crate::groups::{Groups, KEYS_MAX};
use crate::paths::{path, paths_of, rebased};
use crate::scan::{Scan, properties};
use crate::table::Wanted;

/// Groups that are handed on at once: more of them are handed on in between.
const GROUPS_MAX: usize = 1 << 18;
/// Rows of a batch that comes out.
const BATCH_ROWS: usize = 8_192;

/// See the module.
struct Grouped {
    scan: Scan,
    keys: Arc<Vec<Key>>,
    aggregates: Arc<Vec<Aggregate>>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

/// What rows of a group have in common.
struct Key {
    /// The column or field, if it is nothing but that.
    path: Option<String>,
    value: Computed,
}

/// An expression over what is read of a row.
struct Computed {
    wanted: Wanted,
    expr: Arc<dyn PhysicalExpr>,
}

struct Aggregate {
    function: Arc<AggregateFunctionExpr>,
    arguments: Vec<Computed>,
    filter: Option<Computed>,
}

impl Computed {
    fn new(expr: Arc<dyn PhysicalExpr>, maps: bool) -> Result<Computed> {
        let mut paths = BTreeSet::new();
        paths_of(&expr, &mut paths)?;
        let wanted = Wanted::of(&paths, maps)?;
        Ok(Computed { expr: rebased(expr, &wanted)?, wanted })
    }

    fn of(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let batch = self.wanted.present(&self.wanted.projection.apply(batch)?)?;
        self.expr.evaluate(&batch)?.into_array(batch.num_rows())
    }
}

/// Lets scans group rows themselves wherever the plan groups what a scan reads.
pub(crate) fn grouping(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        let any: &dyn Any = plan.as_ref();
        let Some(aggregate) = any.downcast_ref::<AggregateExec>() else { return Ok(Transformed::no(plan)) };
        Ok(match replaced(aggregate)? {
            Some(better) => Transformed::yes(better),
            None => Transformed::no(plan),
        })
    })
    .data()
}

fn replaced(aggregate: &AggregateExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let group_by = aggregate.group_expr();
    let functions = aggregate.aggr_expr();
    let simple = |function: &Arc<AggregateFunctionExpr>| {
        !function.is_distinct() && function.order_bys().is_empty() && function.groups_accumulator_supported()
    };
    let fits = group_by.is_single()
        && (1..=KEYS_MAX).contains(&group_by.expr().len())
        && *aggregate.input_order_mode() == InputOrderMode::Linear
        && functions.iter().all(simple);
    let Some((scan, projections)) = scan_below(aggregate.input()).filter(|_| fits) else { return Ok(None) };
    if !scan.can_group() {
        return Ok(None);
    }
    // A single stage sees all rows of a group: then there is one partition.
    let whole = matches!(aggregate.mode(), AggregateMode::Single | AggregateMode::SinglePartitioned);
    if whole && scan.partitions() != 1 {
        return Ok(None);
    }
    let computed = |expr: &Arc<dyn PhysicalExpr>| {
        let mut expr = expr.clone();
        for projection in &projections {
            expr = beneath(expr, projection)?;
        }
        Computed::new(scan.composed(expr)?, scan.maps())
    };
    let key = |(expr, _): &(Arc<dyn PhysicalExpr>, String)| {
        let value = computed(expr)?;
        Ok(Key { path: path(&value.expr), value })
    };
    let keys = group_by.expr().iter().map(key).collect::<Result<Vec<_>>>()?;
    let aggregates = functions.iter().zip(aggregate.filter_expr()).map(|(function, filter)| {
        let arguments = function.expressions().iter().map(&computed).collect::<Result<Vec<_>>>()?;
        let filter = filter.as_ref().map(&computed).transpose()?;
        Ok(Aggregate { function: function.clone(), arguments, filter })
    });
    let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
    // All that it computes is among what the scan reads: its expressions are made of the scan's.
    let grouped = |schema: SchemaRef| -> Arc<dyn ExecutionPlan> {
        let properties = properties(&schema, scan.partitions());
        let (keys, aggregates) = (Arc::new(keys), Arc::new(aggregates));
        Arc::new(CooperativeExec::new(Arc::new(Grouped { scan, keys, aggregates, schema, properties })))
    };
    match aggregate.mode() {
        AggregateMode::Partial => Ok(Some(grouped(aggregate.schema()))),
        _ if whole => {
            let first = AggregateExec::try_new(
                AggregateMode::Partial,
                group_by.clone(),
                functions.to_vec(),
                aggregate.filter_expr().to_vec(),
                aggregate.input().clone(),
                aggregate.input_schema(),
            )?;
            let second = AggregateExec::try_new(
                AggregateMode::Final,
                group_by.as_final(),
                functions.to_vec(),
                vec![None; functions.len()],
                grouped(first.schema()),
                aggregate.input_schema(),
            )?;
            Ok(Some(Arc::new(second.with_new_limit_options(aggregate.limit_options()))))
        }
        _ => Ok(None),
    }
}

/// The scan that a plan does nothing to but project it, and the projections, from above.
fn scan_below(plan: &Arc<dyn ExecutionPlan>) -> Option<(Scan, Vec<ProjectionExec>)> {
    let any: &dyn Any = plan.as_ref();
    if let Some(scan) = any.downcast_ref::<Scan>() {
        return Some((scan.clone(), Vec::new()));
    }
    let below = plan.children().into_iter().next()?;
    if let Some(projection) = any.downcast_ref::<ProjectionExec>() {
        let (scan, mut projections) = scan_below(below)?;
        projections.insert(0, projection.clone());
        return Some((scan, projections));
    }
    any.is::<CooperativeExec>().then(|| scan_below(below)).flatten()
}

/// An expression over what a projection makes as one over what it makes it of.
fn beneath(expr: Arc<dyn PhysicalExpr>, projection: &ProjectionExec) -> Result<Arc<dyn PhysicalExpr>> {
    expr.transform_down(|expr| {
        let any: &dyn Any = expr.as_ref();
        let column = any.downcast_ref::<Column>();
        let below = column.and_then(|column| projection.expr().get(column.index()));
        Ok(match below {
            Some(below) => Transformed::new(below.expr.clone(), true, TreeNodeRecursion::Jump),
            None => Transformed::no(expr),
        })
    })
    .data()
}

/// A partition's groups while its rows are read.
struct Gathering {
    batches: BoxStream<'static, Result<RecordBatch>>,
    keys: Arc<Vec<Key>>,
    aggregates: Arc<Vec<Aggregate>>,
    schema: SchemaRef,
    groups: Groups,
    states: Vec<Box<dyn GroupsAccumulator>>,
    memory: MemoryReservation,
    /// What waits to be handed on.
    ready: Vec<RecordBatch>,
    ended: bool,
}

impl Gathering {
    /// The next groups; `None` when there are no more.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.ready.pop() {
                return Ok(Some(batch));
            }
            if self.ended {
                return Ok(None);
            }
            match self.batches.next().await {
                Some(batch) => {
                    let batch = batch?;
                    if batch.num_rows() > 0 {
                        self.add(&batch)?;
                    }
                    let size = self.size();
                    if self.groups.len() >= GROUPS_MAX || self.memory.try_resize(size).is_err() {
                        self.hand_on()?;
                        self.memory.try_resize(self.size())?;
                    }
                }
                None => {
                    self.ended = true;
                    self.hand_on()?;
                    self.memory.free();
                }
            }
        }
    }

    fn size(&self) -> usize {
        self.groups.size() + self.states.iter().map(|state| state.size()).sum::<usize>()
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for (number, key) in self.keys.iter().enumerate() {
            let column = key.path.as_deref().and_then(|path| eventstore::leaf(batch, path));
            let coded = column.map(|column| self.groups.read_coded(number, &column)).transpose()?;
            if coded != Some(true) {
                self.groups.read(number, &key.value.of(batch)?)?;
            }
        }
        let count = self.groups.find(batch.num_rows())?;
        for (aggregate, state) in self.aggregates.iter().zip(&mut self.states) {
            let arguments = aggregate.arguments.iter().map(|value| value.of(batch)).collect::<Result<Vec<_>>>()?;
            let filter = aggregate.filter.as_ref().map(|filter| filter.of(batch)).transpose()?;
            let filter = filter.as_ref().map(|flags| flags.as_boolean());
            state.update_batch(&arguments, self.groups.of_rows(), filter, count)?;
        }
        Ok(())
    }

    /// Hands all groups on and begins anew.
    fn hand_on(&mut self) -> Result<()> {
        if self.groups.len() == 0 {
            return Ok(());
        }
        let mut columns = self.groups.take()?;
        for state in &mut self.states {
            columns.extend(state.state(EmitTo::All)?);
        }
        let all = RecordBatch::try_new(self.schema.clone(), columns)?;
        let slice = |from: usize| all.slice(from, BATCH_ROWS.min(all.num_rows() - from));
        self.ready = (0..all.num_rows()).step_by(BATCH_ROWS).map(slice).collect();
        Ok(())
    }
}

impl fmt::Debug for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grouped")
    }
}

impl DisplayAs for Grouped {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(|key| key.value.expr.to_string()).collect();
        write!(f, "Grouped: {}", keys.join(", "))
    }
}

impl ExecutionPlan for Grouped {
    fn name(&self) -> &str {
        "Grouped"
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
        let keys = self.keys.iter().map(|key| &key.value);
        let arguments =
            self.aggregates.iter().flat_map(|aggregate| aggregate.arguments.iter().chain(&aggregate.filter));
        for value in keys.chain(arguments) {
            f(&value.expr)?;
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let count = self.keys.len();
        let types = self.schema.fields().iter().take(count).cloned().collect();
        let states = self.aggregates.iter().map(|aggregate| aggregate.function.create_groups_accumulator());
        let gathering = Gathering {
            batches: self.scan.coded(partition),
            keys: self.keys.clone(),
            aggregates: self.aggregates.clone(),
            schema: self.schema.clone(),
            groups: Groups::new(types)?,
            states: states.collect::<Result<_>>()?,
            memory: MemoryConsumer::new("Grouped").register(context.memory_pool()),
            ready: Vec::new(),
            ended: false,
        };
        let batches = stream::try_unfold(gathering, |mut gathering| async move {
            Ok(gathering.next().await?.map(|batch| (batch, gathering)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches)))
    }
}
