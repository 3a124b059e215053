//! Stores with known records, and an engine over them, for the tests of this folder.

use std::sync::Arc;

use base::{Clock, Timestamp};
use eventstore::{Events, Stores};
use journal::{Journal, MemoryJournal};
use lake::{Engine, Options};
use ports::StoreId;
use ports::lake::{
    Column, Dialect, EventStores, NewRecord, QueryError, QueryLimits, QueryProgress, QueryRequest, QueryTable, TextRow,
};
use tokio::sync::watch;
use worker::Consumer;

/// 2026-01-01T00:00:00Z: when these tests run.
const NOW_MS: i64 = 1_767_225_600_000;

/// The records that answers are known for.
pub const RECORDS: &str = include_str!("records.jsonl");

/// Another store, with the records of one person, as event data stores have.
pub const OTHER: &str = "0e12f3f4-5678-90ab-cdef-0123456789ab";

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(NOW_MS)
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

/// Where records are when they are asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// In two parts.
    Parts,
    /// In memory, not sealed yet.
    Tail,
}

pub struct World {
    pub engine: Engine,
    /// Queries have threads of their own: those that wait for them keep their timers.
    runtime: Option<tokio::runtime::Runtime>,
    pub spill: tempfile::TempDir,
}

/// All of a result.
#[derive(Debug)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<TextRow>,
}

fn new(lines: &str) -> Vec<NewRecord> {
    lines.lines().map(|line| NewRecord::new(line.to_owned())).collect()
}

impl World {
    /// A store of these lines, and one of Alice's among them.
    pub async fn new(lines: &str, place: Place) -> World {
        let env = base::Env { clock: Arc::new(Stopped), ..system::env() };
        let stores = Stores::open(
            env.clone(),
            Arc::new(state::Memory::new()),
            Arc::new(objects::Memory::new()),
            eventstore::Options::default(),
        );
        let stores = stores.await.unwrap();
        let other = StoreId::parse(OTHER).unwrap();
        stores.create(&other, 3653).await.unwrap();
        let alices: String = lines
            .lines()
            .filter(|line| line.contains("user/alice\""))
            .fold(String::new(), |all, line| all + line + "\n");
        stores.append(&other, new(&alices)).await.unwrap();
        match place {
            Place::Parts => {
                let half = lines.lines().count() / 2;
                for part in [0..half, half..usize::MAX] {
                    let of: Vec<NewRecord> = lines
                        .lines()
                        .skip(part.start)
                        .take(part.len())
                        .map(|line| NewRecord::new(line.to_owned()))
                        .collect();
                    stores.append(&StoreId::events(), of).await.unwrap();
                }
            }
            Place::Tail => {
                let journal = Arc::new(MemoryJournal::new());
                for line in lines.lines() {
                    let mut buffer = vec![0; worker::entry::FINISH_HEAD_BYTES];
                    buffer.extend_from_slice(line.as_bytes());
                    journal.append(vec![worker::entry::finish(None, buffer)]).await.unwrap();
                }
                let mut events = Events::open(stores.clone(), journal.clone(), None).unwrap();
                let entries = journal.read(journal.first(), journal::ReadLimit::default()).unwrap();
                assert_eq!(entries.len(), lines.lines().count());
                events.take(&entries).await.unwrap();
                assert!(stores.snapshot(&StoreId::events()).unwrap().parts().is_empty());
            }
        }
        let spill = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let options = Options {
            spill_folder: Some(spill.path().to_owned()),
            spill_bytes_max: 4 << 30,
            runtime: runtime.handle().clone(),
        };
        World { engine: Engine::new(env, stores, options), runtime: Some(runtime), spill }
    }

    /// The whole answer, or the error.
    pub async fn ask(&self, request: QueryRequest) -> Result<Table, QueryError> {
        let (_keep, cancel) = watch::channel(false);
        self.ask_with(request, Arc::default(), cancel).await
    }

    pub async fn ask_with(
        &self,
        request: QueryRequest,
        progress: Arc<QueryProgress>,
        cancel: watch::Receiver<bool>,
    ) -> Result<Table, QueryError> {
        let mut answer = self.engine.start(request, progress, cancel).await?;
        let mut rows = Vec::new();
        while let Some(batch) = answer.next().await {
            rows.extend(answer.texts(&batch?)?);
        }
        Ok(Table { columns: answer.columns().to_vec(), rows })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A request over the stores of a [`World`].
pub fn request(sql: &str, dialect: Dialect) -> QueryRequest {
    let table = |name: &str, store: &str| QueryTable { name: name.to_owned(), store: StoreId::parse(store).unwrap() };
    let tables = match dialect {
        Dialect::Lake => {
            vec![table("events", "events"), table("abc123f4-5678-90ab-cdef-example", "events"), table(OTHER, OTHER)]
        }
        Dialect::Athena => vec![table("default.cloudtrail_logs", "events"), table("audit.alice", OTHER)],
    };
    QueryRequest {
        sql: sql.to_owned(),
        parameters: Vec::new(),
        tables,
        default_database: (dialect == Dialect::Athena).then(|| "default".to_owned()),
        dialect,
        limits: QueryLimits {
            memory_bytes: 128 << 20,
            max_rows: Some(100_000),
            timeout_ms: 60_000,
            max_concurrency: 2,
        },
    }
}
