//! What tests of this crate stand on: the service over memory, a crew that takes what it puts, and fakes of all that it asks.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::{Clock, Env, Region, Timestamp};
use bytes::Bytes;
use journal::{Journal, MemoryJournal};
use model::{Fields, Value};
use objects::Objects;
use ports::{
    AccessRequest, Authorizer, BucketError, BucketInfo, BucketObject, Buckets, Caller, DataKey, Datum, Decision,
    FilterPreview, Functions, HandOver, KeyError, KeyInfo, KeyUse, Keys, Layer, MetricFilters, Metrics, OnBehalf,
    OpenedObject, PastEvents, PlainKey, RequestContext, ServicePut, ServiceRoles, Unavailable,
};
use service::{ApiError, Call, Definition};
use worker::Crew;

use crate::{Deps, Logs};

pub const ACCOUNT: &str = "111111111111";
pub const START: i64 = 1_700_000_000_000;

pub struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

type Put = (Region, String, u64, Vec<Datum>);

/// What metrics, functions, buckets, keys, roles and policies would be.
#[derive(Default)]
pub struct World {
    pub metrics: Mutex<Vec<Put>>,
    pub metrics_fail: AtomicBool,
    /// What metrics were given they took, but their answer does not come.
    pub metrics_answer_lost: AtomicBool,
    pub watched_from: Mutex<Option<i64>>,
    pub invoked: Mutex<Vec<(String, Bytes)>>,
    pub functions_fail: AtomicBool,
    pub puts: Mutex<Vec<ServicePut>>,
    pub key_is_disabled: AtomicBool,
    pub denies: AtomicBool,
}

#[async_trait]
impl Metrics for World {
    async fn put(&self, region: Region, source: &str, position: u64, data: Vec<Datum>) -> Result<(), Unavailable> {
        if self.metrics_fail.load(Ordering::SeqCst) {
            return Err(Unavailable("metrics are away".to_owned()));
        }
        let mut all = self.metrics.lock().unwrap();
        let known = all.iter().rev().find(|(of, from, ..)| *of == region && from == source).map(|(_, _, at, _)| *at);
        if known.is_none_or(|known| position > known) {
            all.push((region, source.to_owned(), position, data));
        }
        if self.metrics_answer_lost.load(Ordering::SeqCst) {
            return Err(Unavailable("metrics do not answer".to_owned()));
        }
        Ok(())
    }

    fn watched_from(&self, _: Region, _: &[(String, String)]) -> Option<i64> {
        *self.watched_from.lock().unwrap()
    }
}

#[async_trait]
impl Functions for World {
    fn is_known(&self, function_arn: &str) -> bool {
        function_arn.ends_with(":function:known")
    }

    async fn invoke(&self, function_arn: &str, payload: Bytes) -> Result<Bytes, HandOver> {
        if self.functions_fail.load(Ordering::SeqCst) {
            return Err(HandOver::Unavailable("it hangs".to_owned()));
        }
        self.invoked.lock().unwrap().push((function_arn.to_owned(), payload));
        Ok(Bytes::new())
    }
}

#[async_trait]
impl Buckets for World {
    async fn describe(&self, bucket: &str) -> Result<Option<BucketInfo>, BucketError> {
        let info = BucketInfo { region: Region::US_EAST_1, account: ACCOUNT.to_owned() };
        Ok((bucket != "missing").then_some(info))
    }

    async fn check(&self, put: &ServicePut) -> Result<(), BucketError> {
        if put.bucket == "closed" { Err(BucketError::AccessDenied) } else { Ok(()) }
    }

    async fn kms_key(&self, _: &ServicePut) -> Result<(), BucketError> {
        Ok(())
    }

    async fn put(&self, put: ServicePut) -> Result<(), BucketError> {
        self.puts.lock().unwrap().push(put);
        Ok(())
    }

    async fn put_permitted(&self, _: &str, _: &str, _: Bytes, _: &str) -> Result<(), BucketError> {
        Ok(())
    }

    async fn get(&self, _: &str, _: &str) -> Result<(Bytes, Vec<(String, String)>), BucketError> {
        Err(BucketError::NoSuchKey)
    }

    async fn list(&self, _: &str, _: &str, _: Option<&str>) -> Result<Vec<BucketObject>, BucketError> {
        Ok(Vec::new())
    }

    async fn folders(&self, _: &str, _: &str) -> Result<Vec<String>, BucketError> {
        Ok(Vec::new())
    }

    async fn open(&self, _: &str, _: &str) -> Result<OpenedObject, BucketError> {
        Err(BucketError::NoSuchKey)
    }
}

fn refused(code: &str) -> KeyError {
    KeyError::Refused { code: code.to_owned(), message: String::new() }
}

/// Data keys are their ciphertexts.
#[async_trait]
impl Keys for World {
    async fn describe(&self, _: Region, _: &str) -> Result<KeyInfo, KeyError> {
        Err(refused("NotFoundException"))
    }

    async fn generate_data_key(&self, asked: &KeyUse<'_>, bytes: usize) -> Result<DataKey, KeyError> {
        let arn = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:");
        assert!(asked.context[0].0 == "aws:logs:arn" && asked.context[0].1.starts_with(&arn));
        let key = vec![7; bytes];
        match asked.key {
            Some("closed") => Err(refused("AccessDeniedException")),
            Some("missing") => Err(refused("NotFoundException")),
            _ if self.key_is_disabled.load(Ordering::SeqCst) => Err(refused("DisabledException")),
            _ => Ok(DataKey { plaintext: key.clone(), ciphertext: key, key_arn: "arn:key".to_owned() }),
        }
    }

    async fn decrypt_data_key(&self, _: &KeyUse<'_>, _: &[u8]) -> Result<PlainKey, KeyError> {
        Err(refused("NotFoundException"))
    }

    async fn open_data_key(
        &self,
        _: Region,
        key: &str,
        _: &[(&str, &str)],
        ciphertext: &[u8],
    ) -> Result<PlainKey, KeyError> {
        if self.key_is_disabled.load(Ordering::SeqCst) {
            return Err(refused("DisabledException"));
        }
        Ok(PlainKey { plaintext: ciphertext.to_vec(), key_arn: key.to_owned() })
    }
}

#[async_trait]
impl ServiceRoles for World {
    async fn act_as(&self, _: &OnBehalf, role_arn: &str, _: &str) -> Result<Caller, HandOver> {
        if role_arn.ends_with("missing") { Err(HandOver::NotFound("no role".to_owned())) } else { Ok(root()) }
    }
}

#[async_trait]
impl Authorizer for World {
    async fn decide(&self, _: &AccessRequest<'_>) -> Result<Decision, Unavailable> {
        let denies = self.denies.load(Ordering::SeqCst);
        Ok(if denies { Decision::ImplicitDeny(Layer::Identity) } else { Decision::FREE })
    }
}

pub fn root() -> Caller {
    Caller::Root { account: ACCOUNT.into(), access_key_id: "AKIA".into() }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(v) => Value::Bool(*v),
        serde_json::Value::Number(v) => v.as_i64().map_or_else(|| Value::Double(v.as_f64().unwrap()), Value::Int),
        serde_json::Value::String(v) => Value::String(v.clone()),
        serde_json::Value::Array(v) => Value::List(v.iter().map(value).collect()),
        serde_json::Value::Object(v) => {
            Value::Struct(Fields(v.iter().map(|(k, v)| (k.as_str().into(), value(v))).collect()))
        }
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null | Value::Blob(_) => serde_json::Value::Null,
        Value::Bool(v) => (*v).into(),
        Value::Int(v) => (*v).into(),
        Value::Double(v) => (*v).into(),
        Value::String(v) => v.clone().into(),
        Value::Timestamp(v) => v.secs().into(),
        Value::List(v) => v.iter().map(json).collect(),
        Value::Struct(v) => v.iter().map(|(k, v)| (k.to_string(), json(v))).collect::<serde_json::Map<_, _>>().into(),
    }
}

/// A consumer that ends when its server crashes.
struct Mortal(crate::LogsConsumer, Arc<AtomicBool>);

impl Mortal {
    fn alive(&self) -> Result<(), worker::Failure> {
        let is_dead = self.1.load(Ordering::SeqCst);
        if is_dead { Err(worker::Failure("the server has crashed".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl worker::Consumer for Mortal {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn needs(&self) -> journal::Seq {
        self.0.needs()
    }

    async fn take(&mut self, entries: &[journal::Entry]) -> Result<(), worker::Failure> {
        self.alive()?;
        self.0.take(entries).await
    }

    async fn idle(&mut self) -> Result<(), worker::Failure> {
        self.alive()?;
        self.0.idle().await
    }

    async fn stop(&mut self) -> Result<(), worker::Failure> {
        self.alive()?;
        self.0.stop().await
    }
}

/// The service, running.
pub struct Running {
    pub logs: Arc<Logs>,
    pub world: Arc<World>,
    pub clock: Arc<SetClock>,
    pub state: Arc<dyn state::State>,
    pub objects: Arc<dyn Objects>,
    pub journal: MemoryJournal,
    definition: Definition,
    crew: Crew,
    is_dead: Arc<AtomicBool>,
}

impl Running {
    pub async fn new() -> Running {
        let clock = Arc::new(SetClock(AtomicI64::new(START)));
        let state: Arc<dyn state::State> = Arc::new(state::Memory::new());
        let objects: Arc<dyn Objects> = Arc::new(objects::Memory::new());
        Running::open(Arc::default(), clock, state, objects, MemoryJournal::new()).await
    }

    async fn open(
        world: Arc<World>,
        clock: Arc<SetClock>,
        state: Arc<dyn state::State>,
        objects: Arc<dyn Objects>,
        journal: MemoryJournal,
    ) -> Running {
        let env = Env { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..system::env() };
        let shared: Arc<dyn Journal> = Arc::new(journal.reopen());
        let logs = Logs::open(Deps {
            env: env.clone(),
            account: ACCOUNT.into(),
            state: Arc::clone(&state),
            objects: Arc::clone(&objects),
            journal: Arc::clone(&shared),
            metrics: Some(Arc::clone(&world) as Arc<dyn Metrics>),
            keys: Some(Arc::clone(&world) as Arc<dyn Keys>),
            buckets: Arc::clone(&world) as Arc<dyn Buckets>,
            functions: Some(Arc::clone(&world) as Arc<dyn Functions>),
            outbound: None,
            roles: Some(Arc::clone(&world) as Arc<dyn ServiceRoles>),
            authorizer: Arc::clone(&world) as Arc<dyn Authorizer>,
        })
        .await
        .unwrap();
        let crew = Crew::new(shared, env);
        let is_dead = Arc::new(AtomicBool::new(false));
        crew.add(Mortal(logs.consumer().await.unwrap(), Arc::clone(&is_dead)));
        let definition = crate::definition(Arc::clone(&logs));
        Running { logs, world, clock, state, objects, journal, definition, crew, is_dead }
    }

    /// As after a crash: nothing is sealed on the way.
    pub async fn crash(self) -> Running {
        let Running { world, clock, state, objects, journal, is_dead, .. } = self;
        is_dead.store(true, Ordering::SeqCst);
        Running::open(world, clock, state, objects, journal).await
    }

    /// As after a stop: all is sealed.
    pub async fn restart(self) -> Running {
        self.crew.stop().await;
        self.crash().await
    }

    pub fn pass_ms(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub async fn try_run(&self, operation: &str, input: serde_json::Value) -> Result<serde_json::Value, ApiError> {
        let (name, handler) = self.definition.operations.get_key_value(operation).unwrap();
        let call = Call {
            caller: root(),
            account: ACCOUNT.into(),
            region: Region::US_EAST_1,
            time: self.clock.now(),
            request_id: "r".to_owned(),
            operation: Arc::from(*name),
            headers: http::HeaderMap::new(),
            query: String::new(),
            source_ip: "127.0.0.1".into(),
            tls: None,
            host: "localhost".to_owned(),
            body: Mutex::default(),
            reply: Mutex::default(),
            notes: Mutex::default(),
        };
        let Value::Struct(input) = value(&input) else { panic!("not an object") };
        handler.run(&call, input).await.map(|output| json(&Value::Struct(output)))
    }

    pub async fn run(&self, operation: &str, input: serde_json::Value) -> serde_json::Value {
        self.try_run(operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error} {:?}", error.log))
    }

    /// Asks about past events of the group `g`, as somebody would.
    pub async fn of_past<T>(
        &self,
        days: u32,
        ask: impl AsyncFnOnce(&Logs, &PastEvents<'_>) -> Result<T, HandOver>,
    ) -> Result<T, HandOver> {
        let headers = http::HeaderMap::new();
        let context = RequestContext {
            time: self.clock.now(),
            region: Region::US_EAST_1,
            source_ip: "127.0.0.1",
            tls: None,
            headers: &headers,
            query: "",
            input: None,
            more: &[],
        };
        let caller = root();
        ask(&self.logs, &PastEvents { caller: &caller, context: &context, group: "g", days }).await
    }

    /// What a pattern would have matched in a day.
    pub async fn preview(&self, pattern: &str) -> FilterPreview {
        self.of_past(1, async |logs, asked| logs.preview(asked, pattern).await).await.unwrap()
    }

    /// The code and text of the refusal that must come.
    pub async fn refused(&self, operation: &str, input: serde_json::Value) -> (String, String) {
        let error = self.try_run(operation, input).await.expect_err(operation);
        (error.code.into_owned(), error.message)
    }
}
