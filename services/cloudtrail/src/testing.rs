//! A world for tests: storage that outlives the service, buckets that can be made to refuse, a clock that stands still, and a fuse
//! that stops everything at the n-th access to storage.

use std::collections::BTreeMap;
use std::future::pending;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::env::{Disk, DiskFile, Stat};
use base::{Clock, Env, Region, Rng, Timestamp};
use bytes::Bytes;
use journal::{Journal, MemoryJournal};
use model::{Fields, Value};
use objects::{ObjectInfo, Objects, Reader, Writer};
use ports::{BucketError, BucketInfo, Buckets, Caller, ServicePut};
use service::{ApiError, Call};
use state::{CommitInfo, Op, Range, Row, State, Table};
use tokio::sync::Notify;

use crate::{CloudTrail, Deps, Options};

pub const ACCOUNT: &str = "123456789012";
/// 2026-03-01T12:00:00Z.
pub const START_MS: i64 = 1_772_366_400_000;

/// A clock that moves when told.
pub struct FakeClock(AtomicI64);

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

impl FakeClock {
    /// A day from now.
    pub fn now_plus_day(&self) -> Timestamp {
        self.now().plus_ms(base::time::DAY_MS)
    }

    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

struct NoRng;

impl Rng for NoRng {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

struct NoDisk;

impl Disk for NoDisk {
    fn open(&self, _: &Path, _: bool) -> std::io::Result<Box<dyn DiskFile>> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn list(&self, _: &Path) -> std::io::Result<Vec<String>> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn create_dir_all(&self, _: &Path) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn rename(&self, _: &Path, _: &Path) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn remove(&self, _: &Path) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn remove_dir(&self, _: &Path) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn sync_dir(&self, _: &Path) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn stat(&self, _: &Path) -> std::io::Result<Option<Stat>> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

/// Counts accesses to storage; at the last one everything stops for ever, as in a crash.
#[derive(Default)]
pub struct Fuse {
    left: AtomicI64,
    pub blown: Notify,
    commits_left: AtomicI64,
}

impl Fuse {
    /// Blows at the `n`-th step from here; 0 never.
    pub fn set(&self, n: i64) {
        self.left.store(n, Ordering::SeqCst);
    }

    /// The `n`-th commit from here is done but answered with a failure; 0 never.
    pub fn deny_commit(&self, n: i64) {
        self.commits_left.store(n, Ordering::SeqCst);
    }

    /// Whether the denied commit is still to come.
    pub fn denies(&self) -> bool {
        self.commits_left.load(Ordering::SeqCst) > 0
    }

    async fn step(&self) {
        if self.left.load(Ordering::SeqCst) > 0 && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.blown.notify_one();
            pending::<()>().await;
        }
    }
}

pub struct Fused<T> {
    pub inner: T,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl State for Fused<state::Memory> {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, state::Error> {
        self.inner.get(table, key).await
    }

    async fn scan(&self, table: Table, range: Range, limit: usize) -> Result<Vec<Row>, state::Error> {
        self.inner.scan(table, range, limit).await
    }

    async fn commit(&self, ops: Vec<Op>) -> Result<CommitInfo, state::Error> {
        self.fuse.step().await;
        let done = self.inner.commit(ops).await;
        self.fuse.step().await;
        if self.fuse.denies() && self.fuse.commits_left.fetch_sub(1, Ordering::SeqCst) == 1 {
            return Err(state::Error::Full);
        }
        done
    }
}

#[async_trait]
impl Objects for Fused<objects::Memory> {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), objects::Error> {
        self.fuse.step().await;
        let done = self.inner.put(name, bytes).await;
        self.fuse.step().await;
        done
    }

    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>, objects::Error> {
        self.inner.writer(name).await
    }

    async fn get(&self, name: &str, range: Option<std::ops::Range<u64>>) -> Result<Reader, objects::Error> {
        self.inner.get(name, range).await
    }

    async fn delete(&self, name: &str) -> Result<(), objects::Error> {
        self.fuse.step().await;
        let done = self.inner.delete(name).await;
        self.fuse.step().await;
        done
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectInfo>, objects::Error> {
        self.inner.list(prefix, after, limit).await
    }
}

/// What a bucket holds: content and metadata by key.
pub type Stored = BTreeMap<String, (Bytes, Vec<(String, String)>)>;

/// Buckets in memory.
#[derive(Default)]
pub struct FakeBuckets {
    pub buckets: Mutex<BTreeMap<String, Stored>>,
    /// What puts and checks fail with, by bucket.
    pub refusals: Mutex<BTreeMap<String, BucketError>>,
    fuse: Arc<Fuse>,
}

impl FakeBuckets {
    pub fn add(&self, bucket: &str) {
        self.buckets.lock().unwrap().entry(bucket.to_owned()).or_default();
    }

    pub fn refuse(&self, bucket: &str, error: Option<BucketError>) {
        let mut refusals = self.refusals.lock().unwrap();
        match error {
            Some(error) => refusals.insert(bucket.to_owned(), error),
            None => refusals.remove(bucket),
        };
    }

    fn refusal(&self, bucket: &str) -> Result<(), BucketError> {
        if let Some(error) = self.refusals.lock().unwrap().get(bucket) {
            return Err(error.clone());
        }
        let known = self.buckets.lock().unwrap().contains_key(bucket);
        if known { Ok(()) } else { Err(BucketError::NoSuchBucket) }
    }
}

#[async_trait]
impl Buckets for FakeBuckets {
    async fn describe(&self, bucket: &str) -> Result<Option<BucketInfo>, BucketError> {
        let known = self.buckets.lock().unwrap().contains_key(bucket);
        Ok(known.then(|| BucketInfo { region: Region::US_EAST_1, account: ACCOUNT.to_owned() }))
    }

    async fn check(&self, put: &ServicePut) -> Result<(), BucketError> {
        assert_eq!((&*put.principal, &*put.acl), ("cloudtrail.amazonaws.com", "bucket-owner-full-control"));
        self.refusal(&put.bucket)
    }

    async fn put(&self, put: ServicePut) -> Result<(), BucketError> {
        self.fuse.step().await;
        self.refusal(&put.bucket)?;
        {
            let mut buckets = self.buckets.lock().unwrap();
            let bucket = buckets.get_mut(&put.bucket).unwrap();
            let new = (put.body, put.metadata);
            if let Some(old) = bucket.get(&put.key) {
                assert_eq!(*old, new, "{} was written again with other bytes", put.key);
            }
            bucket.insert(put.key, new);
        }
        self.fuse.step().await;
        Ok(())
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<(Bytes, Vec<(String, String)>), BucketError> {
        let buckets = self.buckets.lock().unwrap();
        let stored = buckets.get(bucket).ok_or(BucketError::NoSuchBucket)?;
        stored.get(key).cloned().ok_or(BucketError::NoSuchKey)
    }
}

/// What outlives the service.
pub struct World {
    pub journal: MemoryJournal,
    pub state: state::Memory,
    pub objects: objects::Memory,
    pub buckets: Arc<FakeBuckets>,
    pub clock: Arc<FakeClock>,
    pub fuse: Arc<Fuse>,
}

impl World {
    /// Empty but for the buckets `logs` and `other`.
    pub fn new() -> World {
        let fuse = Arc::new(Fuse::default());
        let buckets = FakeBuckets { fuse: Arc::clone(&fuse), ..FakeBuckets::default() };
        buckets.add("logs");
        buckets.add("other");
        World {
            journal: MemoryJournal::new(),
            state: state::Memory::new(),
            objects: objects::Memory::new(),
            buckets: Arc::new(buckets),
            clock: Arc::new(FakeClock(AtomicI64::new(START_MS))),
            fuse,
        }
    }

    pub fn deps(&self) -> Deps {
        Deps {
            env: Env { clock: Arc::clone(&self.clock) as Arc<dyn Clock>, rng: Arc::new(NoRng), disk: Arc::new(NoDisk) },
            account: ACCOUNT.into(),
            journal: Arc::new(self.journal.reopen()),
            state: Arc::new(Fused { inner: self.state.clone(), fuse: Arc::clone(&self.fuse) }),
            objects: Arc::new(Fused { inner: self.objects.clone(), fuse: Arc::clone(&self.fuse) }),
            buckets: Arc::clone(&self.buckets) as Arc<dyn Buckets>,
            options: Options { delivery_interval_ms: 5_000, digest_interval_ms: 20_000, ..Options::default() },
        }
    }

    /// The service, opened on what is there.
    pub async fn open(&self) -> Arc<CloudTrail> {
        CloudTrail::new(self.deps()).await.unwrap()
    }

    /// Appends a record as the gateway does.
    pub async fn record(&self, json: &str) -> u64 {
        let mut buffer = vec![0; worker::entry::FINISH_HEAD_BYTES];
        buffer.extend_from_slice(json.as_bytes());
        self.journal.append(vec![worker::entry::finish(None, buffer)]).await.unwrap().get()
    }

    /// Appends a management event.
    pub async fn event(&self, id: &str, region: &str) -> u64 {
        let time = self.clock.now().iso8601_secs();
        self.record(&format!(
            r#"{{"eventID":"{id}","eventTime":"{time}","awsRegion":"{region}","eventName":"DescribeThings","eventSource":"ec2.amazonaws.com","readOnly":true,"managementEvent":true,"eventCategory":"Management"}}"#
        ))
        .await
    }
}

/// A call in a region.
pub fn call(region: &str) -> Call {
    Call {
        caller: Caller::Root { account: ACCOUNT.into(), access_key_id: "AKIAROOT".into() },
        account: ACCOUNT.into(),
        region: Region::parse(region).unwrap(),
        time: Timestamp::from_ms(START_MS),
        request_id: "request".to_owned(),
        operation: "operation".into(),
        headers: http::HeaderMap::new(),
        query: String::new(),
        host: "localhost:4566".to_owned(),
        body: Mutex::default(),
        reply: Mutex::default(),
        notes: Mutex::default(),
    }
}

/// Runs an operation as the gateway does, JSON in, JSON out. The record of a call that ends a trail's logging follows it.
pub async fn run(
    cloudtrail: &Arc<CloudTrail>,
    region: &str,
    operation: &str,
    input: serde_json::Value,
) -> Result<serde_json::Value, ApiError> {
    let (request_id, result) = run_unrecorded(cloudtrail, region, operation, input).await;
    if matches!(operation, "StopLogging" | "DeleteTrail") {
        record_call(cloudtrail, region, operation, &request_id).await;
    }
    result
}

/// The same without a record. Returns the request's identifier too, for [`record_call`].
pub async fn run_unrecorded(
    cloudtrail: &Arc<CloudTrail>,
    region: &str,
    operation: &str,
    input: serde_json::Value,
) -> (String, Result<serde_json::Value, ApiError>) {
    let definition = crate::definition(Arc::clone(cloudtrail));
    let handler = Arc::clone(&definition.operations[operation]);
    let Value::Struct(input) = from_json(input) else { panic!("the input of {operation} is no object") };
    let mut call = call(region);
    call.request_id = format!("request-{}", REQUESTS.fetch_add(1, Ordering::Relaxed));
    let result = handler.run(&call, input).await;
    (call.request_id, result.map(|fields| to_json(Value::Struct(fields))))
}

/// Requests get names of their own.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// The record of a call that ends a trail's logging, which the trail still selects.
pub async fn record_call(cloudtrail: &Arc<CloudTrail>, region: &str, operation: &str, request_id: &str) {
    let time = cloudtrail.shared.env.clock.now().iso8601_secs();
    let mut buffer = vec![0; worker::entry::FINISH_HEAD_BYTES];
    let record = format!(
        r#"{{"eventID":"of-{request_id}","eventTime":"{time}","awsRegion":"{region}","eventName":"{operation}","eventSource":"cloudtrail.amazonaws.com","requestID":"{request_id}","readOnly":false,"managementEvent":true,"eventCategory":"Management"}}"#
    );
    buffer.extend_from_slice(record.as_bytes());
    // A world that has crashed takes no more.
    let _ = cloudtrail.shared.journal.append(vec![worker::entry::finish(None, buffer)]).await;
}

fn from_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Object(members) => {
            let mut fields = Fields::new();
            for (name, value) in members {
                // Times are the only members that end so.
                match (name.ends_with("Time"), value.as_i64()) {
                    (true, Some(ms)) => fields.push(name.as_str(), Timestamp::from_ms(ms)),
                    _ => fields.push(name.as_str(), from_json(value)),
                }
            }
            Value::Struct(fields)
        }
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Number(number) => Value::Int(number.as_i64().unwrap()),
        serde_json::Value::Bool(flag) => Value::Bool(flag),
        serde_json::Value::Null => Value::Null,
    }
}

fn to_json(value: Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => flag.into(),
        Value::Int(number) => number.into(),
        Value::Double(number) => number.into(),
        Value::String(text) => text.into(),
        Value::Blob(bytes) => base::ids::hex(&bytes).into(),
        Value::Timestamp(time) => time.iso8601().into(),
        Value::List(items) => items.into_iter().map(to_json).collect(),
        Value::Struct(fields) => {
            fields.iter().map(|(name, value)| (name.to_string(), to_json(value.clone()))).collect()
        }
    }
}
