//! [`Shared`]: what operations, consumers and the workers of trails have in common.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base::Env;
use journal::{Journal, Seq};
use objects::Objects;
use ports::{Buckets, EventStores, Keys, QueryEngine, Tables};
use service::ApiError;
use state::State;
use tokio::sync::watch;

use crate::delivery::outbox::Status;
use crate::delivery::worker::TrailWorker;
use crate::digest::key_maker::KeyMaker;
use crate::digest::keys::Signer;
use crate::error::Error;
use crate::figures::TrailFigures;
use crate::organization::Organized;
use crate::trail::Trail;
use crate::watch::Watch;

/// For which regions a trail of all regions gets digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DigestRegions {
    /// All of the trail's partition, as on AWS: where nothing happened, an empty digest says so.
    #[default]
    All,
    /// The trail's home region and those with events.
    Active,
}

/// How often files and digests are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a log file stays open at most.
    pub delivery_interval_ms: u64,
    /// How much time a digest covers.
    pub digest_interval_ms: u64,
    /// For how long a key signs digests.
    pub digest_key_lifetime_ms: u64,
    /// For which regions there are digests.
    pub digest_regions: DigestRegions,
    /// Whether each call gets a record. If not, nothing waits for one.
    pub recording: bool,
    /// How many records event history keeps in memory before it makes a segment of them.
    pub history_tail_records: usize,
    /// How long a query may run.
    pub query_timeout_ms: u64,
    /// How much memory a query may take before it spills or fails.
    pub query_memory_bytes: u64,
    /// Parts of a query that run at the same time.
    pub query_threads: usize,
}

impl Default for Options {
    /// As AWS: five minutes, an hour; a query may run for an hour. A key signs for a year.
    fn default() -> Options {
        Options {
            delivery_interval_ms: 300_000,
            digest_interval_ms: 3_600_000,
            digest_key_lifetime_ms: 365 * 24 * 3_600_000,
            digest_regions: DigestRegions::All,
            recording: true,
            history_tail_records: 8_192,
            query_timeout_ms: 3_600_000,
            query_memory_bytes: 256 * 1024 * 1024,
            query_threads: 2,
        }
    }
}

/// What the service needs of the rest of the program.
pub struct Deps {
    /// Clock and chance.
    pub env: Env,
    /// The account whose trails these are.
    pub account: Arc<str>,
    /// Whether other accounts' records and changes are in the same journal, under topics of their own: this account came to the server
    /// later than its first one.
    pub is_member: bool,
    /// Where records come from and trail changes go.
    pub journal: Arc<dyn Journal>,
    /// Trails, cursors, what waits to be delivered.
    pub state: Arc<dyn State>,
    /// Log files on their way, history.
    pub objects: Arc<dyn Objects>,
    /// Where log files and digests go.
    pub buckets: Arc<dyn Buckets>,
    /// Keys that trails and event data stores name; `None` if there are none.
    pub keys: Option<Arc<dyn Keys>>,
    /// Organizations; `None` if there are none.
    pub organized: Option<Organized>,
    /// Log groups and topics.
    pub watch: Watch,
    /// Records of any age, in columns; `None` if the server keeps none.
    pub event_stores: Option<Arc<dyn EventStores>>,
    /// What answers SQL over them; `None` if this program has no engine.
    pub query_engine: Option<Arc<dyn QueryEngine>>,
    /// What publishes event data stores as tables; `None` if nothing does.
    pub tables: Option<Arc<dyn Tables>>,
    /// Where the keys that sign digests come from: [`RsaKeyMaker`](crate::RsaKeyMaker), or a test's own.
    pub key_maker: Arc<dyn KeyMaker>,
    /// See [`Options`].
    pub options: Options,
}

/// See the module.
pub struct Shared {
    pub(crate) env: Env,
    pub(crate) account: Arc<str>,
    pub(crate) is_member: bool,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) state: Arc<dyn State>,
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) buckets: Arc<dyn Buckets>,
    pub(crate) keys: Option<Arc<dyn Keys>>,
    pub(crate) organized: Option<Organized>,
    pub(crate) watch: Watch,
    pub(crate) event_stores: Option<Arc<dyn EventStores>>,
    pub(crate) query_engine: Option<Arc<dyn QueryEngine>>,
    pub(crate) tables: Option<Arc<dyn Tables>>,
    pub(crate) options: Options,
    pub(crate) signer: Signer,
    /// Trails as of the last committed cut.
    trails: Mutex<BTreeMap<String, Arc<Trail>>>,
    workers: Mutex<BTreeMap<String, Arc<TrailWorker>>>,
    figures: Mutex<BTreeMap<String, Arc<TrailFigures>>>,
    /// How delivery to log groups last went, by trail.
    log_statuses: Mutex<BTreeMap<String, Status>>,
    /// The first entry that delivery has not committed.
    delivery_cursor: watch::Sender<u64>,
    /// The first entry that history has not taken.
    history_cursor: watch::Sender<u64>,
    /// Whether workers run by themselves (else a test runs them).
    background: AtomicBool,
    /// Contents of delivered log files could not be removed: delivery is to look for them.
    pub(crate) untidy: AtomicBool,
    /// Log files put into buckets since the start.
    pub(crate) files_delivered: AtomicU64,
}

impl Shared {
    /// The topic under which changes of this account are in the journal.
    pub(crate) fn topic(&self, topic: &str) -> String {
        scoped(topic, &self.account, self.is_member)
    }

    /// Whether a record is of this account.
    pub(crate) fn is_ours(&self, view: &record::RecordView<'_>) -> bool {
        let recipient = view.recipient_account_id.as_deref();
        recipient.map_or(!self.is_member, |recipient| recipient == &*self.account)
    }

    /// The account that a record is of: the server's first, if it does not say. `None` if that is some other one.
    pub(crate) fn account_of<'a>(&'a self, view: &'a record::RecordView<'_>) -> Option<&'a str> {
        view.recipient_account_id.as_deref().or((!self.is_member).then_some(&*self.account))
    }

    /// A consumer's name: of the account, if it is not the server's first.
    pub(crate) fn consumer_name(&self, name: &'static str) -> &'static str {
        // As often as there are accounts, once a start.
        if self.is_member { Box::leak(format!("{name} of {}", self.account).into_boxed_str()) } else { name }
    }

    /// Nothing is read or started yet.
    pub fn new(deps: Deps) -> Shared {
        let Deps {
            env,
            account,
            is_member,
            journal,
            state,
            objects,
            buckets,
            keys,
            organized,
            watch,
            event_stores,
            query_engine,
            tables,
            key_maker,
            options,
        } = deps;
        let signer = Signer::new(env.clone(), Arc::clone(&state), key_maker, options.digest_key_lifetime_ms);
        Shared {
            env,
            account,
            is_member,
            journal,
            state,
            objects,
            buckets,
            keys,
            organized,
            watch,
            event_stores,
            query_engine,
            tables,
            options,
            signer,
            trails: Mutex::default(),
            workers: Mutex::default(),
            figures: Mutex::default(),
            log_statuses: Mutex::default(),
            delivery_cursor: watch::Sender::new(0),
            history_cursor: watch::Sender::new(0),
            background: AtomicBool::new(false),
            untidy: AtomicBool::new(false),
            files_delivered: AtomicU64::new(0),
        }
    }

    /// What keeps records in columns; without it there are no event data stores.
    pub(crate) fn stores(&self) -> Result<&Arc<dyn EventStores>, ApiError> {
        let absent =
            || Error::UnsupportedOperationException("This server keeps no event data stores.".to_owned()).into();
        self.event_stores.as_ref().ok_or_else(absent)
    }

    /// The trail as delivery knows it.
    pub(crate) fn trail(&self, arn: &str) -> Option<Arc<Trail>> {
        self.trails.lock().unwrap_or_else(PoisonError::into_inner).get(arn).cloned()
    }

    /// Makes a committed change of a trail known to workers.
    pub(crate) fn set_trail(&self, arn: &str, trail: Option<Arc<Trail>>) {
        let mut trails = self.trails.lock().unwrap_or_else(PoisonError::into_inner);
        match trail {
            Some(trail) => trails.insert(arn.to_owned(), trail),
            None => trails.remove(arn),
        };
    }

    /// Tells the worker of a trail, made if there is none, that there is something to do.
    pub(crate) fn wake(self: &Arc<Self>, arn: &str) {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = workers.get(arn) {
            // Under the lock: a worker that is about to go sees it, or is gone.
            return worker.wake();
        }
        let worker = Arc::new(TrailWorker::new(Arc::clone(self), arn));
        worker.wake();
        workers.insert(arn.to_owned(), Arc::clone(&worker));
        if self.background.load(Ordering::Acquire) {
            tokio::spawn(worker.run());
        }
    }

    /// All workers so far.
    pub(crate) fn workers(&self) -> Vec<Arc<TrailWorker>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Drops a worker that has nothing to do any more. False if it was woken meanwhile: then it has to go on.
    pub(crate) fn retire(&self, worker: &Arc<TrailWorker>) -> bool {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        if worker.is_woken() {
            return false;
        }
        if workers.get(&worker.arn).is_some_and(|known| Arc::ptr_eq(known, worker)) {
            workers.remove(&worker.arn);
        }
        true
    }

    /// The figures of a trail, from zero if there are none yet.
    pub(crate) fn figures_of(&self, arn: &str) -> Arc<TrailFigures> {
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(figures.entry(arn.to_owned()).or_default())
    }

    /// The figures of all trails, by ARN.
    pub(crate) fn all_figures(&self) -> Vec<(String, Arc<TrailFigures>)> {
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.iter().map(|(arn, figures)| (arn.clone(), Arc::clone(figures))).collect()
    }

    /// How delivery to a trail's log group last went, if it was tried since the start.
    pub(crate) fn log_status(&self, arn: &str) -> Option<Status> {
        self.log_statuses.lock().unwrap_or_else(PoisonError::into_inner).get(arn).cloned()
    }

    /// Says how delivery to a trail's log group went.
    pub(crate) fn set_log_status(&self, arn: &str, status: Status) {
        self.log_statuses.lock().unwrap_or_else(PoisonError::into_inner).insert(arn.to_owned(), status);
    }

    /// Forgets it.
    pub(crate) fn forget_log_status(&self, arn: &str) {
        self.log_statuses.lock().unwrap_or_else(PoisonError::into_inner).remove(arn);
    }

    /// Drops the figures of a trail that is gone.
    pub(crate) fn forget_figures(&self, arn: &str) {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).remove(arn);
    }

    /// Lets workers run by themselves from here on.
    pub(crate) fn start_workers(&self) {
        if self.background.swap(true, Ordering::AcqRel) {
            return;
        }
        for worker in self.workers() {
            tokio::spawn(worker.run());
        }
    }

    /// Lets go of all workers.
    pub(crate) fn drop_workers(&self) {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Ends all workers' own tasks after what they are doing.
    pub(crate) fn stop_workers(&self) {
        self.background.store(false, Ordering::Release);
        self.workers().iter().for_each(|worker| worker.stop());
    }

    /// Delivery has committed everything before `seq`.
    pub(crate) fn delivery_at(&self, seq: Seq) {
        self.delivery_cursor.send_replace(seq.get());
    }

    /// Waits until delivery has committed everything before `seq`.
    pub(crate) async fn delivery_reaches(&self, seq: Seq) {
        let _ = self.delivery_cursor.subscribe().wait_for(|at| *at >= seq.get()).await;
    }

    /// History has taken everything before `seq`.
    pub(crate) fn history_at(&self, seq: Seq) {
        self.history_cursor.send_replace(seq.get());
    }

    /// Waits until history has taken everything before `seq`.
    pub(crate) async fn history_reaches(&self, seq: Seq) {
        let _ = self.history_cursor.subscribe().wait_for(|at| *at >= seq.get()).await;
    }
}

/// A topic of an account: plain for the server's first.
pub(crate) fn scoped(topic: &str, account: &str, is_member: bool) -> String {
    if is_member { format!("{topic}/{account}") } else { topic.to_owned() }
}
