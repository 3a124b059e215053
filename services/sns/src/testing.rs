//! What tests of this crate stand on: the service over memory, with a clock that is set, and subscribers that do as they are told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base::{Region, Timestamp};
use bytes::Bytes;
use model::{Fields, Value};
use policy::{Policy, PolicySet};
use ports::mail::{Mail, Mailer};
use ports::{
    Authorizer, Caller, Functions, HandOver, Identities, Identity, Outbound, OutboundAnswer, OutboundRequest,
    QueueMessage, Queues, Unavailable,
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

pub struct World {
    pub sns: Arc<Sns>,
    pub endpoints: Arc<Endpoints>,
    pub queues: Arc<FakeQueues>,
    pub functions: Arc<FakeFunctions>,
    pub mail: Arc<FakeMail>,
    clock: Arc<ManualClock>,
    state: Arc<dyn state::State>,
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
        World::open(clock, Arc::new(state::Memory::new())).await
    }

    async fn open(clock: Arc<ManualClock>, state: Arc<dyn state::State>) -> World {
        let env = testkit::env(Arc::clone(&clock), 7 + clock_ms(&clock));
        let access = Access::new();
        let (endpoints, queues, functions, mail) = Default::default();
        let (endpoints, queues): (Arc<Endpoints>, Arc<FakeQueues>) = (endpoints, queues);
        let (functions, mail): (Arc<FakeFunctions>, Arc<FakeMail>) = (functions, mail);
        let signer = Signer::new(env.clone(), Arc::clone(&state));
        let sns = Sns::open(Deps {
            env,
            account: ACCOUNT.into(),
            state: Arc::clone(&state),
            queues: Some(Arc::clone(&queues) as Arc<dyn Queues>),
            functions: Arc::clone(&functions) as Arc<dyn Functions>,
            outbound: Arc::clone(&endpoints) as Arc<dyn Outbound>,
            mail: Some(Arc::clone(&mail) as Arc<dyn Mailer>),
            sms: Some(SmsTemplate {
                url: "https://sms.example/send".to_owned(),
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: r#"{"to":"{phone}","text":"{message}"}"#.to_owned(),
            }),
            keys: None,
            authorizer: Arc::clone(&access) as Arc<dyn Authorizer>,
            endpoint: "http://cairn.example:4566".into(),
            signer,
        });
        let sns = sns.await.unwrap();
        let policies = Arc::clone(&sns) as Arc<dyn ports::ResourcePolicies>;
        access.ask(Arc::new(Everything), None, &[policies]);
        sns.begin();
        let definition = crate::definition(Arc::clone(&sns));
        World { sns, endpoints, queues, functions, mail, clock, state, definition }
    }

    /// As after a crash: the same tables, and nothing else.
    pub async fn crashed(self) -> World {
        World::open(self.clock, self.state).await
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
