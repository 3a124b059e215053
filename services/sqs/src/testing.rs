//! What tests of this crate stand on: the service over memory, with a clock that is set and users whose rights are given.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::{Clock, Env, Region, Timestamp};
use model::{Fields, Value};
use policy::{Policy, PolicySet};
use ports::{Authorizer, Caller, Datum, Identities, Identity, Metrics, Unavailable};
use service::{Access, ApiError, Call, Definition};

use crate::{Deps, Sqs};

pub const ACCOUNT: &str = "111111111111";
pub const START: i64 = 1_700_000_000_000;

pub struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

/// Root may everything, others nothing but what queues' policies let them.
struct OnlyRoot;

#[async_trait]
impl Identities for OnlyRoot {
    async fn identity(&self, caller: &Caller) -> Result<Identity, Unavailable> {
        let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let set = PolicySet::new([("all".to_owned(), Policy::parse(all).unwrap())]);
        let policies = if caller.is_root() { Arc::new(set) } else { Arc::default() };
        Ok(Identity { policies, ..Identity::default() })
    }
}

pub struct World {
    pub sqs: Arc<Sqs>,
    pub memory: state::Memory,
    pub metrics: Arc<FakeMetrics>,
    definition: Definition,
    clock: Arc<SetClock>,
}

/// What CloudWatch was told: where, of which position, what.
#[derive(Default)]
pub struct FakeMetrics {
    pub told: Mutex<Vec<(Region, u64, Vec<Datum>)>>,
}

#[async_trait]
impl Metrics for FakeMetrics {
    async fn put(&self, region: Region, source: &str, position: u64, data: Vec<Datum>) -> Result<(), Unavailable> {
        assert_eq!(source, "sqs");
        self.told.lock().unwrap().push((region, position, data));
        Ok(())
    }

    fn watched_from(&self, _: Region, _: &[(String, String)]) -> Option<i64> {
        None
    }
}

pub fn root() -> Caller {
    Caller::Root { account: ACCOUNT.into(), access_key_id: "AKIA".into() }
}

pub fn user(account: &str, name: &str) -> Caller {
    Caller::User {
        account: account.into(),
        user_id: format!("AIDA{name}").as_str().into(),
        user_name: name.into(),
        arn: format!("arn:aws:iam::{account}:user/{name}").as_str().into(),
        access_key_id: "AKIA".into(),
    }
}

/// JSON as a call's input.
pub fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(v) => Value::Bool(*v),
        serde_json::Value::Number(v) => Value::Int(v.as_i64().unwrap()),
        serde_json::Value::String(v) => Value::String(v.clone()),
        serde_json::Value::Array(v) => Value::List(v.iter().map(value).collect()),
        serde_json::Value::Object(v) => {
            Value::Struct(Fields(v.iter().map(|(k, v)| (k.as_str().into(), value(v))).collect()))
        }
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(v) => (*v).into(),
        Value::Int(v) => (*v).into(),
        Value::Double(v) => (*v).into(),
        Value::String(v) => v.clone().into(),
        Value::Blob(v) => base::ids::hex(v).into(),
        Value::Timestamp(v) => v.secs().into(),
        Value::List(v) => v.iter().map(json).collect(),
        Value::Struct(v) => v.iter().map(|(k, v)| (k.to_string(), json(v))).collect::<serde_json::Map<_, _>>().into(),
    }
}

async fn open(clock: &Arc<SetClock>, memory: &state::Memory, metrics: &Arc<FakeMetrics>) -> Arc<Sqs> {
    let env = Env { clock: Arc::clone(clock) as Arc<dyn Clock>, ..system::env() };
    let access = Access::new();
    let deps = Deps {
        env,
        account: ACCOUNT.into(),
        state: Arc::new(memory.clone()),
        keys: None,
        metrics: Some(Arc::clone(metrics) as Arc<dyn Metrics>),
        authorizer: Arc::clone(&access) as Arc<dyn Authorizer>,
        stopping: None,
        endpoint: None,
    };
    let sqs = Sqs::open(deps).await.unwrap();
    access.ask(Arc::new(OnlyRoot), None, &[Arc::clone(&sqs) as Arc<dyn ports::ResourcePolicies>]);
    // Whoever is asked is held by nobody else in tests.
    std::mem::forget(Arc::clone(&sqs));
    sqs
}

impl World {
    pub async fn new() -> World {
        let clock = Arc::new(SetClock(AtomicI64::new(START)));
        let memory = state::Memory::new();
        let metrics = Arc::default();
        let sqs = open(&clock, &memory, &metrics).await;
        let definition = crate::definition(Arc::clone(&sqs));
        World { sqs, memory, definition, clock, metrics }
    }

    /// The same tables, opened again as after a crash.
    pub async fn reopen(&mut self) {
        self.sqs = open(&self.clock, &self.memory, &self.metrics).await;
        self.definition = crate::definition(Arc::clone(&self.sqs));
    }

    pub fn pass_ms(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub fn pass(&self, secs: i64) {
        self.pass_ms(secs * 1000);
    }

    pub async fn by(
        &self,
        caller: Caller,
        operation: &str,
        input: serde_json::Value,
    ) -> Result<serde_json::Value, ApiError> {
        let (name, handler) = self.definition.operations.get_key_value(operation).unwrap();
        let call = Call {
            caller,
            account: ACCOUNT.into(),
            region: Region::US_EAST_1,
            time: self.clock.now(),
            request_id: "r".to_owned(),
            operation: Arc::from(*name),
            headers: http::HeaderMap::new(),
            query: String::new(),
            source_ip: "127.0.0.1".into(),
            tls: None,
            host: "localhost:4566".to_owned(),
            body: Mutex::default(),
            reply: Mutex::default(),
            notes: Mutex::default(),
        };
        let Value::Struct(input) = value(&input) else { panic!("not an object") };
        handler.run(&call, input).await.map(|output| json(&Value::Struct(output)))
    }

    /// As root.
    pub async fn run(&self, operation: &str, input: serde_json::Value) -> serde_json::Value {
        self.by(root(), operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// The code and text of the refusal that must come.
    pub async fn refused(&self, operation: &str, input: serde_json::Value) -> (String, String) {
        let error = self.by(root(), operation, input).await.expect_err(operation);
        (error.code.into_owned(), error.message)
    }

    /// A new queue's URL.
    pub async fn queue(&self, name: &str, attributes: serde_json::Value) -> String {
        let made = self.run("CreateQueue", serde_json::json!({"QueueName": name, "Attributes": attributes})).await;
        made["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Sends, and gives the message's identifier.
    pub async fn send(&self, url: &str, body: &str) -> String {
        let sent = self.run("SendMessage", serde_json::json!({"QueueUrl": url, "MessageBody": body})).await;
        sent["MessageId"].as_str().unwrap().to_owned()
    }

    /// Receives up to ten, and gives their bodies and handles.
    pub async fn receive(&self, url: &str) -> Vec<(String, String)> {
        let got = self.run("ReceiveMessage", serde_json::json!({"QueueUrl": url, "MaxNumberOfMessages": 10})).await;
        let text = |message: &serde_json::Value, name: &str| message[name].as_str().unwrap().to_owned();
        let messages = got["Messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| (text(message, "Body"), text(message, "ReceiptHandle"))).collect()
    }

    pub async fn bodies(&self, url: &str) -> Vec<String> {
        self.receive(url).await.into_iter().map(|(body, _)| body).collect()
    }
}
