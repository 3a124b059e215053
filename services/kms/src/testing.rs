//! What tests of this crate stand on: the service over memory, with a clock that is set and callers whose rights are given.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::{Clock, Env, Region, Timestamp};
use model::{Fields, Value};
use policy::{Policy, PolicySet};
use ports::{Authorizer, Caller, Identities, Identity, KeyEvent, KeyRecords, Unavailable};
use service::{Access, ApiError, Call, Definition};

use crate::{Deps, Kms, MasterKeys};

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

/// Users may what the text says by their own policies; nobody else has any.
struct ByName(Mutex<Vec<(String, Arc<PolicySet>)>>);

#[async_trait]
impl Identities for ByName {
    async fn identity(&self, caller: &Caller) -> Result<Identity, Unavailable> {
        let name = caller.user().map(|(_, name, _)| name.to_string()).unwrap_or_default();
        let known = self.0.lock().unwrap();
        let found = known.iter().find(|(known, _)| *known == name).map(|(_, set)| Arc::clone(set));
        Ok(Identity { policies: found.unwrap_or_default(), ..Identity::default() })
    }
}

#[derive(Default)]
pub struct Records(pub Mutex<Vec<KeyEvent>>);

#[async_trait]
impl KeyRecords for Records {
    async fn record(&self, event: KeyEvent) -> Result<(), Unavailable> {
        self.0.lock().unwrap().push(event);
        Ok(())
    }
}

pub struct World {
    pub kms: Arc<Kms>,
    pub records: Arc<Records>,
    definition: Definition,
    clock: Arc<SetClock>,
    identities: Arc<ByName>,
    state: Arc<dyn state::State>,
    master: String,
}

pub fn root() -> Caller {
    Caller::Root { account: ACCOUNT.into(), access_key_id: "AKIA".into() }
}

pub fn user(name: &str) -> Caller {
    Caller::User {
        account: ACCOUNT.into(),
        user_id: format!("AIDA{name}").as_str().into(),
        user_name: name.into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}").as_str().into(),
        access_key_id: "AKIA".into(),
    }
}

/// JSON as a call's input; a text that begins with `blob:` is bytes.
pub fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(v) => Value::Bool(*v),
        serde_json::Value::Number(v) => Value::Int(v.as_i64().unwrap()),
        serde_json::Value::String(v) => match v.strip_prefix("blob:") {
            Some(hex) => Value::Blob(base::ids::unhex(hex).unwrap().into()),
            None => Value::String(v.clone()),
        },
        serde_json::Value::Array(v) => Value::List(v.iter().map(value).collect()),
        serde_json::Value::Object(v) => {
            Value::Struct(Fields(v.iter().map(|(k, v)| (k.as_str().into(), value(v))).collect()))
        }
    }
}

/// Bytes as [`value`] takes them.
pub fn blob(bytes: &[u8]) -> String {
    format!("blob:{}", base::ids::hex(bytes))
}

/// An output as JSON, with bytes as [`value`] takes them and times in seconds.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(v) => (*v).into(),
        Value::Int(v) => (*v).into(),
        Value::Double(v) => (*v).into(),
        Value::String(v) => v.clone().into(),
        Value::Blob(v) => blob(v).into(),
        Value::Timestamp(v) => v.secs().into(),
        Value::List(v) => v.iter().map(json).collect(),
        Value::Struct(v) => v.iter().map(|(k, v)| (k.to_string(), json(v))).collect::<serde_json::Map<_, _>>().into(),
    }
}

async fn open(
    clock: &Arc<SetClock>,
    identities: &Arc<ByName>,
    state: &Arc<dyn state::State>,
    master: &str,
    records: &Arc<Records>,
) -> Result<Arc<Kms>, crate::OpenError> {
    let env = Env { clock: Arc::clone(clock) as Arc<dyn Clock>, ..system::env() };
    let access = Access::new();
    let kms = Kms::open(Deps {
        env: env.clone(),
        account: ACCOUNT.into(),
        state: Arc::clone(state),
        master: Arc::new(MasterKeys::parse(env, master).unwrap()),
        authorizer: Arc::clone(&access) as Arc<dyn Authorizer>,
        records: Some(Arc::clone(records) as Arc<dyn KeyRecords>),
    })
    .await?;
    access.ask(
        Arc::clone(identities) as Arc<dyn Identities>,
        None,
        &[Arc::clone(&kms) as Arc<dyn ports::ResourcePolicies>],
    );
    // Whoever is asked is held by nobody else in tests.
    std::mem::forget(Arc::clone(&kms));
    Ok(kms)
}

impl World {
    pub async fn new() -> World {
        let clock = Arc::new(SetClock(AtomicI64::new(START)));
        let identities = Arc::new(ByName(Mutex::default()));
        let state: Arc<dyn state::State> = Arc::new(state::Memory::new());
        let master = MasterKeys::make(&*system::env().rng);
        let records = Arc::new(Records::default());
        let kms = open(&clock, &identities, &state, &master, &records).await.unwrap();
        let definition = crate::definition(Arc::clone(&kms));
        World { kms, records, definition, clock, identities, state, master }
    }

    /// The same tables, opened again; with other master keys if they are given.
    pub async fn reopen(&mut self, master: Option<&str>) -> Result<(), crate::OpenError> {
        let master = master.unwrap_or(&self.master);
        self.kms = open(&self.clock, &self.identities, &self.state, master, &self.records).await?;
        self.definition = crate::definition(Arc::clone(&self.kms));
        Ok(())
    }

    pub fn master(&self) -> &str {
        &self.master
    }

    pub fn pass_days(&self, days: i64) {
        self.clock.0.fetch_add(days * base::time::DAY_MS, Ordering::SeqCst);
    }

    /// Lets a user do what a policy of theirs says.
    pub fn lets(&self, name: &str, action: &str) {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
        );
        let set = PolicySet::new([(name.to_owned(), Policy::parse(&text).unwrap())]);
        self.identities.0.lock().unwrap().push((name.to_owned(), Arc::new(set)));
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
            host: "localhost".to_owned(),
            body: Mutex::default(),
            reply: Mutex::default(),
            notes: Mutex::default(),
        };
        let Value::Struct(input) = value(&input) else { panic!("not an object") };
        handler.run(&call, input).await.map(|output| json(&Value::Struct(output)))
    }

    /// As root, who may all that the default policy lets.
    pub async fn run(&self, operation: &str, input: serde_json::Value) -> serde_json::Value {
        self.by(root(), operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// The code and text of the refusal that must come.
    pub async fn refused(&self, operation: &str, input: serde_json::Value) -> (String, String) {
        let error = self.by(root(), operation, input).await.expect_err(operation);
        (error.code.into_owned(), error.message)
    }

    /// A new key's identifier and ARN.
    pub async fn key(&self, input: serde_json::Value) -> (String, String) {
        let made = self.run("CreateKey", input).await;
        let text = |name: &str| made["KeyMetadata"][name].as_str().unwrap().to_owned();
        (text("KeyId"), text("Arn"))
    }
}
