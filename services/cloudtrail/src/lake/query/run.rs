//! How queries run: some at a time, each in a task of its own that ends by itself, by cancellation, or with the service. A query that
//! a crash interrupted has failed, and says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Region;
use journal::Seq;
use ports::KeyError;
use ports::lake::{
    Dialect, EVENTS, QueryError, QueryErrorKind, QueryLimits, QueryProgress, QueryRequest, QueryTable, StoreId,
};
use service::ApiError;
use state::{Expect, Range};
use tokio::sync::watch;

use super::deliver::{deliver, probe};
use super::results::{ResultSink, forget_pieces};
use super::row::{Delivery, DeliveryStatus, KEPT_MS, Query, QueryStatus, alias_key};
use crate::error::Error;
use crate::lake::change::store_id;
use crate::lake::data_store::{EventDataStore, Status, arn_of};
use crate::lake::names::{is_uuid, no_data_store};
use crate::rows::{self, Found, QUERIES, QUERIES_BY_TIME, QUERIES_OPEN, QUERY_ALIASES};
use crate::shared::Shared;

/// Source: CloudTrail user guide, "Quotas in AWS CloudTrail": concurrent queries.
pub const CONCURRENT_MAX: usize = 10;

/// The longest that a query waits for the newest records; then it reads what there is.
const VISIBLE_WAIT: Duration = Duration::from_secs(10);
/// How much longer than its time an engine may take to notice that it is over.
const TIMEOUT_GRACE_MS: u64 = 10_000;
/// The API's bound on error messages, in characters.
const ERROR_CHARS_MAX: usize = 1_000;
/// Open queries looked at when the service starts: far more than there can be.
const OPEN_MAX: usize = 10_000;
/// Queries forgotten at a time.
const FORGET_BATCH: usize = 100;

/// What a query that a restart interrupted failed with.
const INTERRUPTED: &str = "The query was interrupted because the server stopped. Start it again.";

/// A query that runs.
struct Running {
    cancel: watch::Sender<bool>,
    /// It is the server that stops, and nobody who cancels.
    interrupted: bool,
    progress: Arc<QueryProgress>,
    started_ms: u64,
}

/// All queries.
pub struct Queries {
    shared: Arc<Shared>,
    running: Mutex<BTreeMap<String, Running>>,
}

/// What belongs to a query beside its statement.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The alias it goes by.
    pub alias: Option<String>,
    /// The question that the statement was made of.
    pub prompt: Option<String>,
    /// The refresh that it is part of.
    pub refresh_id: Option<String>,
    /// Bucket, prefix and the URI that named them.
    pub delivery: Option<(String, String, String)>,
}

/// A statement that can run.
#[derive(Clone, Debug)]
pub struct Checked {
    request: QueryRequest,
    /// Which of the region's stores it reads (and perhaps the built-in one).
    pub stores: Vec<String>,
}

impl Queries {
    /// None runs.
    pub fn new(shared: Arc<Shared>) -> Queries {
        Queries { shared, running: Mutex::default() }
    }

    /// Says of queries that were running that they failed, and takes up deliveries that were pending. Called once at the start.
    pub async fn recover(self: &Arc<Self>) -> Result<(), ApiError> {
        let open = self.shared.state.scan(QUERIES_OPEN, Range::all(), OPEN_MAX).await.map_err(ApiError::unavailable)?;
        for row in open {
            let id = String::from_utf8_lossy(&row.key).into_owned();
            let Some(found) = self.get(&id).await? else { continue };
            let mut query = found.value;
            if query.status == QueryStatus::Finished {
                let this = Arc::clone(self);
                tokio::spawn(async move { this.deliver(query).await });
                continue;
            }
            if !query.status.is_over() {
                query.status = QueryStatus::Failed;
                query.error = Some(INTERRUPTED.to_owned());
                query.finished_ms = Some(self.shared.env.clock.now().ms());
                give_up_delivery(&mut query);
            }
            self.close(&query).await?;
        }
        Ok(())
    }

    /// Checks a statement, as StartQuery and dashboards do, over the stores of its region.
    pub fn check(
        &self,
        statement: &str,
        parameters: Vec<String>,
        here: &[EventDataStore],
    ) -> Result<Checked, ApiError> {
        let Some(engine) = &self.shared.query_engine else {
            let text = "This server has no SQL engine: queries cannot be run on it.";
            return Err(Error::UnsupportedOperationException(text.to_owned()).into());
        };
        // The built-in store has the records of every account: it is for the server's first.
        let mut tables = Vec::new();
        if !self.shared.is_member {
            tables.push(QueryTable { name: EVENTS.to_owned(), store: StoreId::events() });
        }
        for store in here {
            tables.push(QueryTable { name: store.id.clone(), store: store_id(&store.id)? });
        }
        let options = &self.shared.options;
        let limits = QueryLimits {
            memory_bytes: options.query_memory_bytes,
            max_rows: None,
            timeout_ms: options.query_timeout_ms,
            max_concurrency: options.query_threads,
        };
        let request = QueryRequest {
            sql: statement.to_owned(),
            parameters,
            tables,
            default_database: None,
            dialect: Dialect::Lake,
            limits,
        };
        let read = engine.check(&request).map_err(|error| refusal(statement, &error))?;
        let stores: Vec<String> = read.iter().map(|store| store.as_str().to_owned()).collect();
        let pending = here.iter().find(|store| store.status == Status::PendingDeletion && stores.contains(&store.id));
        if let Some(store) = pending {
            let text = format!("The event data store is inactive: {} is pending deletion.", store.arn);
            return Err(Error::InactiveEventDataStoreException(text).into());
        }
        Ok(Checked { request, stores })
    }

    /// Starts a query. Returns its UUID when it is durable that it was asked.
    pub async fn start(self: &Arc<Self>, region: Region, checked: Checked, ask: Ask) -> Result<String, ApiError> {
        let Checked { request, stores } = checked;
        let id = base::ids::uuid(&*self.shared.env.rng);
        let now = self.shared.env.clock.now();
        let delivery = match ask.delivery {
            Some((bucket, prefix, uri)) => {
                let source = stores.iter().find(|store| is_uuid(store)).map_or("*", String::as_str);
                let source_arn = arn_of(region, &self.shared.account, source);
                let delivery = Delivery { uri, bucket, prefix, source_arn, status: DeliveryStatus::Pending };
                self.check_bucket(&probe(&self.shared.account, &delivery, &id, now)).await?;
                Some(delivery)
            }
            None => None,
        };
        let query = Query {
            version: 1,
            id: id.clone(),
            region,
            statement: request.sql.clone(),
            alias: ask.alias,
            prompt: ask.prompt,
            refresh_id: ask.refresh_id,
            stores,
            status: QueryStatus::Running,
            created_ms: now.ms(),
            finished_ms: None,
            execution_ms: 0,
            error: None,
            rows_scanned: 0,
            bytes_scanned: 0,
            rows_matched: 0,
            columns: Vec::new(),
            chunks: Vec::new(),
            inline: Vec::new(),
            delivery,
        };
        let (cancel, cancelled) = watch::channel(false);
        let progress = Arc::new(QueryProgress::default());
        let started_ms = self.shared.env.clock.monotonic_ms();
        {
            let mut running = self.running();
            if running.len() >= CONCURRENT_MAX {
                let text = format!(
                    "You are already running the maximum number of concurrent queries: {CONCURRENT_MAX}. Wait a minute for some \
                     queries to finish, and then run the query again."
                );
                return Err(Error::MaxConcurrentQueriesException(text).into());
            }
            let new = Running { cancel, interrupted: false, progress: Arc::clone(&progress), started_ms };
            running.insert(id.clone(), new);
        }
        if let Err(error) = self.shared.state.commit(query.first_ops()).await {
            self.running().remove(&id);
            return Err(ApiError::unavailable(error));
        }
        let this = Arc::clone(self);
        tokio::spawn(async move { this.execute(query, request, progress, cancelled).await });
        Ok(id)
    }

    async fn check_bucket(&self, put: &ports::ServicePut) -> Result<(), ApiError> {
        use ports::BucketError::{AccessDenied, NoSuchBucket};
        self.shared.buckets.check(put).await.map_err(|error| match error {
            NoSuchBucket => Error::S3BucketDoesNotExistException(put.bucket.clone()).into(),
            AccessDenied => Error::InsufficientS3BucketPolicyException(put.bucket.clone()).into(),
            other => ApiError::unavailable(other),
        })
    }

    async fn execute(
        self: Arc<Self>,
        mut query: Query,
        request: QueryRequest,
        progress: Arc<QueryProgress>,
        mut cancelled: watch::Receiver<bool>,
    ) {
        let started_ms = self.shared.env.clock.monotonic_ms();
        let id = query.id.clone();
        let mut sink = ResultSink::new(Arc::clone(&self.shared.objects), &id);
        let mut outcome = self.run(request, &mut sink, &progress, cancelled.clone()).await;
        // What there is of a result that was cut short is kept too.
        match sink.finish().await {
            Ok(rows) => query.inline = rows,
            Err(error) => outcome = outcome.and(Err(error)),
        }
        let was_stopped = *cancelled.borrow_and_update();
        let was_interrupted = was_stopped && self.running().get(&id).is_some_and(|running| running.interrupted);
        let (status, error) = match outcome {
            _ if was_stopped && !was_interrupted => (QueryStatus::Cancelled, None),
            Ok(()) => (QueryStatus::Finished, None),
            Err(_) if was_interrupted => (QueryStatus::Failed, Some(INTERRUPTED.to_owned())),
            Err(error) => match error.kind {
                QueryErrorKind::TimedOut => (QueryStatus::TimedOut, Some(error.to_string())),
                QueryErrorKind::Cancelled => (QueryStatus::Cancelled, None),
                _ => (QueryStatus::Failed, Some(error.to_string())),
            },
        };
        query.status = status;
        query.error = error.map(|error| error.chars().take(ERROR_CHARS_MAX).collect());
        query.columns = sink.columns;
        query.chunks = sink.chunks;
        query.finished_ms = Some(self.shared.env.clock.now().ms());
        query.execution_ms = self.shared.env.clock.monotonic_ms().saturating_sub(started_ms);
        query.rows_scanned = progress.rows_scanned();
        query.bytes_scanned = progress.bytes_scanned();
        query.rows_matched = progress.rows_matched().max(query.result_rows());
        if status != QueryStatus::Finished {
            give_up_delivery(&mut query);
        }
        let deliver = query.delivery.is_some() && status == QueryStatus::Finished;
        let stored = if deliver { self.store(&query).await } else { self.close(&query).await };
        if let Err(error) = stored {
            // Its row says that it runs and nothing runs: that is shown as a failure.
            tracing::error!(query = id, error = error.log, "the end of a query could not be stored");
        }
        self.running().remove(&id);
        if deliver {
            self.deliver(query).await;
        }
    }

    async fn run(
        &self,
        request: QueryRequest,
        sink: &mut ResultSink,
        progress: &Arc<QueryProgress>,
        mut cancelled: watch::Receiver<bool>,
    ) -> Result<(), QueryError> {
        let Some(engine) = &self.shared.query_engine else {
            return Err(QueryError::new(QueryErrorKind::Internal, "There is no SQL engine."));
        };
        if let Some(stores) = &self.shared.event_stores {
            let newest: Seq = self.shared.journal.durable_end();
            tokio::select! {
                biased;
                _ = cancelled.wait_for(|cancelled| *cancelled) => {
                    return Err(QueryError::new(QueryErrorKind::Cancelled, "The query was cancelled."));
                }
                _ = tokio::time::timeout(VISIBLE_WAIT, stores.visible(newest.get())) => {}
            }
            for store in engine.check(&request)? {
                stores.unlock(&store).await.map_err(|error| locked(&store, &error))?;
            }
        }
        let most = Duration::from_millis(request.limits.timeout_ms.saturating_add(TIMEOUT_GRACE_MS));
        let run = engine.run(request, sink, Arc::clone(progress), cancelled);
        let timed_out = |_| Err(QueryError::new(QueryErrorKind::TimedOut, "The query ran for too long."));
        tokio::time::timeout(most, run).await.unwrap_or_else(timed_out)
    }

    /// Delivers a finished result, and notes how that went.
    async fn deliver(&self, mut query: Query) {
        let Some(delivery) = query.delivery.clone() else { return };
        let status = deliver(&self.shared, &query, &delivery).await;
        query.delivery = Some(Delivery { status, ..delivery });
        if let Err(error) = self.close(&query).await {
            tracing::error!(query = query.id, error = error.log, "the delivery of a result could not be noted");
        }
    }

    async fn store(&self, query: &Query) -> Result<(), ApiError> {
        let put = rows::put(QUERIES, query.id.as_str(), query, Expect::Present);
        self.shared.state.commit(vec![put]).await.map_err(ApiError::unavailable)?;
        Ok(())
    }

    /// Stores a query with which nothing more is to be done.
    async fn close(&self, query: &Query) -> Result<(), ApiError> {
        let ops = vec![
            rows::put(QUERIES, query.id.as_str(), query, Expect::Present),
            rows::delete(QUERIES_OPEN, query.id.as_str(), Expect::Any),
        ];
        self.shared.state.commit(ops).await.map_err(ApiError::unavailable)?;
        Ok(())
    }

    async fn get(&self, id: &str) -> Result<Option<Found<Query>>, ApiError> {
        rows::get(&*self.shared.state, QUERIES, id.as_bytes()).await.map_err(ApiError::unavailable)
    }

    /// A query as it is now.
    pub async fn find(&self, id: &str, region: Region) -> Result<Query, ApiError> {
        // Before the row: a query that ends in between is found ended.
        let running = self.running_now(id);
        let found = self.get(id).await?.map(|found| found.value).filter(|query| query.region == region);
        let mut query = found.ok_or_else(|| unknown(id))?;
        if query.status.is_over() {
            return Ok(query);
        }
        match running {
            Some((progress, execution_ms, cancelled)) => {
                query.rows_scanned = progress.rows_scanned();
                query.bytes_scanned = progress.bytes_scanned();
                query.rows_matched = progress.rows_matched();
                query.execution_ms = execution_ms;
                if cancelled {
                    query.status = QueryStatus::Cancelled;
                }
            }
            None => {
                query.status = QueryStatus::Failed;
                query.error = Some(INTERRUPTED.to_owned());
                give_up_delivery(&mut query);
            }
        }
        Ok(query)
    }

    /// The last query under an alias, or the one of a refresh.
    pub async fn find_by_alias(&self, alias: &str, refresh_id: &str, region: Region) -> Result<Query, ApiError> {
        let key = alias_key(region, alias, refresh_id);
        let found =
            rows::get::<String>(&*self.shared.state, QUERY_ALIASES, &key).await.map_err(ApiError::unavailable)?;
        let id = found.ok_or_else(|| unknown(alias))?.value;
        self.find(&id, region).await
    }

    /// Cancels a query. An error if it is over.
    pub async fn cancel(&self, id: &str, region: Region) -> Result<Query, ApiError> {
        let query = self.find(id, region).await?;
        if query.status.is_over() {
            let text = format!("The query {id} cannot be cancelled because it is in a terminal state.");
            return Err(Error::InactiveQueryException(text).into());
        }
        if let Some(running) = self.running().get(id) {
            running.cancel.send_replace(true);
        }
        self.find(id, region).await
    }

    /// Forgets queries that are older than a week, with their results.
    pub async fn forget_old(&self) -> Result<(), ApiError> {
        let before = self.shared.env.clock.now().ms().saturating_sub(KEPT_MS);
        let before = rows::seq_text(u64::try_from(before).unwrap_or(0));
        let range = Range::all().before(state::key::key(&[before.as_str()]));
        loop {
            let rows = self.shared.state.scan(QUERIES_BY_TIME, range.clone(), FORGET_BATCH).await;
            let rows = rows.map_err(ApiError::unavailable)?;
            for row in &rows {
                let id =
                    state::key::parts(&row.key).and_then(|parts| String::from_utf8(parts.into_iter().nth(1)?).ok());
                let found = match &id {
                    Some(id) => self.get(id).await?,
                    None => None,
                };
                let Some(found) = found else {
                    let delete = rows::delete(QUERIES_BY_TIME, row.key.clone(), Expect::Any);
                    self.shared.state.commit(vec![delete]).await.map_err(ApiError::unavailable)?;
                    continue;
                };
                self.forget(&found.value).await?;
            }
            if rows.len() < FORGET_BATCH {
                return Ok(());
            }
        }
    }

    async fn forget(&self, query: &Query) -> Result<(), ApiError> {
        // Results first: a row without them is tried again.
        if query.inline.is_empty() {
            forget_pieces(&*self.shared.objects, &query.id).await.map_err(ApiError::unavailable)?;
        }
        let latest = match &query.alias {
            Some(alias) => {
                let key = alias_key(query.region, alias, "");
                let found = rows::get::<String>(&*self.shared.state, QUERY_ALIASES, &key).await;
                found.map_err(ApiError::unavailable)?.is_some_and(|found| found.value == query.id)
            }
            None => false,
        };
        self.shared.state.commit(query.last_ops(latest)).await.map_err(ApiError::unavailable)?;
        Ok(())
    }

    /// Interrupts all that runs: the service ends. What somebody cancelled before stays cancelled.
    pub fn stop(&self) {
        for running in self.running().values_mut() {
            running.interrupted |= !running.cancel.send_replace(true);
        }
    }

    pub(super) fn running_now(&self, id: &str) -> Option<(Arc<QueryProgress>, u64, bool)> {
        let now = self.shared.env.clock.monotonic_ms();
        let running = self.running();
        let one = running.get(id)?;
        let cancelled = *one.cancel.borrow() && !one.interrupted;
        Some((Arc::clone(&one.progress), now.saturating_sub(one.started_ms), cancelled))
    }

    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The refusal for a query that is not there.
pub fn unknown(id: &str) -> Error {
    Error::QueryIdNotFoundException(format!("The query ID does not exist or does not map to a query: {id}"))
}

/// A query of a store whose key of KMS may not be used. CloudTrail API reference, UpdateEventDataStore, `KmsKeyId`: users cannot query
/// what was encrypted with a key that is disabled or gone, or that CloudTrail may not use.
fn locked(store: &StoreId, error: &KeyError) -> QueryError {
    let text = match error {
        KeyError::Refused { code, message } => {
            format!("The event data store {store} cannot be read without its KMS key: {code}: {message}")
        }
        KeyError::Unavailable(error) => {
            tracing::error!(%store, %error, "a query was given up, since KMS did not answer");
            format!("The event data store {store} cannot be read: KMS is not available now. Please try again.")
        }
    };
    QueryError::new(QueryErrorKind::Locked, text)
}

fn give_up_delivery(query: &mut Query) {
    let cancelled = query.status == QueryStatus::Cancelled;
    if let Some(delivery) = &mut query.delivery {
        delivery.status = if cancelled { DeliveryStatus::Cancelled } else { DeliveryStatus::Failed };
    }
}

/// A statement that cannot be run. One that names a store that is not there is refused as such.
fn refusal(statement: &str, error: &QueryError) -> ApiError {
    if let (QueryErrorKind::UnknownName, Some(line), Some(column)) = (error.kind, error.line, error.column) {
        let line = statement.lines().nth(usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX));
        let place = line.map(|line| line.chars().skip(usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX)));
        let word: Option<String> = place.map(|place| place.skip_while(|c| *c == '"').take(36).collect());
        if let Some(id) = word.filter(|word| is_uuid(&word.to_ascii_lowercase())) {
            return no_data_store(&id).into();
        }
    }
    Error::InvalidQueryStatementException(error.to_string()).into()
}
