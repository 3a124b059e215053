//! A world for tests: storage that outlives the service, buckets that can be made to refuse, a clock that stands still, and a fuse
//! that stops everything at the n-th access to storage.

use std::collections::BTreeMap;
use std::future::pending;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use base::env::{Disk, DiskFile, Stat};
use base::{Clock, Env, Region, Rng, Timestamp};
use bytes::Bytes;
use journal::{Journal, MemoryJournal};
use model::{Fields, Value};
use objects::{ObjectInfo, Objects, Reader, Writer};
use ports::{BucketError, BucketInfo, BucketObject, Buckets, Caller, OpenedObject, ServicePut};
use service::{ApiError, Call};
use state::{CommitInfo, Op, Range, Row, State, Table};
use tokio::sync::Notify;

use crate::fakes::{FakeKms, FakeOrganization};
use crate::lake::fakes::{FakeEngine, FakeStores, FakeTables};
use crate::{CloudTrail, Deps, DigestRegions, KeyMaker, Options, RsaKeyMaker};

pub const ACCOUNT: &str = "123456789012";
/// 2026-03-01T12:00:00Z.
pub const START_MS: i64 = 1_772_366_400_000;

/// A clock that moves when told.
pub struct FakeClock {
    wall_ms: AtomicI64,
    monotonic_ms: AtomicU64,
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.wall_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic_ms.load(Ordering::SeqCst)
    }
}

impl FakeClock {
    /// A day from now.
    pub fn now_plus_day(&self) -> Timestamp {
        self.now().plus_ms(base::time::DAY_MS)
    }

    /// Sets the time of day alone.
    pub fn set(&self, ms: i64) {
        self.wall_ms.store(ms, Ordering::SeqCst);
    }

    pub fn advance(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
        self.monotonic_ms.fetch_add(u64::try_from(ms).unwrap(), Ordering::SeqCst);
    }
}

/// Never the same twice, and the same in every run.
struct CountingRng(AtomicU64);

impl Rng for CountingRng {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
        let count = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        for (byte, counted) in bytes.iter_mut().rev().zip(count.iter().rev()) {
            *byte = *counted;
        }
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
    /// What puts and checks fail with, by bucket, or by bucket, colon, and a part of the key.
    pub refusals: Mutex<BTreeMap<String, BucketError>>,
    /// The key of KMS under which an object was put, by its key.
    pub encrypted: Mutex<BTreeMap<String, String>>,
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

    /// Writes an object anew, as its owner.
    pub fn repair(&self, bucket: &str, key: &str, body: Bytes) {
        self.buckets.lock().unwrap().get_mut(bucket).unwrap().insert(key.to_owned(), (body, Vec::new()));
    }

    fn refusal(&self, bucket: &str, key: &str) -> Result<(), BucketError> {
        for (what, error) in self.refusals.lock().unwrap().iter() {
            let (refused, part) = what.split_once(':').unwrap_or((what, ""));
            if refused == bucket && key.contains(part) {
                return Err(error.clone());
            }
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
        self.refusal(&put.bucket, &put.key)
    }

    /// What is refused under the name of the key, if anything.
    async fn kms_key(&self, put: &ServicePut) -> Result<(), BucketError> {
        match &put.kms_key {
            Some(key) => self.refusals.lock().unwrap().get(key).cloned().map_or(Ok(()), Err),
            None => Ok(()),
        }
    }

    async fn put(&self, put: ServicePut) -> Result<(), BucketError> {
        self.fuse.step().await;
        self.refusal(&put.bucket, &put.key)?;
        {
            let mut buckets = self.buckets.lock().unwrap();
            let bucket = buckets.get_mut(&put.bucket).unwrap();
            if let Some(kms_key) = put.kms_key {
                self.encrypted.lock().unwrap().insert(put.key.clone(), kms_key);
            }
            let new = (put.body, put.metadata);
            if let Some(old) = bucket.get(&put.key) {
                assert_eq!(*old, new, "{} was written again with other bytes", put.key);
            }
            bucket.insert(put.key, new);
        }
        self.fuse.step().await;
        Ok(())
    }

    async fn put_permitted(&self, _: &str, _: &str, _: Bytes, _: &str) -> Result<(), BucketError> {
        panic!("CloudTrail writes under the buckets' own policies")
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<(Bytes, Vec<(String, String)>), BucketError> {
        let buckets = self.buckets.lock().unwrap();
        let stored = buckets.get(bucket).ok_or(BucketError::NoSuchBucket)?;
        stored.get(key).cloned().ok_or(BucketError::NoSuchKey)
    }

    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<BucketObject>, BucketError> {
        let buckets = self.buckets.lock().unwrap();
        let stored = buckets.get(bucket).ok_or(BucketError::NoSuchBucket)?;
        let fits =
            stored.iter().filter(|(key, _)| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        let object = |(key, (body, _)): (&String, &(Bytes, _))| BucketObject {
            key: key.clone(),
            size: u64::try_from(body.len()).unwrap(),
            etag: String::new(),
            modified_ms: START_MS,
        };
        Ok(fits.map(object).collect())
    }

    async fn folders(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, BucketError> {
        let listed = self.list(bucket, prefix, None).await?;
        let names = listed.iter().filter_map(|object| object.key.strip_prefix(prefix)?.split_once('/'));
        let mut names: Vec<String> = names.map(|(name, _)| name.to_owned()).collect();
        names.dedup();
        Ok(names)
    }

    async fn open(&self, bucket: &str, key: &str) -> Result<OpenedObject, BucketError> {
        let (body, metadata) = self.get(bucket, key).await?;
        Ok(OpenedObject { metadata, content: Box::pin(futures_util::stream::iter([Ok(body)])) })
    }
}

/// Makes few keys and hands them out in turn: making one takes long.
#[derive(Default)]
pub struct FewKeys(AtomicUsize);

/// More than any test has at a time.
const FEW: usize = 4;
static KEYS: [OnceLock<Vec<u8>>; FEW] = [const { OnceLock::new() }; FEW];

impl KeyMaker for FewKeys {
    fn make(&self) -> Result<Vec<u8>, String> {
        let key = &KEYS[self.0.fetch_add(1, Ordering::SeqCst) % FEW];
        Ok(key.get_or_init(|| RsaKeyMaker.make().unwrap()).clone())
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
    pub keys: Arc<FewKeys>,
    rng: Arc<CountingRng>,
    pub kms: Arc<FakeKms>,
    pub organization: Arc<FakeOrganization>,
    pub event_stores: Arc<FakeStores>,
    pub query_engine: Arc<FakeEngine>,
    pub tables: Arc<FakeTables>,
    pub options: Mutex<Options>,
    pub watch: Mutex<crate::Watch>,
    /// Until then the bucket `logs` takes digests alone.
    pub late_until_ms: AtomicI64,
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
            clock: Arc::new(FakeClock { wall_ms: AtomicI64::new(START_MS), monotonic_ms: AtomicU64::new(1_000) }),
            fuse,
            keys: Arc::default(),
            rng: Arc::new(CountingRng(AtomicU64::new(0))),
            kms: Arc::default(),
            organization: Arc::default(),
            event_stores: Arc::default(),
            query_engine: Arc::default(),
            tables: Arc::default(),
            watch: Mutex::default(),
            options: Mutex::new(Options {
                delivery_interval_ms: 5_000,
                digest_interval_ms: 20_000,
                digest_regions: DigestRegions::Active,
                ..Options::default()
            }),
            late_until_ms: AtomicI64::new(0),
        }
    }

    /// Lets the bucket `logs` refuse log files, or take them, as the time is.
    pub fn refuse_the_late(&self) {
        let late = self.clock.now().ms() < self.late_until_ms.load(Ordering::SeqCst);
        self.buckets.refuse("logs:/CloudTrail/", late.then_some(BucketError::AccessDenied));
    }

    pub fn deps(&self) -> Deps {
        Deps {
            env: Env {
                clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
                rng: Arc::clone(&self.rng) as Arc<dyn Rng>,
                disk: Arc::new(NoDisk),
            },
            account: ACCOUNT.into(),
            is_member: false,
            journal: Arc::new(self.journal.reopen()),
            state: Arc::new(Fused { inner: self.state.clone(), fuse: Arc::clone(&self.fuse) }),
            objects: Arc::new(Fused { inner: self.objects.clone(), fuse: Arc::clone(&self.fuse) }),
            buckets: Arc::clone(&self.buckets) as Arc<dyn Buckets>,
            keys: Some(Arc::clone(&self.kms) as Arc<dyn ports::Keys>),
            organized: Some(self.organization.organized()),
            watch: self.watch.lock().unwrap().clone(),
            event_stores: Some(Arc::clone(&self.event_stores) as Arc<dyn ports::EventStores>),
            query_engine: Some(Arc::clone(&self.query_engine) as Arc<dyn ports::QueryEngine>),
            tables: Some(Arc::clone(&self.tables) as Arc<dyn ports::Tables>),
            key_maker: Arc::clone(&self.keys) as Arc<dyn KeyMaker>,
            options: *self.options.lock().unwrap(),
        }
    }

    /// The service, opened on what is there.
    pub async fn open(&self) -> Arc<CloudTrail> {
        let ct = CloudTrail::new(self.deps()).await.unwrap();
        self.organization.instances.lock().unwrap().insert(ACCOUNT.to_owned(), Arc::downgrade(&ct));
        ct
    }

    /// The service of another account, opened on what is there.
    pub async fn open_account(&self, account: &str) -> Arc<CloudTrail> {
        let deps = self.deps();
        let (state, objects) = (state::Scoped::new(deps.state, account), objects::Scoped::new(deps.objects, account));
        let (state, objects) = (Arc::new(state) as Arc<dyn State>, Arc::new(objects) as Arc<dyn Objects>);
        let deps = Deps { account: account.into(), is_member: true, state, objects, ..self.deps() };
        let ct = CloudTrail::new(deps).await.unwrap();
        self.organization.instances.lock().unwrap().insert(account.to_owned(), Arc::downgrade(&ct));
        ct
    }

    /// Appends a management event of an account.
    pub async fn event_of(&self, account: &str, id: &str, region: &str) -> u64 {
        let time = self.clock.now().iso8601_secs();
        self.record(&format!(
            r#"{{"eventID":"{id}","eventTime":"{time}","awsRegion":"{region}","eventName":"DescribeThings","eventSource":"ec2.amazonaws.com","readOnly":true,"recipientAccountId":"{account}","managementEvent":true,"eventCategory":"Management"}}"#
        ))
        .await
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
        source_ip: "127.0.0.1".into(),
        tls: None,
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
    let account = Arc::clone(&cloudtrail.shared.account);
    run_as(cloudtrail, &account, region, operation, input).await
}

/// The same for a caller of an account.
pub async fn run_as(
    cloudtrail: &Arc<CloudTrail>,
    account: &str,
    region: &str,
    operation: &str,
    input: serde_json::Value,
) -> Result<serde_json::Value, ApiError> {
    let (request_id, result) = run_unrecorded_as(cloudtrail, account, region, operation, input).await;
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
    let account = Arc::clone(&cloudtrail.shared.account);
    run_unrecorded_as(cloudtrail, &account, region, operation, input).await
}

async fn run_unrecorded_as(
    cloudtrail: &Arc<CloudTrail>,
    account: &str,
    region: &str,
    operation: &str,
    input: serde_json::Value,
) -> (String, Result<serde_json::Value, ApiError>) {
    let definition = crate::definition(Arc::clone(cloudtrail));
    let handler = Arc::clone(&definition.operations[operation]);
    let Value::Struct(input) = from_json(input) else { panic!("the input of {operation} is no object") };
    let mut call = call(region);
    call.account = Arc::clone(&cloudtrail.shared.account);
    call.caller = Caller::Root { account: account.into(), access_key_id: "AKIAROOT".into() };
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
