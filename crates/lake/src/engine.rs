//! The engine: a statement becomes a plan over snapshots, the plan runs with memory, time and rows of its own, and rows come out as text or
//! as batches. A panic ends the query that caused it.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base::Env;
use datafusion::arrow::datatypes::Field;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{SessionState, SessionStateDefaults};
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{Expr, LogicalPlan, ScalarUDF, col, lit};
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use eventstore::{Snapshot, Stores};
use futures_util::{FutureExt, StreamExt};
use ports::lake::{
    Column, Dialect, QueryEngine, QueryError, QueryErrorKind as Kind, QueryProgress, QueryRequest, RowSink, StoreId,
    TextRow,
};
use query_lang::{Query, Read};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::outside::Records;
use crate::planner::Planner;
use crate::scan::Source;
use crate::show::Printer;
use crate::table::EventTable;
use crate::{error, functions, names, table, types};

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
    tables: Tables,
    options: Options,
}

/// What names of stores stand for.
enum Tables {
    Stores(Arc<Stores>),
    Outside(BTreeMap<StoreId, Arc<dyn Records>>),
}

impl Tables {
    fn source(&self, store: &StoreId) -> Option<Source> {
        match self {
            Tables::Stores(stores) => stores.snapshot(store).map(|snapshot| Source::Store(Arc::new(snapshot))),
            Tables::Outside(all) => all.get(store).cloned().map(Source::Outside),
        }
    }
}

/// A query that is ready to run.
struct Planned {
    state: SessionState,
    plan: LogicalPlan,
    columns: Vec<Column>,
    read: Box<Read>,
    dialect: Dialect,
    stop: Arc<AtomicBool>,
}

/// A result while it is made.
pub struct Answer {
    columns: Vec<Column>,
    camel: bool,
    batches: mpsc::Receiver<Result<RecordBatch, QueryError>>,
    deadline: Pin<Box<tokio::time::Sleep>>,
    timeout_ms: u64,
    cancel: watch::Receiver<bool>,
    progress: Arc<QueryProgress>,
    rows: u64,
    max_rows: Option<u64>,
    task: AbortHandle,
    stop: Arc<AtomicBool>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.abort();
    }
}

impl Answer {
    /// What the columns are called, and their types.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The next rows; `None` when there are no more.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        let batch = tokio::select! {
            biased;
            () = cancelled(&mut self.cancel) => Some(Err(QueryError::new(Kind::Cancelled, "The query was cancelled"))),
            () = &mut self.deadline => Some(Err(timed_out(self.timeout_ms))),
            batch = self.batches.recv() => batch,
        }?;
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                self.task.abort();
                return Some(Err(error));
            }
        };
        let count = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        self.rows = self.rows.saturating_add(count);
        if let Some(max) = self.max_rows.filter(|max| self.rows > *max) {
            self.task.abort();
            return Some(Err(QueryError::new(Kind::TooManyRows, format!("The result has more than {max} rows"))));
        }
        self.progress.add_matched(count);
        Some(Ok(batch))
    }

    /// The rows of a batch as text.
    pub fn texts(&self, batch: &RecordBatch) -> Result<Vec<TextRow>, QueryError> {
        texts(batch, self.camel).map_err(|error| internal(&error.to_string()))
    }
}

fn texts(batch: &RecordBatch, camel: bool) -> Result<Vec<TextRow>, DataFusionError> {
    let schema = batch.schema();
    let printers = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| Printer::new(column, field, camel))
        .collect::<Result<Vec<_>, _>>()?;
    (0..batch.num_rows()).map(|row| printers.iter().map(|printer| printer.value(row)).collect()).collect()
}

/// Waits until the query is cancelled; for ever if nobody can.
async fn cancelled(cancel: &mut watch::Receiver<bool>) {
    if cancel.wait_for(|cancelled| *cancelled).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn timed_out(timeout_ms: u64) -> QueryError {
    QueryError::new(Kind::TimedOut, format!("The query ran for more than {} seconds", timeout_ms / 1000))
}

/// A failure of ours: the log gets the reason.
fn internal(reason: &str) -> QueryError {
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
        Engine { env, tables: Tables::Stores(stores), options }
    }

    /// An engine over records that are in no store, under names of stores.
    pub fn outside(env: Env, records: BTreeMap<StoreId, Arc<dyn Records>>, options: Options) -> Engine {
        Engine { env, tables: Tables::Outside(records), options }
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
        let planned = self.plan(&request, progress.clone())?;
        let (columns, stop) = (planned.columns.clone(), planned.stop.clone());
        let (sender, batches) = mpsc::channel(BATCHES_WAITING_MAX);
        let task = self.options.runtime.spawn(async move {
            let ran = calm(run_plan(planned, &sender)).await;
            if let Err(error) = ran {
                let _ = sender.send(Err(error)).await;
            }
        });
        Ok(Answer {
            columns,
            camel: request.dialect == Dialect::Lake,
            batches,
            deadline,
            timeout_ms,
            cancel,
            progress,
            rows: 0,
            max_rows: request.limits.max_rows,
            task: task.abort_handle(),
            stop,
        })
    }

    /// A statement as a plan. Runs nothing.
    fn plan(&self, request: &QueryRequest, progress: Arc<QueryProgress>) -> Result<Planned, QueryError> {
        // A statement of many operators makes deep trees, and callers are threads of any size.
        stacker::maybe_grow(STACK_BYTES / 2, STACK_BYTES, || self.plan_here(request, progress))
    }

    fn plan_here(&self, request: &QueryRequest, progress: Arc<QueryProgress>) -> Result<Planned, QueryError> {
        let read = parse(request)?;
        let work = async {
            let stop: Arc<AtomicBool> = Arc::default();
            let state = self.state(request, &stop).map_err(|error| internal(&error.to_string()))?;
            let context = SessionContext::new_with_state(state);
            for (number, table) in read.tables.iter().enumerate() {
                let store = resolve(table, request)?;
                let source = self.tables.source(&store).ok_or_else(|| unknown_table(table, request))?;
                register(&context, number, source, request.dialect, progress.clone())
                    .map_err(|error| internal(&error.to_string()))?;
            }
            let state = context.state();
            let statement = Statement::Statement(Box::new(read.tree.clone()));
            let plan = state.statement_to_plan(statement).await;
            let plan = plan.and_then(|plan| {
                // Types are checked here already, so that a wrong statement is refused before it is queued.
                state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {}).map(|_| plan)
            });
            let plan = plan.map_err(|error| error::of_engine(&error, &read, &known_names(request.dialect)))?;
            let columns = columns(&plan, &read, request.dialect);
            Ok(Planned { state, plan, columns, read: read.clone(), dialect: request.dialect, stop })
        };
        // Tables are in memory: planning never waits.
        calm(work).now_or_never().unwrap_or_else(|| Err(internal("planning waited")))
    }

    /// A session of one query's own.
    fn state(&self, request: &QueryRequest, stop: &Arc<AtomicBool>) -> Result<SessionState, DataFusionError> {
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
        let disk = match &self.options.spill_folder {
            Some(folder) => DiskManagerBuilder::default()
                .with_mode(DiskManagerMode::Directories(vec![folder.clone()]))
                .with_max_temp_directory_size(self.options.spill_bytes_max),
            None => DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled),
        };
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
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
        Ok(SessionStateBuilder::new()
            .with_default_features()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_expr_planners(planners)
            .with_relation_planners(vec![planner])
            .with_scalar_functions(all)
            .build())
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

/// The store that a name in FROM means.
fn resolve(name: &query_lang::TableName, request: &QueryRequest) -> Result<StoreId, QueryError> {
    let parts = &name.parts;
    let mut spellings = vec![parts.join(".")];
    if let Some(last) = parts.last() {
        // An event data store may be named by its ARN.
        spellings.extend(last.split_once(":eventdatastore/").map(|(_, id)| id.to_owned()));
        match (parts.len(), &request.default_database) {
            (1, Some(database)) => spellings.push(format!("{}.{last}", database.to_lowercase())),
            (3, _) => spellings.push(parts[1..].join(".")),
            _ => {}
        }
        if request.dialect == Dialect::Lake {
            spellings.push(last.clone());
        }
    }
    let found = spellings.iter().find_map(|spelling| request.tables.iter().find(|table| table.name == *spelling));
    match found {
        Some(table) => Ok(table.store.clone()),
        None => Err(unknown_table(name, request)),
    }
}

fn unknown_table(name: &query_lang::TableName, request: &QueryRequest) -> QueryError {
    let written = name.parts.join(".");
    let tables = || request.tables.iter().map(|table| table.name.as_str());
    // Of tables of the database that is meant anyhow, the last name is enough.
    let prefix = request.default_database.as_ref().map(|database| format!("{}.", database.to_lowercase()));
    let short = tables().filter_map(|table| table.strip_prefix(prefix.as_deref()?));
    let meant = query_lang::nearest(&written, tables().chain(short));
    let meant = meant.map(|name| format!(". Did you mean '{name}'?")).unwrap_or_default();
    let what = match request.dialect {
        Dialect::Lake => format!("Event data store '{written}' does not exist{meant}"),
        Dialect::Athena => format!("Table '{written}' does not exist{meant}"),
    };
    let error = QueryError::new(Kind::UnknownName, what);
    match name.position {
        Some(position) => error.at(position.line, position.column),
        None => error,
    }
}

/// Makes a source the table of a number.
fn register(
    context: &SessionContext,
    number: usize,
    source: Source,
    dialect: Dialect,
    progress: Arc<QueryProgress>,
) -> Result<(), DataFusionError> {
    let lake = dialect == Dialect::Lake;
    let events = Arc::new(EventTable::new(source, lake, progress));
    let name = datafusion::common::TableReference::bare(format!("${number}"));
    if lake {
        context.register_table(name, events)?;
    } else {
        let view = as_athena(context, context.read_table(events)?)?.into_view();
        context.register_table(name, view)?;
    }
    Ok(())
}

/// The columns of AWS's table for Athena: times and flags are text, and there are columns that partition.
fn as_athena(context: &SessionContext, table: DataFrame) -> Result<DataFrame, DataFusionError> {
    let state = context.state();
    let call = |name: &str, args: Vec<Expr>| -> Result<Expr, DataFusionError> {
        let function = state.scalar_functions().get(name).cloned();
        let function = function.ok_or_else(|| DataFusionError::Internal(format!("there is no function {name}")))?;
        Ok(functions::call(function, args))
    };
    let mut columns = Vec::new();
    for field in table.schema().fields() {
        let name = field.name().as_str();
        columns.push(match name {
            "eventtime" => call("trino_record_time", vec![col(name)])?.alias(name),
            "readonly" | "sessioncredentialfromconsole" => {
                call("trino_cast", vec![col(name), lit("varchar")])?.alias(name)
            }
            _ => col(name),
        });
    }
    columns.push(col("awsregion").alias("region"));
    for (name, pattern) in [("year", "%Y"), ("month", "%m"), ("day", "%d")] {
        columns.push(call("date_format", vec![col("eventtime"), lit(pattern)])?.alias(name));
    }
    columns.push(call("date_format", vec![col("eventtime"), lit("%Y/%m/%d")])?.alias("timestamp"));
    columns.push(col("recipientaccountid").alias("accountid"));
    table.select(columns)
}

/// The names that columns of a table, and fields of them, have.
fn known_names(dialect: Dialect) -> Vec<String> {
    fn walk(field: &Field, names: &mut Vec<String>) {
        names.push(field.name().clone());
        if let datafusion::arrow::datatypes::DataType::Struct(fields) = field.data_type() {
            fields.iter().for_each(|field| walk(field, names));
        }
    }
    let mut found = Vec::new();
    table::presented_schema(&Snapshot::schema(), true).fields().iter().for_each(|field| walk(field, &mut found));
    match dialect {
        Dialect::Lake => found.iter().map(|name| names::shown(name)).collect(),
        Dialect::Athena => {
            found.extend(["region", "year", "month", "day"].map(str::to_owned));
            found
        }
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
    let Planned { state, plan, read, dialect, .. } = planned;
    let of_engine = |error: DataFusionError| {
        let translated = error::of_engine(&error, &read, &known_names(dialect));
        if translated.kind == Kind::Internal { internal(&error.to_string()) } else { translated }
    };
    let physical = state.create_physical_plan(&plan).await;
    let same = state.scalar_functions().get(functions::SAME).cloned();
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
        let planned = self.plan(request, Arc::default())?;
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
        sink.columns(answer.columns().to_vec()).await?;
        while let Some(batch) = answer.next().await {
            let rows = answer.texts(&batch?)?;
            sink.rows(rows).await?;
        }
        Ok(())
    }
}
