//! How queries run: some at a time, the others wait; each in a task of its own that ends by itself, by StopQueryExecution, or with
//! the service. A query that a crash interrupted has failed, and says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Region;
use base::time::DAY_MS;
use ports::BucketError;
use ports::lake::{Dialect, QueryError, QueryErrorKind, QueryLimits, QueryProgress, QueryRequest, RowSink};
use query_lang::{Definition, Kind, Query};
use serde::{Deserialize, Serialize};
use service::ApiError;
use service::paging::token_of;
use state::{Expect, Range};
use tokio::sync::{Semaphore, watch};

use crate::catalog::{self, DEFAULT};
use crate::ddl::{self, Answer, Failure};
use crate::end::{End, ours, said};
use crate::error::{invalid, malformed, no_execution, too_many};
use crate::paging::read_token;
use crate::results::{self, FewRows, ResultSink};
use crate::rows::{BY_TIME, EXECUTIONS, Execution, OPEN, TOKENS, Token, time_key};
use crate::{Deps, tokens};

/// Queries that run at the same time. The others wait.
const CONCURRENT_MAX: usize = 5;
/// Queries that run or wait; a further one is refused.
pub const ACTIVE_MAX: usize = 100;
/// For so long queries and their rows are kept. Source: Athena user guide, "View recent queries": query history.
pub const KEPT_MS: i64 = 45 * DAY_MS;

/// The longest that a query waits for the newest records; then it reads what there is.
const VISIBLE_WAIT: Duration = Duration::from_secs(10);
/// How much longer than its time an engine may take to notice that it is over.
const TIMEOUT_GRACE_MS: u64 = 10_000;
/// The longest reason that is kept, in characters.
const REASON_CHARS_MAX: usize = 4_096;
/// Open queries looked at when the service starts: far more than there can be.
const OPEN_MAX: usize = 10_000;
/// Queries forgotten when one ends.
const FORGET_BATCH: usize = 20;

/// What a query that a restart interrupted failed with.
const INTERRUPTED: &str =
    "GENERIC_INTERNAL_ERROR: The query was interrupted because the server stopped. Start it again.";
/// What is said of a query that was stopped.
const STOPPED: &str = "Query cancelled by user";

/// How far a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionState {
    /// It waits.
    Queued,
    /// It runs.
    Running,
    /// Its result is in the bucket.
    Succeeded,
    /// It failed.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl ExecutionState {
    /// Whether it is over.
    pub fn is_over(self) -> bool {
        !matches!(self, ExecutionState::Queued | ExecutionState::Running)
    }

    /// As the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            ExecutionState::Queued => "QUEUED",
            ExecutionState::Running => "RUNNING",
            ExecutionState::Succeeded => "SUCCEEDED",
            ExecutionState::Failed => "FAILED",
            ExecutionState::Cancelled => "CANCELLED",
        }
    }
}

/// A query that is not over.
struct Active {
    cancel: watch::Sender<bool>,
    /// It is the server that stops, and nobody who stops the query.
    interrupted: bool,
    progress: Arc<QueryProgress>,
    submitted_ms: u64,
    begun_ms: Option<u64>,
}

/// All queries.
pub struct Executions {
    deps: Arc<Deps>,
    active: Mutex<BTreeMap<String, Active>>,
    slots: Semaphore,
}

/// What is asked.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ask {
    /// The statement.
    pub statement: String,
    /// What takes the place of `?`.
    pub parameters: Vec<String>,
    /// The database, as given.
    pub database: Option<String>,
    /// The catalog, as given.
    pub catalog: Option<String>,
    /// The bucket of the result.
    pub bucket: String,
    /// What its key begins with.
    pub prefix: String,
    /// The UUID that it gets, unless it was asked before.
    #[serde(skip)]
    pub id: String,
    /// ClientRequestToken.
    #[serde(skip)]
    pub token: Option<String>,
}

impl Executions {
    /// None is there.
    pub fn new(deps: Arc<Deps>) -> Executions {
        Executions { deps, active: Mutex::default(), slots: Semaphore::new(CONCURRENT_MAX) }
    }

    /// Says of queries that were not over that they failed. Called once at the start.
    pub async fn recover(&self) -> Result<(), ApiError> {
        let open = OPEN.scan(&*self.deps.state, Range::all(), OPEN_MAX).await.map_err(ApiError::unavailable)?;
        for doc in open {
            let id = String::from_utf8_lossy(&doc.key).into_owned();
            match self.get(&id).await? {
                Some(mut execution) => {
                    if !execution.state.is_over() {
                        interrupt(&mut execution);
                        execution.completed_ms = Some(self.deps.env.clock.now().ms());
                    }
                    self.close(&execution).await?;
                }
                None => OPEN.delete(&*self.deps.state, &doc.key, Expect::Any).await.map_err(ApiError::unavailable)?,
            }
        }
        Ok(())
    }

    /// Starts a query, of which [`plan`] says what it is. Returns its UUID when it is durable that it was asked; that of an earlier one
    /// if the token is the same.
    pub async fn start(
        self: &Arc<Self>,
        region: Region,
        ask: Ask,
        plan: Option<Definition>,
    ) -> Result<String, ApiError> {
        let fingerprint = tokens::fingerprint(&ask);
        if let Some(id) = self.started_before(region, &ask, &fingerprint).await? {
            return Ok(id);
        }
        let (kind, sub_kind) = plan.as_ref().map_or(("DML", "SELECT"), ddl::kind);
        let id = ask.id.clone();
        let execution = Execution {
            version: 1,
            id: id.clone(),
            region,
            key: result_key(&ask.prefix, &id, plan.as_ref()),
            statement: ask.statement.clone(),
            parameters: ask.parameters.clone(),
            database: ask.database.clone(),
            catalog: ask.catalog.clone(),
            kind: kind.to_owned(),
            sub_kind: sub_kind.to_owned(),
            bucket: ask.bucket.clone(),
            token: ask.token.clone(),
            state: ExecutionState::Queued,
            reason: None,
            by_user: false,
            submitted_ms: self.deps.env.clock.now().ms(),
            completed_ms: None,
            queue_ms: 0,
            engine_ms: 0,
            bytes_scanned: 0,
            columns: Vec::new(),
            chunks: Vec::new(),
        };
        let (cancel, cancelled) = watch::channel(false);
        let progress = Arc::new(QueryProgress::default());
        let submitted_ms = self.deps.env.clock.monotonic_ms();
        {
            let mut active = self.active();
            if active.len() >= ACTIVE_MAX {
                return Err(too_many(ACTIVE_MAX));
            }
            let progress = Arc::clone(&progress);
            let new = Active { cancel, interrupted: false, progress, submitted_ms, begun_ms: None };
            active.insert(id.clone(), new);
        }
        if let Err(error) = self.store_first(&execution, fingerprint.clone()).await {
            self.active().remove(&id);
            if error.is_conflict()
                && let Some(id) = self.started_before(region, &ask, &fingerprint).await?
            {
                return Ok(id);
            }
            return Err(ApiError::unavailable(error));
        }
        let this = Arc::clone(self);
        tokio::spawn(async move { this.execute(execution, plan, progress, cancelled).await });
        Ok(id)
    }

    /// The query that the same token started; an error if that was another query.
    async fn started_before(&self, region: Region, ask: &Ask, fingerprint: &str) -> Result<Option<String>, ApiError> {
        let Some(token) = &ask.token else { return Ok(None) };
        tokens::used(&*self.deps.state, &token_key(region, token), fingerprint).await
    }

    async fn store_first(&self, execution: &Execution, fingerprint: String) -> Result<(), state::Error> {
        let id = execution.id.as_bytes();
        let mut ops = vec![
            EXECUTIONS.put_op(id, execution, Expect::Absent)?,
            OPEN.put_op(id, &1, Expect::Absent)?,
            BY_TIME.put_op(&execution.time_key(), &1, Expect::Absent)?,
        ];
        if let Some(token) = &execution.token {
            let new = Token { version: 1, id: execution.id.clone(), fingerprint };
            ops.push(TOKENS.put_op(&token_key(execution.region, token), &new, Expect::Absent)?);
        }
        self.deps.state.commit(ops).await.map(drop)
    }

    async fn execute(
        self: Arc<Self>,
        mut execution: Execution,
        plan: Option<Definition>,
        progress: Arc<QueryProgress>,
        mut cancelled: watch::Receiver<bool>,
    ) {
        let id = execution.id.clone();
        let mut sink = ResultSink::new(Arc::clone(&self.deps.objects), &id);
        let mut watched = cancelled.clone();
        let slot = tokio::select! {
            biased;
            _ = watched.wait_for(|cancelled| *cancelled) => None,
            slot = self.slots.acquire() => slot.ok(),
        };
        let begun = self.deps.env.clock.monotonic_ms();
        if let Some(active) = self.active().get_mut(&id) {
            active.begun_ms = slot.is_some().then_some(begun);
            execution.queue_ms = begun.saturating_sub(active.submitted_ms);
        }
        let mut end = None;
        if slot.is_some() {
            end = Some(self.run(&execution, plan, &mut sink, &progress, cancelled.clone()).await);
        }
        // A result that is whole by now stays one.
        let was_stopped = *cancelled.borrow_and_update();
        let end = match end {
            Some(end) if end.state == ExecutionState::Succeeded || !was_stopped => end,
            _ if self.active().get(&id).is_some_and(|active| active.interrupted) => {
                End::failed(INTERRUPTED.to_owned(), false)
            }
            _ => End { state: ExecutionState::Cancelled, reason: Some(STOPPED.to_owned()), by_user: true },
        };
        execution.state = end.state;
        execution.reason = end.reason.map(|reason| reason.chars().take(REASON_CHARS_MAX).collect());
        execution.by_user = end.by_user;
        execution.columns = std::mem::take(&mut sink.columns);
        execution.chunks = std::mem::take(&mut sink.chunks);
        execution.completed_ms = Some(self.deps.env.clock.now().ms());
        execution.engine_ms = self.deps.env.clock.monotonic_ms().saturating_sub(begun);
        execution.bytes_scanned = progress.bytes_scanned();
        if let Err(error) = self.close(&execution).await {
            // Its row says that it runs and nothing runs: that is shown as a failure.
            tracing::error!(query = id, error = error.log, "the end of a query could not be stored");
        }
        self.active().remove(&id);
        // Nobody waits for this.
        drop(slot);
        if let Err(error) = self.forget_old(execution.region).await {
            tracing::warn!(error = error.log, "old queries could not be forgotten");
        }
    }

    async fn run(
        &self,
        execution: &Execution,
        plan: Option<Definition>,
        sink: &mut ResultSink,
        progress: &Arc<QueryProgress>,
        cancelled: watch::Receiver<bool>,
    ) -> End {
        let database = execution.database.as_deref().unwrap_or(DEFAULT).to_lowercase();
        let answered = match plan {
            None => {
                let sql = execution.statement.clone();
                let request = self.request(execution, sql, execution.parameters.clone(), &database).await;
                match request {
                    Ok(request) => self.ask(request, sink, progress, cancelled).await.map_err(|error| said(&error)),
                    Err(error) => Err(ours(&error)),
                }
            }
            Some(definition) => self.define(execution, definition, &database, sink, progress, cancelled).await,
        };
        if let Err(end) = answered {
            return end;
        }
        if let Err(error) = sink.finish().await {
            return said(&error);
        }
        self.write(execution, std::mem::take(&mut sink.text)).await
    }

    async fn request(
        &self,
        execution: &Execution,
        sql: String,
        parameters: Vec<String>,
        database: &str,
    ) -> Result<QueryRequest, ApiError> {
        let options = self.deps.options;
        Ok(QueryRequest {
            sql,
            parameters,
            tables: catalog::query_tables(&self.deps, execution.region).await?,
            default_database: Some(database.to_owned()),
            dialect: Dialect::Athena,
            limits: QueryLimits {
                memory_bytes: options.query_memory_bytes,
                max_rows: None,
                timeout_ms: options.query_timeout_ms,
                max_concurrency: options.query_threads,
            },
        })
    }

    /// Asks the engine, once it can see all that was recorded until now.
    async fn ask(
        &self,
        request: QueryRequest,
        sink: &mut dyn RowSink,
        progress: &Arc<QueryProgress>,
        mut cancelled: watch::Receiver<bool>,
    ) -> Result<(), QueryError> {
        let Some(engine) = &self.deps.query_engine else {
            let text = "This server has no SQL engine: queries cannot be run on it.";
            return Err(QueryError::new(QueryErrorKind::Internal, text));
        };
        if let Some(stores) = &self.deps.event_stores {
            let newest = self.deps.journal.durable_end();
            tokio::select! {
                biased;
                _ = cancelled.wait_for(|cancelled| *cancelled) => {
                    return Err(QueryError::new(QueryErrorKind::Cancelled, STOPPED));
                }
                _ = tokio::time::timeout(VISIBLE_WAIT, stores.visible(newest.get())) => {}
            }
        }
        let most = Duration::from_millis(request.limits.timeout_ms.saturating_add(TIMEOUT_GRACE_MS));
        let run = engine.run(request, sink, Arc::clone(progress), cancelled);
        let timed_out = |_| Err(QueryError::new(QueryErrorKind::TimedOut, "The query ran for too long."));
        tokio::time::timeout(most, run).await.unwrap_or_else(timed_out)
    }

    async fn define(
        &self,
        execution: &Execution,
        definition: Definition,
        database: &str,
        sink: &mut ResultSink,
        progress: &Arc<QueryProgress>,
        cancelled: watch::Receiver<bool>,
    ) -> Result<(), End> {
        let answer = ddl::carry_out(&self.deps, execution.region, database, definition).await;
        let (column, lines) = match answer {
            Ok(Answer::Lines(column, lines)) => (column, lines),
            Ok(Answer::Partitions(columns, sql)) => {
                let request = self.request(execution, sql, Vec::new(), database).await.map_err(|error| ours(&error))?;
                let mut found = FewRows::default();
                self.ask(request, &mut found, progress, cancelled).await.map_err(|error| said(&error))?;
                let line = |row: Vec<Option<String>>| {
                    let one = |(name, value): (&String, Option<String>)| {
                        format!("{name}={}", value.as_deref().unwrap_or("__HIVE_DEFAULT_PARTITION__"))
                    };
                    columns.iter().zip(row).map(one).collect::<Vec<_>>().join("/")
                };
                ("partition", found.rows.into_iter().map(line).collect())
            }
            Err(Failure::Asked(text)) => return Err(End::failed(text, true)),
            Err(Failure::Ours(error)) => return Err(ours(&error)),
        };
        sink.lines(column, lines).await.map_err(|error| said(&error))
    }

    /// Writes the result into the bucket. The caller was let when the query was asked.
    async fn write(&self, execution: &Execution, text: String) -> End {
        let content_type = if execution.has_header() { "text/csv" } else { "text/plain" };
        let (bucket, key) = (&execution.bucket, &execution.key);
        let url = format!("s3://{bucket}/{key}");
        match self.deps.buckets.put_permitted(bucket, key, text.into(), content_type).await {
            Ok(()) => End { state: ExecutionState::Succeeded, reason: None, by_user: false },
            Err(BucketError::NoSuchBucket) => End::failed(
                format!("The S3 location provided to save your query results is invalid: {url}: NoSuchBucket"),
                true,
            ),
            Err(BucketError::AccessDenied | BucketError::NoSuchKey | BucketError::Kms(_)) => {
                End::failed(format!("Access denied when writing output to url: {url}"), true)
            }
            Err(error @ BucketError::Unavailable(_)) => {
                tracing::error!(query = execution.id, %error, "a result could not be written");
                End::failed(format!("GENERIC_INTERNAL_ERROR: The result could not be written to {url}"), false)
            }
        }
    }

    /// Stores a query with which nothing more is to be done.
    async fn close(&self, execution: &Execution) -> Result<(), ApiError> {
        let put = EXECUTIONS.put_op(execution.id.as_bytes(), execution, Expect::Present);
        let ops = vec![put.map_err(ApiError::internal)?, OPEN.delete_op(execution.id.as_bytes(), Expect::Any)];
        self.deps.state.commit(ops).await.map_err(ApiError::unavailable)?;
        Ok(())
    }

    async fn get(&self, id: &str) -> Result<Option<Execution>, ApiError> {
        let found = EXECUTIONS.get(&*self.deps.state, id.as_bytes()).await.map_err(ApiError::unavailable)?;
        Ok(found.map(|doc| doc.value))
    }

    /// A query as it is now.
    pub async fn find(&self, id: &str, region: Region) -> Result<Execution, ApiError> {
        // Before the row: a query that ends in between is found ended.
        let now = self.deps.env.clock.monotonic_ms();
        let active =
            self.active().get(id).map(|active| (Arc::clone(&active.progress), active.submitted_ms, active.begun_ms));
        let oldest = self.deps.env.clock.now().ms().saturating_sub(KEPT_MS);
        let found = self.get(id).await?.filter(|found| found.region == region && found.submitted_ms >= oldest);
        let mut execution = found.ok_or_else(|| no_execution(id))?;
        if execution.state.is_over() {
            return Ok(execution);
        }
        match active {
            Some((progress, submitted_ms, begun_ms)) => {
                execution.bytes_scanned = progress.bytes_scanned();
                execution.queue_ms = begun_ms.unwrap_or(now).saturating_sub(submitted_ms);
                if let Some(begun) = begun_ms {
                    execution.state = ExecutionState::Running;
                    execution.engine_ms = now.saturating_sub(begun);
                }
            }
            None => interrupt(&mut execution),
        }
        Ok(execution)
    }

    /// Stops a query, if it is not over.
    pub async fn cancel(&self, id: &str, region: Region) -> Result<(), ApiError> {
        self.find(id, region).await?;
        if let Some(active) = self.active().get(id) {
            active.cancel.send_replace(true);
        }
        Ok(())
    }

    /// Some queries of a region, newest first, and the token of the next.
    pub async fn list(
        &self,
        region: Region,
        token: Option<&str>,
        max: usize,
    ) -> Result<(Vec<String>, Option<String>), ApiError> {
        let oldest = self.deps.env.clock.now().ms().saturating_sub(KEPT_MS);
        let mut range = Range::prefix(state::key::key(&[region.as_str()])).from(time_key(region, oldest, ""));
        if let Some(token) = token {
            let text = read_token(token)?;
            let (time, id) = text.split_once('/').ok_or_else(|| invalid("NextToken is not valid."))?;
            range = range.before(state::key::key(&[region.as_str(), time, id]));
        }
        let range = range.reverse();
        let docs = BY_TIME.scan(&*self.deps.state, range, max + 1).await.map_err(ApiError::unavailable)?;
        let mut found: Vec<(String, String)> = docs
            .iter()
            .filter_map(|doc| match state::key::texts(&doc.key)?.as_slice() {
                [_, time, id] => Some((time.clone(), id.clone())),
                _ => None,
            })
            .collect();
        let more = found.len() > max;
        found.truncate(max);
        let last = found.last().filter(|_| more);
        let next = last.map(|(time, id)| token_of(&format!("{time}/{id}")));
        Ok((found.into_iter().map(|(_, id)| id).collect(), next))
    }

    /// Forgets some queries of a region that are older than they are kept, with their rows. Files in buckets stay.
    async fn forget_old(&self, region: Region) -> Result<(), ApiError> {
        let oldest = self.deps.env.clock.now().ms().saturating_sub(KEPT_MS);
        let range = Range::prefix(state::key::key(&[region.as_str()])).before(time_key(region, oldest, ""));
        let docs = BY_TIME.scan(&*self.deps.state, range, FORGET_BATCH).await.map_err(ApiError::unavailable)?;
        for doc in docs {
            let id = state::key::texts(&doc.key).and_then(|parts| parts.into_iter().nth(2));
            let mut ops = vec![BY_TIME.delete_op(&doc.key, Expect::Any)];
            if let Some(execution) = match &id {
                Some(id) => self.get(id).await?,
                None => None,
            } {
                // Rows first: a query without them is tried again.
                results::forget(&*self.deps.objects, &execution.id).await.map_err(ApiError::unavailable)?;
                ops.push(EXECUTIONS.delete_op(execution.id.as_bytes(), Expect::Any));
                ops.extend(
                    execution.token.iter().map(|token| TOKENS.delete_op(&token_key(region, token), Expect::Any)),
                );
            }
            self.deps.state.commit(ops).await.map_err(ApiError::unavailable)?;
        }
        Ok(())
    }

    /// Interrupts all: the service ends. What somebody stopped before stays stopped.
    pub fn stop(&self) {
        for active in self.active().values_mut() {
            active.interrupted |= !active.cancel.send_replace(true);
        }
    }

    fn active(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn token_key(region: Region, token: &str) -> Vec<u8> {
    tokens::key(region, "StartQueryExecution", token)
}

/// Under which key a result goes: rows are CSV, what statements about tables answer is text.
pub fn result_key(prefix: &str, id: &str, plan: Option<&Definition>) -> String {
    format!("{prefix}{id}.{}", if plan.is_some() { "txt" } else { "csv" })
}

fn interrupt(execution: &mut Execution) {
    execution.state = ExecutionState::Failed;
    execution.reason = Some(INTERRUPTED.to_owned());
}

/// What a statement is: about tables, or (`None`) a query. What does not read as either is refused at once, as Athena does; names
/// and types are the run's business.
pub fn plan(statement: &str, parameters: &[String]) -> Result<Option<Definition>, ApiError> {
    match query_lang::parse(statement, query_lang::Dialect::Athena, parameters) {
        Ok(Query::Definition(definition)) => Ok(Some(definition)),
        Ok(Query::Read(_)) => Ok(None),
        Err(error) => match error.kind {
            Kind::Syntax | Kind::NotReading | Kind::Unsupported => Err(malformed(error.to_string())),
            Kind::UnknownName | Kind::Type => Ok(None),
        },
    }
}
