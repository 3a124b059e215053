//! The engine: a statement becomes a plan over snapshots, the plan runs with memory, time and rows of its own, and rows come out as text or
//! as batches. A panic ends the query that caused it.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use base::Env;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SessionState, SessionStateDefaults};
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{LogicalPlan, ScalarUDF};
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use eventstore::Stores;
use futures_util::{FutureExt, StreamExt};
use ports::lake::{
    Column, Dialect, QueryEngine, QueryError, QueryErrorKind as Kind, QueryProgress, QueryRequest, RowSink, StoreId,
};
use query_lang::{Query, Read};
use tokio::sync::{mpsc, watch};

use crate::answer::Answer;
use crate::grouped::grouping;
use crate::outside::Outside;
use crate::planner::Planner;
use crate::release::{Pool, Released};
use crate::table::Running;
use crate::tables::{Tables, resolve};
use crate::{error, functions, names, types};

/// Rows of a batch while a query runs.
const BATCH_ROWS: usize = 8_192;
/// Batches that wait for their reader.
const BATCHES_WAITING_MAX: usize = 2;
/// The most parts of a query that run at the same time, whatever is asked for.
const CONCURRENCY_MAX: usize = 64;
/// The least memory that a query gets: below it nothing can be sorted or grouped.
const MEMORY_BYTES_MIN: u64 = 4 << 20;

/// The stack that planning gets. Only what is used of it takes memory.
const STACK_BYTES: usize = 64 << 20;
/// The most that a sort keeps aside for merging what it spilled.
const SORT_RESERVED_BYTES_MAX: usize = 10 << 20;

/// What an engine may use.
#[derive(Clone)]
pub struct Options {
    /// Where what does not fit in memory goes. Emptied of a query's files when it ends. `None`: nothing spills.
    pub spill_folder: Option<PathBuf>,
    /// The most that all queries together spill.
    pub spill_bytes_max: u64,
    /// Where queries run. They compute for long without giving way, so this must be a runtime of their own: neither requests nor the
    /// timers of those that wait for an answer may depend on its threads.
    pub runtime: tokio::runtime::Handle,
}

/// See the module.
pub struct Engine {
    env: Env,
    tables: Arc<Tables>,
    options: Options,
    /// Queries that have not given up all they hold.
    running: Arc<watch::Sender<usize>>,
}

/// A query that is ready to run.
struct Planned {
    state: SessionState,
    plan: LogicalPlan,
    columns: Vec<Column>,
    read: Box<Read>,
    dialect: Dialect,
    tables: Arc<Tables>,
    stop: Arc<AtomicBool>,
}

/// A failure of ours: the log gets the reason.
pub(crate) fn internal(reason: &str) -> QueryError {
    tracing::error!(reason, "a query failed");
    QueryError::new(Kind::Internal, "The query failed because of an internal error")
}

/// What a future answers, or an error if it panics.
async fn calm<T>(work: impl Future<Output = Result<T, QueryError>>) -> Result<T, QueryError> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(internal("it panicked")))
}

impl Engine {
    /// An engine over these stores.
    pub fn new(env: Env, stores: Arc<Stores>, options: Options) -> Engine {
        Engine::over(env, Tables::Stores(stores), options)
    }

    /// An engine over what is in no store, under names of stores.
    pub fn outside(env: Env, outside: BTreeMap<StoreId, Outside>, options: Options) -> Engine {
        Engine::over(env, Tables::Outside(outside), options)
    }

    fn over(env: Env, tables: Tables, options: Options) -> Engine {
        Engine { env, tables: Arc::new(tables), options, running: Arc::new(watch::Sender::new(0)) }
    }

    /// Returns when no query holds anything: those that were dropped on the way have ended too.
    pub async fn settled(&self) {
        // The sender is ours: it cannot go away.
        let _ = self.running.subscribe().wait_for(|count| *count == 0).await;
    }

    /// What the columns of a statement's result would be. Runs nothing.
    pub fn columns(&self, request: &QueryRequest) -> Result<Vec<Column>, QueryError> {
        Ok(self.plan(request, None)?.0.columns)
    }

    /// Begins a query; its rows come as batches. Dropping the answer ends it.
    pub async fn start(
        &self,
        request: QueryRequest,
        progress: Arc<QueryProgress>,
        cancel: watch::Receiver<bool>,
    ) -> Result<Answer, QueryError> {
        let timeout_ms = request.limits.timeout_ms;
        let deadline = Box::pin(tokio::time::sleep(Duration::from_millis(timeout_ms)));
        let (planned, released) = self.plan(&request, Some(progress.clone()))?;
        let (columns, stop) = (planned.columns.clone(), planned.stop.clone());
        let schema = Arc::new(planned.plan.schema().as_arrow().clone());
        let (sender, batches) = mpsc::channel(BATCHES_WAITING_MAX);
        let task = self.options.runtime.spawn(async move {
            let ran = calm(run_plan(planned, &sender)).await;
            if let Err(error) = ran {
                let _ = sender.send(Err(error)).await;
            }
        });
        Ok(Answer {
            columns,
            schema,
            camel: request.dialect == Dialect::Lake,
            batches,
            deadline,
            timeout_ms,
            cancel,
            progress,
            rows: 0,
            max_rows: request.limits.max_rows,
            task,
            stop,
            released,
        })
    }

    /// A statement as a plan. Without a progress it is not to be run.
    fn plan(
        &self,
        request: &QueryRequest,
        progress: Option<Arc<QueryProgress>>,
    ) -> Result<(Planned, Released), QueryError> {
        // A statement of many operators makes deep trees, and callers are threads of any size.
        stacker::maybe_grow(STACK_BYTES / 2, STACK_BYTES, || self.plan_here(request, progress))
    }

    fn plan_here(
        &self,
        request: &QueryRequest,
        progress: Option<Arc<QueryProgress>>,
    ) -> Result<(Planned, Released), QueryError> {
        let runs = progress.is_some();
        let read = parse(request)?;
        let work = async {
            let stop: Arc<AtomicBool> = Arc::default();
            let (state, released) = self.state(request, &stop, runs).map_err(|error| internal(&error.to_string()))?;
            let context = SessionContext::new_with_state(state);
            let running = Running { progress: progress.unwrap_or_default(), stop: stop.clone(), runs };
            for (number, table) in read.tables.iter().enumerate() {
                self.tables.register(&context, number, table, request, &running)?;
            }
            let state = context.state();
            let statement = Statement::Statement(Box::new(read.tree.clone()));
            let plan = state.statement_to_plan(statement).await;
            let plan = plan.and_then(|plan| {
                // Types are checked here already, so that a wrong statement is refused before it is queued.
                state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {}).map(|_| plan)
            });
            let plan =
                plan.map_err(|error| error::of_engine(&error, &read, &self.tables.known_names(request.dialect)))?;
            let columns = columns(&plan, &read, request.dialect);
            let tables = self.tables.clone();
            let planned = Planned { state, plan, columns, read: read.clone(), dialect: request.dialect, tables, stop };
            Ok((planned, released))
        };
        // Tables are in memory: planning never waits.
        calm(work).now_or_never().unwrap_or_else(|| Err(internal("planning waited")))
    }

    /// A session of one query's own.
    fn state(
        &self,
        request: &QueryRequest,
        stop: &Arc<AtomicBool>,
        runs: bool,
    ) -> Result<(SessionState, Released), DataFusionError> {
        let limits = &request.limits;
        let mut config = SessionConfig::new()
            .with_batch_size(BATCH_ROWS)
            .with_target_partitions(limits.max_concurrency.clamp(1, CONCURRENCY_MAX))
            .with_information_schema(false)
            .with_create_default_catalog_and_schema(true);
        config.options_mut().sql_parser.default_null_ordering = "nulls_last".to_owned();
        config.options_mut().sql_parser.collect_spans = true;
        let memory = usize::try_from(limits.memory_bytes.max(MEMORY_BYTES_MIN)).unwrap_or(usize::MAX);
        // What a sort keeps aside for merging what it spilled must leave it room to sort.
        config.options_mut().execution.sort_spill_reservation_bytes = (memory / 64).min(SORT_RESERVED_BYTES_MAX);
        let mut name = [0_u8; 8];
        self.env.rng.fill(&mut name);
        let folder = self.options.spill_folder.as_ref().filter(|_| runs);
        let folder = folder.map(|folder| folder.join(format!("query-{:016x}", u64::from_le_bytes(name))));
        if let Some(folder) = &folder {
            self.env.disk.create_dir_all(folder)?;
        }
        let disk = match &folder {
            Some(folder) => DiskManagerBuilder::default()
                .with_mode(DiskManagerMode::Directories(vec![folder.clone()]))
                .with_max_temp_directory_size(self.options.spill_bytes_max),
            None => DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled),
        };
        let (pool, released) = Pool::new(memory, folder, &self.running);
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).with_disk_manager_builder(disk).build_arc()?;
        let mut seed = [0_u8; 8];
        self.env.rng.fill(&mut seed);
        let ours: Vec<Arc<ScalarUDF>> = functions::all(self.env.clock.now().ms(), u64::from_le_bytes(seed), stop)
            .into_iter()
            .map(Arc::new)
            .collect();
        let named = |name: &str| -> Result<Arc<ScalarUDF>, DataFusionError> {
            let found = ours.iter().find(|function| function.name() == name).cloned();
            found.ok_or_else(|| DataFusionError::Internal(format!("there is no function {name}")))
        };
        let planner = Arc::new(Planner {
            field: named("trino_field")?,
            map_keys: named("map_keys")?,
            map_values: named("map_values")?,
            list_field: named("trino_list_field")?,
            empty_to_null: named("trino_empty_to_null")?,
            sequence: named("trino_sequence")?,
            cardinality: named("cardinality")?,
            next: Arc::default(),
        });
        let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![planner.clone()];
        planners.extend(SessionStateDefaults::default_expr_planners());
        let mut all = SessionStateDefaults::default_scalar_functions();
        all.extend(ours);
        let state = SessionStateBuilder::new()
            .with_default_features()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_expr_planners(planners)
            .with_relation_planners(vec![planner])
            .with_scalar_functions(all)
            .build();
        Ok((state, released))
    }
}

/// Reads the statement; what is no query is not for an engine.
fn parse(request: &QueryRequest) -> Result<Box<Read>, QueryError> {
    let dialect = match request.dialect {
        Dialect::Lake => query_lang::Dialect::Lake,
        Dialect::Athena => query_lang::Dialect::Athena,
    };
    match query_lang::parse(&request.sql, dialect, &request.parameters).map_err(error::of_sql)? {
        Query::Read(read) => Ok(read),
        Query::Definition(_) => Err(QueryError::new(
            Kind::NotReading,
            "a statement about tables is not a query: only SELECT statements are allowed",
        )),
    }
}

/// What the columns of a result are called, and their types.
fn columns(plan: &LogicalPlan, read: &Read, dialect: Dialect) -> Vec<Column> {
    let fields = plan.schema().fields();
    let cased = |name: &str| match dialect {
        Dialect::Lake => names::shown(name),
        Dialect::Athena => name.to_lowercase(),
    };
    let items = &read.outputs.items;
    // Without a star, items and columns are the same in number and order.
    let by_place = items.len() == fields.len() && items.iter().all(Option::is_some);
    fields
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let item = if by_place {
                items.get(at).and_then(Option::as_ref)
            } else {
                items.iter().flatten().find(|item| item.column == *field.name())
            };
            let name = match item {
                Some(item) if item.given => item.name.clone(),
                Some(item) => cased(&item.name),
                None => cased(field.name()),
            };
            Column { name, r#type: types::name(field) }
        })
        .collect()
}

/// Makes what multiplies rows give way now and then: else a join of what is in memory would run to its end whoever waits for the thread,
/// or wants it to stop. A join that tries every pair does not give way before a pair fits: its condition is what can be stopped.
fn yielding(
    plan: Arc<dyn ExecutionPlan>,
    same: Option<&Arc<ScalarUDF>>,
    state: &SessionState,
) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    plan.transform_up(|plan| {
        if !plan.name().contains("Join") && !plan.name().contains("Unnest") {
            return Ok(Transformed::no(plan));
        }
        let any: &dyn Any = plan.as_ref();
        let pairs = any.downcast_ref::<NestedLoopJoinExec>();
        let plan = match (pairs, pairs.and_then(NestedLoopJoinExec::filter), same) {
            (Some(join), Some(filter), Some(same)) => {
                let (condition, schema) = (filter.expression().clone(), filter.schema());
                let options = state.config_options().clone();
                let condition = ScalarFunctionExpr::try_new(same.clone(), vec![condition], schema, options)?;
                let filter = JoinFilter::new(Arc::new(condition), filter.column_indices().to_vec(), schema.clone());
                let projection = join.projection().as_ref().map(|columns| columns.to_vec());
                let (left, right) = (join.left().clone(), join.right().clone());
                let join = NestedLoopJoinExec::try_new(left, right, Some(filter), join.join_type(), projection)?;
                Arc::new(join) as Arc<dyn ExecutionPlan>
            }
            _ => plan,
        };
        Ok(Transformed::yes(Arc::new(CooperativeExec::new(plan)) as Arc<dyn ExecutionPlan>))
    })
    .data()
}

/// Runs a plan and hands its batches over, in order.
async fn run_plan(planned: Planned, out: &mpsc::Sender<Result<RecordBatch, QueryError>>) -> Result<(), QueryError> {
    let Planned { state, plan, read, dialect, tables, .. } = planned;
    let of_engine = |error: DataFusionError| {
        let translated = error::of_engine(&error, &read, &tables.known_names(dialect));
        if translated.kind == Kind::Internal { internal(&error.to_string()) } else { translated }
    };
    let physical = state.create_physical_plan(&plan).await;
    let same = state.scalar_functions().get(functions::SAME).cloned();
    let physical = physical.and_then(grouping);
    let physical = physical.and_then(|physical| yielding(physical, same.as_ref(), &state)).map_err(of_engine)?;
    let mut batches = datafusion::physical_plan::execute_stream(physical, state.task_ctx()).map_err(of_engine)?;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(of_engine)?;
        if batch.num_rows() > 0 && out.send(Ok(batch)).await.is_err() {
            // Nobody reads on.
            return Ok(());
        }
    }
    Ok(())
}

#[async_trait]
impl QueryEngine for Engine {
    fn check(&self, request: &QueryRequest) -> Result<Vec<StoreId>, QueryError> {
        let (planned, _) = self.plan(request, None)?;
        let mut stores =
            planned.read.tables.iter().map(|table| resolve(table, request)).collect::<Result<Vec<_>, _>>()?;
        stores.sort();
        stores.dedup();
        Ok(stores)
    }

    async fn run(
        &self,
        request: QueryRequest,
        sink: &mut dyn RowSink,
        progress: Arc<QueryProgress>,
        cancel: watch::Receiver<bool>,
    ) -> Result<(), QueryError> {
        let mut answer = self.start(request, progress, cancel).await?;
        let given = give(&mut answer, sink).await;
        answer.end().await;
        given
    }
}

/// Hands all rows of an answer over.
async fn give(answer: &mut Answer, sink: &mut dyn RowSink) -> Result<(), QueryError> {
    sink.columns(answer.columns().to_vec()).await?;
    while let Some(batch) = answer.next().await {
        let rows = answer.texts(&batch?)?;
        sink.rows(rows).await?;
    }
    Ok(())
}
