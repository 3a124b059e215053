//! What the tests share: a service in memory, and calls of its operations as the gateway makes them.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use base::{Clock, Env, Region, Rng, Timestamp};
use bytes::Bytes;
use service::{ApiError, Body, Call, Operation};

use crate::S3;
use crate::ops::*;

/// A clock that a test moves.
pub(crate) struct TestClock(pub(crate) AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

struct Counting(AtomicU64);

impl Rng for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = next[at % next.len()];
        }
    }
}

/// A service and all that it stands on.
pub(crate) struct Stand {
    pub(crate) state: state::Memory,
    pub(crate) objects: objects::Memory,
    pub(crate) clock: Arc<TestClock>,
    rng: Arc<Counting>,
}

impl Stand {
    pub(crate) fn new() -> Stand {
        Stand {
            state: state::Memory::new(),
            objects: objects::Memory::new(),
            clock: Arc::new(TestClock(AtomicI64::new(1_700_000_000_000))),
            rng: Arc::new(Counting(AtomicU64::new(1))),
        }
    }

    /// The service, as after a start.
    pub(crate) fn start(&self) -> S3 {
        self.start_on(Arc::new(self.objects.clone()))
    }

    /// The service with its blobs behind something else.
    pub(crate) fn start_on(&self, objects: Arc<dyn objects::Objects>) -> S3 {
        let mut env = system::env();
        env = Env { clock: self.clock.clone(), rng: self.rng.clone(), disk: env.disk };
        S3::new(Arc::new(self.state.clone()), objects, env, "123456789012".into(), keys())
    }

    /// The names of all blobs.
    pub(crate) async fn blobs(&self) -> Vec<String> {
        use objects::Objects as _;
        self.objects.list("", None, 1000).await.unwrap().into_iter().map(|info| info.name).collect()
    }
}

/// A host key, always the same.
pub(crate) fn keys() -> Arc<seal::HostKeys> {
    Arc::new(seal::HostKeys::parse(&"5e".repeat(32)).unwrap())
}

/// A service in memory.
pub(crate) fn service() -> S3 {
    Stand::new().start()
}

/// A call as the gateway makes it.
pub(crate) fn a_call() -> Call {
    Call {
        caller: ports::Caller::Root { account: "123456789012".into(), access_key_id: "AKIA".into() },
        account: "123456789012".into(),
        region: Region::US_EAST_1,
        time: Timestamp::EPOCH,
        request_id: String::new(),
        operation: "Test".into(),
        headers: http::HeaderMap::new(),
        query: String::new(),
        source_ip: "192.0.2.1".into(),
        tls: None,
        host: "localhost:4566".into(),
        body: Default::default(),
        reply: Default::default(),
        notes: Default::default(),
    }
}

/// Calls an operation.
pub(crate) async fn call<O: Operation<Service = S3>>(s3: &S3, input: O::Input) -> Result<O::Output, ApiError> {
    O::run(s3, &a_call(), input).await
}

/// Calls an operation with a body.
pub(crate) async fn send<O: Operation<Service = S3>>(
    s3: &S3,
    input: O::Input,
    body: impl Into<Bytes>,
) -> Result<O::Output, ApiError> {
    let call = a_call();
    *call.body.lock().unwrap() = Some(Body::from_bytes(body.into()));
    O::run(s3, &call, input).await
}

/// Makes a bucket.
pub(crate) async fn bucket(s3: &S3, name: &str) {
    let input = create_bucket::Input { bucket: name.into(), ..Default::default() };
    call::<CreateBucket>(s3, input).await.unwrap();
}

/// Switches versioning.
pub(crate) async fn versioning(s3: &S3, bucket: &str, status: &str) {
    let input = put_bucket_versioning::Input {
        bucket: bucket.into(),
        versioning_configuration: serde_json::from_value(serde_json::json!({ "Status": status })).unwrap(),
        ..Default::default()
    };
    call::<PutBucketVersioning>(s3, input).await.unwrap();
}

/// Gives a bucket a policy.
pub(crate) async fn set_policy(s3: &S3, bucket: &str, policy: &str) {
    let input = put_bucket_policy::Input { bucket: bucket.into(), policy: policy.into(), ..Default::default() };
    call::<PutBucketPolicy>(s3, input).await.unwrap();
}

/// Writes an object; its version, if the bucket has versioning.
pub(crate) async fn put(s3: &S3, bucket: &str, key: &str, body: impl Into<Bytes>) -> Option<String> {
    let input = put_object::Input { bucket: bucket.into(), key: key.into(), ..Default::default() };
    send::<PutObject>(s3, input, body).await.unwrap().version_id
}

/// Reads an object, or what refuses it.
pub(crate) async fn get(s3: &S3, input: get_object::Input) -> Result<(get_object::Output, Bytes), ApiError> {
    let call = a_call();
    let output = GetObject::run(s3, &call, input).await?;
    let body = call.reply.lock().unwrap().body.take().unwrap();
    Ok((output, body.collect(usize::MAX).await?))
}

/// An object's content, or the code of the refusal.
pub(crate) async fn content(s3: &S3, bucket: &str, key: &str, version_id: Option<&str>) -> Result<Bytes, String> {
    let version_id = version_id.map(str::to_owned);
    let input = get_object::Input { bucket: bucket.into(), key: key.into(), version_id, ..Default::default() };
    get(s3, input).await.map(|(_, content)| content).map_err(|error| error.code.into_owned())
}

/// Deletes an object or a version of it.
pub(crate) async fn delete(s3: &S3, bucket: &str, key: &str, version_id: Option<&str>) -> delete_object::Output {
    let version_id = version_id.map(str::to_owned);
    let input = delete_object::Input { bucket: bucket.into(), key: key.into(), version_id, ..Default::default() };
    call::<DeleteObject>(s3, input).await.unwrap()
}

/// Runs to the end, in a test that is not asynchronous itself.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
