//! What tests share: odd records, and a world whose storage outlives the stores.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use async_trait::async_trait;
use base::env::{Disk, DiskFile, Stat};
use base::{Clock, Env, Region, Rng, Timestamp};
use bytes::Bytes;
use futures_util::TryStreamExt;
use journal::{Journal, MemoryJournal};
use objects::{ObjectInfo, Objects, Reader, Writer};
use ports::lake::{QueryProgress, StoreKey};
use ports::{DataKey, KeyError, KeyInfo, KeyUse, Keys, PlainKey, StoreId, Unavailable};
use seal::HostKeys;
use state::{CommitInfo, Op, Range, Row, State, Table};
use tokio::sync::{Notify, watch};

use crate::{EVENT_JSON, Encryption, Options, Projection, ReadOptions, Stores};

/// 2026-03-01T12:00:00Z.
pub(crate) const START_MS: i64 = 1_772_366_400_000;

/// A clock that moves when told.
pub(crate) struct FakeClock(AtomicI64);

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

impl FakeClock {
    pub(crate) fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

/// Counts: every name is new, and the same in every run.
#[derive(Default)]
struct CountingRng(AtomicU64);

impl Rng for CountingRng {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes.iter_mut().zip(next.iter().cycle()).for_each(|(byte, next)| *byte = *next);
    }
}

struct NoDisk;

fn no_disk<T>() -> std::io::Result<T> {
    Err(std::io::ErrorKind::Unsupported.into())
}

impl Disk for NoDisk {
    fn open(&self, _: &Path, _: bool) -> std::io::Result<Box<dyn DiskFile>> {
        no_disk()
    }
    fn list(&self, _: &Path) -> std::io::Result<Vec<String>> {
        no_disk()
    }
    fn create_dir_all(&self, _: &Path) -> std::io::Result<()> {
        no_disk()
    }
    fn rename(&self, _: &Path, _: &Path) -> std::io::Result<()> {
        no_disk()
    }
    fn remove(&self, _: &Path) -> std::io::Result<()> {
        no_disk()
    }
    fn remove_dir(&self, _: &Path) -> std::io::Result<()> {
        no_disk()
    }
    fn sync_dir(&self, _: &Path) -> std::io::Result<()> {
        no_disk()
    }
    fn stat(&self, _: &Path) -> std::io::Result<Option<Stat>> {
        no_disk()
    }
}

/// Counts accesses to storage; at the last one everything stops for ever, as in a crash.
#[derive(Default)]
pub(crate) struct Fuse {
    left: AtomicI64,
    pub(crate) blown: Notify,
    denied: AtomicI64,
    held: watch::Sender<bool>,
}

impl Fuse {
    /// Blows at the `n`-th step from here; 0 never.
    pub(crate) fn set(&self, n: i64) {
        self.left.store(n, Ordering::SeqCst);
    }

    /// The `n`-th write from here is done but answered with a failure; 0 never.
    pub(crate) fn deny(&self, n: i64) {
        self.denied.store(n, Ordering::SeqCst);
    }

    /// Whether the denied write is still to come.
    pub(crate) fn denies(&self) -> bool {
        self.denied.load(Ordering::SeqCst) > 0
    }

    /// Every step waits, until it need not any more.
    pub(crate) fn hold(&self, hold: bool) {
        self.held.send_replace(hold);
    }

    async fn step(&self) {
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        if self.left.load(Ordering::SeqCst) > 0 && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.blown.notify_one();
            std::future::pending::<()>().await;
        }
    }

    fn denied(&self) -> bool {
        self.denies() && self.denied.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

struct Fused<T> {
    inner: T,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl State for Fused<Arc<state::Memory>> {
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
        if self.fuse.denied() { Err(state::Error::Full) } else { done }
    }
}

#[async_trait]
impl Objects for Fused<objects::Memory> {
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), objects::Error> {
        self.fuse.step().await;
        let done = self.inner.put(name, bytes).await;
        self.fuse.step().await;
        if self.fuse.denied() { Err(objects::Error::Full) } else { done }
    }

    async fn writer(&self, name: &str) -> Result<Box<dyn Writer>, objects::Error> {
        let inner = self.inner.writer(name).await?;
        Ok(Box::new(Fused { inner, fuse: Arc::clone(&self.fuse) }))
    }

    async fn get(&self, name: &str, range: Option<std::ops::Range<u64>>) -> Result<Reader, objects::Error> {
        self.inner.get(name, range).await
    }

    async fn delete(&self, name: &str) -> Result<(), objects::Error> {
        self.fuse.step().await;
        let done = self.inner.delete(name).await;
        self.fuse.step().await;
        if self.fuse.denied() { Err(objects::Error::Full) } else { done }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectInfo>, objects::Error> {
        self.inner.list(prefix, after, limit).await
    }
}

#[async_trait]
impl Writer for Fused<Box<dyn Writer>> {
    async fn write(&mut self, bytes: Bytes) -> Result<(), objects::Error> {
        self.inner.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<(), objects::Error> {
        self.fuse.step().await;
        let done = self.inner.finish().await;
        self.fuse.step().await;
        if self.fuse.denied() { Err(objects::Error::Full) } else { done }
    }
}

/// Storage that outlives the stores.
pub(crate) struct World {
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) env: Env,
    pub(crate) state: Arc<state::Memory>,
    pub(crate) objects: objects::Memory,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) fuse: Arc<Fuse>,
    pub(crate) keys: Arc<FakeKeys>,
    pub(crate) options: Options,
}

/// A key of KMS that wraps by turning bits over, while it is enabled.
#[derive(Default)]
pub(crate) struct FakeKeys {
    pub(crate) disabled: AtomicBool,
    /// KMS does not answer.
    pub(crate) silent: AtomicBool,
    pub(crate) asked: AtomicU64,
}

/// What makes data keys unlike what they are wrapped as.
const WRAP: u8 = 0x5a;

pub(crate) fn store_key() -> StoreKey {
    StoreKey {
        key_arn: "arn:aws:kms:us-east-1:123456789012:key/1".to_owned(),
        source_arn: "arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/1".to_owned(),
        region: Region::parse("us-east-1").unwrap(),
        data_key: vec![7; 32],
    }
}

#[async_trait]
impl Keys for FakeKeys {
    async fn describe(&self, _: Region, _: &str) -> Result<KeyInfo, KeyError> {
        panic!("stores are given a key that was looked at")
    }

    async fn generate_data_key(&self, _: &KeyUse<'_>, _: usize) -> Result<DataKey, KeyError> {
        panic!("stores are given a data key")
    }

    async fn decrypt_data_key(&self, asked: &KeyUse<'_>, ciphertext: &[u8]) -> Result<PlainKey, KeyError> {
        let key = store_key();
        assert_eq!((asked.key, asked.source_arn), (Some(&*key.key_arn), Some(&*key.source_arn)));
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.silent.load(Ordering::SeqCst) {
            return Err(KeyError::Unavailable(Unavailable("silence".to_owned())));
        }
        if self.disabled.load(Ordering::SeqCst) {
            let message = format!("{} is disabled.", key.key_arn);
            return Err(KeyError::Refused { code: "DisabledException".to_owned(), message });
        }
        Ok(PlainKey { plaintext: ciphertext.iter().map(|byte| byte ^ WRAP).collect(), key_arn: key.key_arn })
    }
}

impl World {
    pub(crate) fn new() -> World {
        let clock = Arc::new(FakeClock(AtomicI64::new(START_MS)));
        let env = Env {
            clock: Arc::<FakeClock>::clone(&clock),
            rng: Arc::new(CountingRng::default()),
            disk: Arc::new(NoDisk),
        };
        World {
            clock,
            env,
            state: Arc::default(),
            objects: objects::Memory::new(),
            journal: Arc::new(MemoryJournal::new()),
            fuse: Arc::default(),
            keys: Arc::default(),
            options: Options::default(),
        }
    }

    pub(crate) async fn open(&self) -> Arc<Stores> {
        let fuse = || Arc::clone(&self.fuse);
        let state = Arc::new(Fused { inner: Arc::clone(&self.state), fuse: fuse() });
        let objects = Arc::new(Fused { inner: self.objects.clone(), fuse: fuse() });
        loop {
            let (state, objects): (Arc<dyn State>, Arc<dyn Objects>) =
                (Arc::clone(&state) as _, Arc::clone(&objects) as _);
            let host_keys = Arc::new(HostKeys::parse(&"11".repeat(32)).unwrap());
            let keys = Arc::<FakeKeys>::clone(&self.keys);
            let encryption = Some(Encryption { keys, host_keys });
            let opened = Stores::open_with(self.env.clone(), state, objects, encryption, self.options.clone());
            if let Ok(stores) = opened.await {
                return stores;
            }
        }
    }

    /// A record in the journal.
    pub(crate) async fn recorded(&self, json: &str) {
        let mut buffer = vec![0; worker::entry::FINISH_HEAD_BYTES];
        buffer.extend_from_slice(json.as_bytes());
        self.journal.append(vec![worker::entry::finish(None, buffer)]).await.unwrap();
    }

    pub(crate) async fn object_names(&self) -> Vec<String> {
        let listed = self.objects.list("lake/", None, 1000).await.unwrap();
        listed.into_iter().map(|object| object.name).collect()
    }
}

/// A record of a time, in seconds from [`START_MS`].
pub(crate) fn record(id: &str, secs: i64) -> String {
    let time = Timestamp::from_ms(START_MS + secs * 1000).iso8601_secs();
    format!(
        r#"{{"eventVersion":"1.08","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::1:user/u{}","userName":"u{}"}},"eventTime":"{time}","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1","requestParameters":{{"bucketName":"b-{id}","n":{secs}}},"eventID":"{id}","readOnly":true}}"#,
        secs.rem_euclid(3),
        secs.rem_euclid(3),
    )
}

/// The texts of a column.
pub(crate) fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(column).unwrap().as_string_view();
    (0..column.len()).map(|row| column.is_valid(row).then(|| column.value(row).to_owned())).collect()
}

/// Every record of a store, as queries see them, sorted.
pub(crate) async fn all_records(stores: &Stores, store: &StoreId) -> Vec<String> {
    let mut found = read(stores, store, &ReadOptions::new(Projection::of([EVENT_JSON]).unwrap())).await;
    for batch in stores.snapshot(store).unwrap().tail() {
        found.extend(texts(batch, EVENT_JSON).into_iter().flatten());
    }
    found.sort();
    found
}

/// What the parts of a store give.
pub(crate) async fn read(stores: &Stores, store: &StoreId, options: &ReadOptions) -> Vec<String> {
    let snapshot = stores.snapshot(store).unwrap();
    let mut found = Vec::new();
    for part in snapshot.parts() {
        let batches = snapshot.read(part, options.clone(), Arc::new(QueryProgress::default()));
        for batch in batches.try_collect::<Vec<_>>().await.unwrap() {
            found.extend(texts(&batch, EVENT_JSON).into_iter().flatten());
        }
    }
    found
}

/// Records as odd as real ones, and odder.
pub(crate) const ODD_RECORDS: &[&str] = &[
    "{}",
    " { } \n",
    r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"AIDA","arn":"arn:aws:iam::1:user/a","accountId":"1","accessKeyId":"AKIA","userName":"a"},"eventTime":"2023-07-10T12:00:24Z","eventSource":"s3.amazonaws.com","eventName":"GetBucketTagging","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1","userAgent":"[aws-cli/2.0]","errorCode":"NoSuchTagSet","errorMessage":"The TagSet does not exist","requestParameters":{"tagging":"","bucketName":"b","Host":"b.s3.amazonaws.com"},"responseElements":null,"additionalEventData":{"SignatureVersion":"SigV4","bytesTransferredIn":0},"requestID":"FZHC","eventID":"f02d00a8-9736-4fa7-9c52-497d550c6092","readOnly":true,"resources":[{"accountId":"1","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b"}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"1","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.2","cipherSuite":"ECDHE","clientProvidedHostHeader":"b.s3.amazonaws.com"}}"#,
    r#"{"eventID":"a","eventID":"b","userIdentity":{"arn":"x","arn":"y"},"userIdentity":{"type":"u"},"eventID":null}"#,
    r#"{"userIdentity":null,"eventTime":null,"resources":null,"readOnly":null,"requestParameters":null}"#,
    r#"{"userIdentity":"me","eventTime":1689,"resources":{"a":1},"readOnly":"yes","requestParameters":"text","tlsDetails":[]}"#,
    r#"{"userIdentity":[1],"eventTime":"2023-07-10T12:00:24.120Z","resources":[],"readOnly":"False","errorCode":[1,2]}"#,
    r#"{"eventTime":"2023-07-10T12:00:24+02:00","eventName":"\u0041\"\\\/\ud83d\ude00\ud800","userAgent":"é \t\\"}"#,
    r#"{"resources":[null,7,{"ARN":"a","ARN":"b","type":null,"new":{"x":1}},[],{"accountId":1,"ARNPrefix":"p"}],"resources":[{"ARN":"\u0061"}]}"#,
    "{\n  \"eventName\" : \"X\" ,\r\n\t\"unknown\" : { \"deep\" : [ 1 , 2.5e+3 , \"\\n\" ] } , \"another\":\"one\" , \"n\":-0.0\n}\n",
    r#"{"sessionCredentialFromConsole":"true","managementEvent":"TRUE","eventjson":"x","":"empty name","eventName":""}"#,
    r#"{"userIdentity":{"sessionContext":{"webIdFederationData":{},"attributes":{"creationDate":"2023-07-10T11:55:22Z","mfaAuthenticated":"false"},"ec2RoleDelivery":"2.0","sessionIssuer":{}},"inScopeOf":{"a":1}},"addendum":{"reason":"DELIVERY_FAILURE","updatedFields":["eventID"]}}"#,
    r#"{"userIdentity":{"sessionContext":{"attributes":{"creationDate":"x"}},"sessionContext":[{"attributes":1}]},"event\u0049D":"escaped name"}"#,
    "{\"userAgent\":\"snow \u{2603} and \u{1f600}\",\"errorMessage\":\"\u{7f}\"}",
];
