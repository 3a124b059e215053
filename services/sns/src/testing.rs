//! What tests of this crate stand on: the service over memory, with a clock that is set, and subscribers that do as they are told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base::{Region, Timestamp};
use bytes::Bytes;
use model::{Fields, Value};
use policy::{Policy, PolicySet};
use ports::mail::{Mail, Mailer};
use ports::{
    Authorizer, Caller, DataKey, Datum, Functions, HandOver, Identities, Identity, KeyError, KeyInfo, KeyUse, Keys,
    LogGroups, LogTarget, LogsTaken, Metrics, Outbound, OutboundAnswer, OutboundRequest, PlainKey, QueueMessage,
    Queues, Unavailable,
};
use service::{Access, ApiError, Call, Definition};
use testkit::ManualClock;

use crate::{Deps, Signer, SmsTemplate, Sns};

pub const ACCOUNT: &str = "111111111111";
const START: i64 = 1_700_000_000_000;

/// Who calls with a name may all that identity-based policies may give; nobody else may anything by them.
struct Everything;

#[async_trait]
impl Identities for Everything {
    async fn identity(&self, caller: &Caller) -> Result<Identity, Unavailable> {
        let is_named = caller.account().is_some();
        let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let set = PolicySet::new(is_named.then(|| ("all".to_owned(), Policy::parse(text).unwrap())));
        Ok(Identity { policies: Arc::new(set), ..Identity::default() })
    }
}

/// What CloudWatch was told.
#[derive(Default)]
pub struct FakeMetrics(pub Mutex<Vec<Datum>>);

#[async_trait]
impl Metrics for FakeMetrics {
    async fn put(&self, _: Region, source: &str, _: u64, data: Vec<Datum>) -> Result<(), Unavailable> {
        assert_eq!(source, "sns");
        self.0.lock().unwrap().extend(data);
        Ok(())
    }

    fn watched_from(&self, _: Region, _: &[(String, String)]) -> Option<i64> {
        None
    }
}

/// Endpoints: what they were sent, and what they say. The host `hangs` never answers.
#[derive(Default)]
pub struct Endpoints {
    pub got: Mutex<Vec<OutboundRequest>>,
    pub say: Mutex<VecDeque<u16>>,
}

#[async_trait]
impl Outbound for Endpoints {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundAnswer, String> {
        let hangs = request.url.contains("//hangs");
        self.got.lock().unwrap().push(request);
        if hangs {
            std::future::pending::<()>().await;
        }
        let status = self.say.lock().unwrap().pop_front().unwrap_or(200);
        if status == 0 {
            return Err("refused".to_owned());
        }
        Ok(OutboundAnswer { status, body: Bytes::new() })
    }
}

#[derive(Default)]
pub struct FakeQueues(pub Mutex<Vec<QueueMessage>>);

#[async_trait]
impl Queues for FakeQueues {
    async fn send(&self, message: QueueMessage) -> Result<String, HandOver> {
        if message.queue_arn.ends_with(":gone") {
            return Err(HandOver::NotFound("no such queue".to_owned()));
        }
        self.0.lock().unwrap().push(message);
        Ok("m".to_owned())
    }
}

#[derive(Default)]
pub struct FakeFunctions(pub Mutex<Vec<Bytes>>);

#[async_trait]
impl Functions for FakeFunctions {
    fn is_known(&self, _: &str) -> bool {
        true
    }

    async fn invoke(&self, _: &str, payload: Bytes) -> Result<Bytes, HandOver> {
        self.0.lock().unwrap().push(payload);
        Ok(Bytes::new())
    }
}

#[derive(Default)]
pub struct FakeMail(pub Mutex<Vec<Mail>>);

#[async_trait]
impl Mailer for FakeMail {
    async fn send(&self, mail: Mail) -> Result<(), HandOver> {
        self.0.lock().unwrap().push(mail);
        Ok(())
    }
}

/// The key that there is.
pub const KEY: &str = "arn:aws:kms:us-east-1:111111111111:key/k";

/// A KMS with one key, which may be off, and which does not let `outsider`.
#[derive(Default)]
pub struct FakeKeys {
    pub is_off: AtomicBool,
    made: Mutex<Vec<Vec<u8>>>,
}

fn key_refused(code: &str, message: &str) -> KeyError {
    KeyError::Refused { code: code.to_owned(), message: message.to_owned() }
}

impl FakeKeys {
    fn may(&self, asked: &KeyUse<'_>) -> Result<(), KeyError> {
        if matches!(asked.caller, Caller::Service { principal } if &**principal == "outsider.amazonaws.com") {
            return Err(key_refused("AccessDeniedException", "no"));
        }
        match self.is_off.load(Ordering::SeqCst) {
            true => Err(key_refused("DisabledException", "off")),
            false => Ok(()),
        }
    }

    fn opened(&self, ciphertext: &[u8]) -> PlainKey {
        PlainKey { plaintext: self.made.lock().unwrap()[usize::from(ciphertext[0])].clone(), key_arn: KEY.to_owned() }
    }
}

#[async_trait]
impl Keys for FakeKeys {
    async fn describe(&self, _: Region, key: &str) -> Result<KeyInfo, KeyError> {
        if key != KEY {
            return Err(key_refused("NotFoundException", &format!("Key '{key}' does not exist")));
        }
        let enabled = !self.is_off.load(Ordering::SeqCst);
        Ok(KeyInfo { arn: KEY.to_owned(), enabled, symmetric: true, managed: false })
    }

    async fn generate_data_key(&self, asked: &KeyUse<'_>, bytes: usize) -> Result<DataKey, KeyError> {
        self.may(asked)?;
        assert_eq!((asked.service, asked.context[0].0), ("sns", "aws:sns:topicArn"));
        let mut made = self.made.lock().unwrap();
        let number = u8::try_from(made.len()).unwrap();
        made.push(vec![number; bytes]);
        Ok(DataKey { plaintext: vec![number; bytes], ciphertext: vec![number], key_arn: KEY.to_owned() })
    }

    async fn decrypt_data_key(&self, asked: &KeyUse<'_>, ciphertext: &[u8]) -> Result<PlainKey, KeyError> {
        self.may(asked)?;
        Ok(self.opened(ciphertext))
    }

    async fn open_data_key(
        &self,
        _: Region,
        key: &str,
        _: &[(&str, &str)],
        ciphertext: &[u8],
    ) -> Result<PlainKey, KeyError> {
        assert_eq!(key, KEY);
        match self.is_off.load(Ordering::SeqCst) {
            true => Err(key_refused("DisabledException", "off")),
            false => Ok(self.opened(ciphertext)),
        }
    }
}

/// Log groups: those that were made, and what was put into them.
#[derive(Default)]
pub struct FakeGroups {
    pub made: Mutex<Vec<String>>,
    pub got: Mutex<Vec<(LogTarget, serde_json::Value)>>,
    /// Whether nothing is taken.
    pub refuses: AtomicBool,
    /// Whether nobody ever answers.
    pub hangs: AtomicBool,
}

#[async_trait]
impl LogGroups for FakeGroups {
    async fn check(&self, _: &LogTarget) -> Result<(), HandOver> {
        Ok(())
    }

    async fn make(&self, target: &LogTarget) -> Result<(), HandOver> {
        self.made.lock().unwrap().push(target.group_arn.clone());
        Ok(())
    }

    async fn put(&self, target: &LogTarget, position: u64, events: Vec<(i64, Bytes)>) -> Result<LogsTaken, HandOver> {
        assert_eq!(position, 0);
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.refuses.load(Ordering::SeqCst) {
            return Err(HandOver::Denied("no".to_owned()));
        }
        if !self.made.lock().unwrap().contains(&target.group_arn) {
            return Err(HandOver::NotFound("no such group".to_owned()));
        }
        let taken = events.len();
        let mut got = self.got.lock().unwrap();
        got.extend(events.iter().map(|(_, text)| (target.clone(), serde_json::from_slice(text).unwrap())));
        Ok(LogsTaken { taken, too_large: 0 })
    }
}

pub struct World {
    pub keys: Arc<FakeKeys>,
    pub groups: Arc<FakeGroups>,
    pub sns: Arc<Sns>,
    pub endpoints: Arc<Endpoints>,
    pub queues: Arc<FakeQueues>,
    pub functions: Arc<FakeFunctions>,
    pub mail: Arc<FakeMail>,
    pub metrics: Arc<FakeMetrics>,
    clock: Arc<ManualClock>,
    pub state: Arc<dyn state::State>,
    definition: Definition,
}

pub fn root() -> Caller {
    of_account(ACCOUNT)
}

pub fn of_account(account: &str) -> Caller {
    Caller::Root { account: account.into(), access_key_id: "AKIA".into() }
}

pub fn topic(name: &str) -> String {
    format!("arn:aws:sns:us-east-1:{ACCOUNT}:{name}")
}

pub fn queue(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

fn value(json: &serde_json::Value) -> Value {
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
        Value::Bool(v) => (*v).into(),
        Value::Int(v) => (*v).into(),
        Value::String(v) => v.clone().into(),
        Value::List(v) => v.iter().map(json).collect(),
        Value::Struct(v) => v.iter().map(|(k, v)| (k.to_string(), json(v))).collect::<serde_json::Map<_, _>>().into(),
        _ => serde_json::Value::Null,
    }
}

impl World {
    pub async fn new() -> World {
        let clock = ManualClock::at(Timestamp::from_ms(START));
        World::open(clock, Arc::new(state::Memory::new()), Arc::default()).await
    }

    async fn open(clock: Arc<ManualClock>, state: Arc<dyn state::State>, keys: Arc<FakeKeys>) -> World {
        let env = testkit::env(Arc::clone(&clock), 7 + clock_ms(&clock));
        let access = Access::new();
        let (endpoints, queues, functions, mail) = Default::default();
        let (endpoints, queues): (Arc<Endpoints>, Arc<FakeQueues>) = (endpoints, queues);
        let (functions, mail): (Arc<FakeFunctions>, Arc<FakeMail>) = (functions, mail);
        let groups: Arc<FakeGroups> = Arc::default();
        let metrics: Arc<FakeMetrics> = Arc::default();
        let signer = Signer::new(env.clone(), Arc::clone(&state));
        let sns = Sns::open(Deps {
            env,
            account: ACCOUNT.into(),
            state: Arc::clone(&state),
            queues: Some(Arc::clone(&queues) as Arc<dyn Queues>),
            functions: Arc::clone(&functions) as Arc<dyn Functions>,
            outbound: Arc::clone(&endpoints) as Arc<dyn Outbound>,
            log_groups: Some(Arc::clone(&groups) as Arc<dyn LogGroups>),
            metrics: Some(Arc::clone(&metrics) as Arc<dyn Metrics>),
            mail: Some(Arc::clone(&mail) as Arc<dyn Mailer>),
            sms: Some(SmsTemplate {
                url: "https://sms.example/send".to_owned(),
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: r#"{"to":"{phone}","text":"{message}"}"#.to_owned(),
            }),
            keys: Some(Arc::clone(&keys) as Arc<dyn Keys>),
            authorizer: Arc::clone(&access) as Arc<dyn Authorizer>,
            endpoint: "http://cairn.example:4566".into(),
            signer,
        });
        let sns = sns.await.unwrap();
        let policies = Arc::clone(&sns) as Arc<dyn ports::ResourcePolicies>;
        access.ask(Arc::new(Everything), None, &[policies]);
        sns.begin();
        let definition = crate::definition(Arc::clone(&sns));
        World { keys, groups, sns, endpoints, queues, functions, mail, metrics, clock, state, definition }
    }

    /// As after a crash: the same tables, and nothing else.
    pub async fn crashed(self) -> World {
        World::open(self.clock, self.state, self.keys).await
    }

    /// The clock goes on, and whoever waits looks at it.
    pub async fn pass_secs(&self, secs: u64) {
        self.clock.advance_ms(secs * 1_000);
        tokio::time::sleep(Duration::from_secs(3)).await;
    }

    /// Until what is under way has come to its end.
    pub async fn rest(&self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.sns.settle().await;
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
            time: base::Clock::now(&*self.clock),
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
        self.by(root(), operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// The code and text of the refusal that must come.
    pub async fn refused(&self, operation: &str, input: serde_json::Value) -> (String, String) {
        let error = self.by(root(), operation, input).await.expect_err(operation);
        (error.code.into_owned(), error.message)
    }

    pub async fn topic(&self, name: &str) -> String {
        let fifo = name.ends_with(".fifo");
        let attributes = if fifo { serde_json::json!({"FifoTopic": "true"}) } else { serde_json::json!({}) };
        let made = self.run("CreateTopic", serde_json::json!({"Name": name, "Attributes": attributes})).await;
        made["TopicArn"].as_str().unwrap().to_owned()
    }

    /// A subscription that is confirmed.
    pub async fn subscribe(
        &self,
        topic: &str,
        protocol: &str,
        endpoint: &str,
        attributes: serde_json::Value,
    ) -> String {
        let input = serde_json::json!({"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint,
            "Attributes": attributes, "ReturnSubscriptionArn": true});
        let arn = self.run("Subscribe", input).await["SubscriptionArn"].as_str().unwrap().to_owned();
        self.rest().await;
        if let Some(token) = self.token() {
            self.run("ConfirmSubscription", serde_json::json!({"TopicArn": topic, "Token": token})).await;
            self.endpoints.got.lock().unwrap().clear();
        }
        arn
    }

    /// The token of the newest question that an endpoint got.
    pub fn token(&self) -> Option<String> {
        let got = self.endpoints.got.lock().unwrap();
        let body: serde_json::Value = serde_json::from_slice(&got.last()?.body).ok()?;
        Some(body.get("Token")?.as_str()?.to_owned())
    }

    pub async fn publish(&self, topic: &str, message: &str) -> String {
        let made = self.run("Publish", serde_json::json!({"TopicArn": topic, "Message": message})).await;
        made["MessageId"].as_str().unwrap().to_owned()
    }

    pub fn sent(&self) -> usize {
        self.endpoints.got.lock().unwrap().len()
    }
}

fn clock_ms(clock: &ManualClock) -> u64 {
    u64::try_from(base::Clock::now(clock).ms()).unwrap()
}
