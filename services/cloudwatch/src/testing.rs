//! What tests of this crate stand on: the service over memory, with a clock that is set and topics that are played.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::{Clock, Env, Region, Timestamp};
use journal::{Journal, MemoryJournal, ReadLimit, Seq};
use model::{Fields, Value};
use ports::{AccessRequest, Authorizer, Caller, Decision, HandOver, Notice, OnBehalf, Topics, Unavailable};
use service::{ApiError, Call, Definition};
use worker::Consumer as _;

use crate::{CloudWatch, Deps, MetricsConsumer};

pub const ACCOUNT: &str = "111111111111";
/// The beginning of an hour.
pub const START: i64 = 1_700_002_800_000;

pub struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        0
    }
}

/// Topics that note what they got; while they are away they take nothing.
#[derive(Default)]
pub struct Played {
    pub got: Mutex<Vec<Notice>>,
    pub is_away: Mutex<bool>,
}

#[async_trait]
impl Topics for Played {
    async fn check(&self, _: &OnBehalf, _: &str) -> Result<(), HandOver> {
        Ok(())
    }

    async fn publish(&self, notice: Notice) -> Result<String, HandOver> {
        if *self.is_away.lock().unwrap() {
            return Err(HandOver::Unavailable("away".to_owned()));
        }
        if notice.topic_arn.ends_with(":gone") {
            return Err(HandOver::NotFound("Topic does not exist".to_owned()));
        }
        self.got.lock().unwrap().push(notice);
        Ok("id".to_owned())
    }
}

/// Everybody may everything.
struct Everybody;

#[async_trait]
impl Authorizer for Everybody {
    async fn decide(&self, _: &AccessRequest<'_>) -> Result<Decision, Unavailable> {
        Ok(Decision::FREE)
    }
}

pub struct World {
    pub cloudwatch: Arc<CloudWatch>,
    pub topics: Arc<Played>,
    definition: Definition,
    pub clock: Arc<SetClock>,
    pub state: Arc<dyn state::State>,
    journal: Arc<MemoryJournal>,
    consumer: Mutex<Option<MetricsConsumer>>,
}

/// JSON as a call's input.
pub fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(v) => Value::Bool(*v),
        serde_json::Value::Number(v) => v.as_i64().map_or_else(|| Value::Double(v.as_f64().unwrap()), Value::Int),
        serde_json::Value::String(v) => match v.strip_prefix("time:") {
            Some(ms) => Value::Timestamp(Timestamp::from_ms(ms.parse().unwrap())),
            None => Value::String(v.clone()),
        },
        serde_json::Value::Array(v) => Value::List(v.iter().map(value).collect()),
        serde_json::Value::Object(v) => {
            Value::Struct(Fields(v.iter().map(|(k, v)| (k.as_str().into(), value(v))).collect()))
        }
    }
}

/// A time as [`value`] takes it.
pub fn time(ms: i64) -> String {
    format!("time:{ms}")
}

/// An output as JSON, with times in milliseconds.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(v) => (*v).into(),
        Value::Int(v) => (*v).into(),
        Value::Double(v) => (*v).into(),
        Value::String(v) => v.clone().into(),
        Value::Blob(v) => base::ids::hex(v).into(),
        Value::Timestamp(v) => v.ms().into(),
        Value::List(v) => v.iter().map(json).collect(),
        Value::Struct(v) => v.iter().map(|(k, v)| (k.to_string(), json(v))).collect::<serde_json::Map<_, _>>().into(),
    }
}

impl World {
    pub async fn new() -> World {
        let clock = Arc::new(SetClock(AtomicI64::new(START)));
        let state: Arc<dyn state::State> = Arc::new(state::Memory::new());
        let journal = Arc::new(MemoryJournal::new());
        let topics = Arc::new(Played::default());
        World::over(clock, state, journal, topics).await
    }

    async fn over(
        clock: Arc<SetClock>,
        state: Arc<dyn state::State>,
        journal: Arc<MemoryJournal>,
        topics: Arc<Played>,
    ) -> World {
        let env = Env { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..system::env() };
        let cloudwatch = CloudWatch::open(Deps {
            env,
            account: ACCOUNT.into(),
            state: Arc::clone(&state),
            journal: Arc::clone(&journal) as Arc<dyn Journal>,
            authorizer: Arc::new(Everybody),
            topics: Some(Arc::clone(&topics) as Arc<dyn Topics>),
            functions: None,
        });
        let cloudwatch = cloudwatch.await.unwrap();
        let definition = crate::definition(Arc::clone(&cloudwatch));
        let consumer = Mutex::new(Some(cloudwatch.consumer()));
        World { cloudwatch, topics, definition, clock, state, journal, consumer }
    }

    /// The same tables and journal, opened again as after a crash.
    pub async fn crash(self) -> World {
        World::over(self.clock, self.state, self.journal, self.topics).await
    }

    /// Has the consumer take what is in the journal; with `write`, also into the tables.
    pub async fn take(&self, write: bool) {
        let mut consumer = self.consumer.lock().unwrap().take().unwrap();
        let next = *self.cloudwatch.taken.borrow();
        let entries = self.journal.read(Seq::new(next.max(1)), ReadLimit::default()).unwrap();
        consumer.take(&entries).await.unwrap();
        if write {
            consumer.stop().await.unwrap();
        }
        *self.consumer.lock().unwrap() = Some(consumer);
    }

    pub fn now_ms(&self) -> i64 {
        self.clock.now().ms()
    }

    pub fn pass_s(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Evaluates what is due, and carries out what is lined up.
    pub async fn tick(&self) {
        self.cloudwatch.evaluate_due(self.clock.now()).await.unwrap();
        let (stop, stopping) = tokio::sync::watch::channel(false);
        let work = self.cloudwatch.carry_out(stopping);
        let end = async {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            stop.send_replace(true);
        };
        tokio::join!(work, end);
    }

    /// To the next minute, and a little more; then [`World::tick`].
    pub async fn minute(&self) {
        let now = self.now_ms();
        self.clock.0.store((now.div_euclid(60_000) + 1) * 60_000 + 100, Ordering::SeqCst);
        self.tick().await;
    }

    pub async fn call(&self, operation: &str, input: serde_json::Value) -> Result<serde_json::Value, ApiError> {
        let (name, handler) = self.definition.operations.get_key_value(operation).unwrap();
        let call = Call {
            caller: Caller::Root { account: ACCOUNT.into(), access_key_id: "AKIA".into() },
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
        // Whoever puts data waits for the consumer.
        let run = handler.run(&call, input);
        let outcome = if operation == "PutMetricData" {
            let take = async {
                tokio::task::yield_now().await;
                self.take(false).await;
            };
            tokio::join!(run, take).0
        } else {
            run.await
        };
        outcome.map(|output| json(&Value::Struct(output)))
    }

    pub async fn run(&self, operation: &str, input: serde_json::Value) -> serde_json::Value {
        self.call(operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// The code and text of the refusal that must come.
    pub async fn refused(&self, operation: &str, input: serde_json::Value) -> (String, String) {
        let error = self.call(operation, input).await.expect_err(operation);
        (error.code.into_owned(), error.message)
    }

    /// Puts values of a metric, now.
    pub async fn put(&self, name: &str, values: &[f64]) {
        let data = serde_json::json!([{"MetricName": name, "Values": values}]);
        self.run("PutMetricData", serde_json::json!({"Namespace": "N", "MetricData": data})).await;
    }

    /// The state and its reason.
    pub fn alarm(&self, name: &str) -> (String, String) {
        self.cloudwatch.alarms.see(|memory| {
            let alarm = memory.alarm(Region::US_EAST_1, name).unwrap();
            (alarm.state.value.as_str().to_owned(), alarm.state.reason.clone())
        })
    }
}
