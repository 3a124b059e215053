//! What tests of IAM share: an IAM in memory, calls, and keys that protect nothing.

use std::sync::{Arc, Mutex};

use base::{Region, Timestamp};
use model::{Fields, Value};
use ports::{Caller, Secret};
use service::{ApiError, Call, Definition};
use testkit::ManualClock;

use crate::{Iam, RootKey, definition};

pub const CERTIFICATE: &str = include_str!("cert.pem");
pub const PRIVATE_KEY: &str = include_str!("key.pem");
pub const PRIVATE_KEY_PKCS1: &str = include_str!("key1.pem");
pub const PUBLIC_KEY: &str = include_str!("pub.pem");
pub const EC_CERTIFICATE: &str = include_str!("eccert.pem");
pub const EC_PRIVATE_KEY: &str = include_str!("ec.pem");
pub const EC_PRIVATE_KEY_PKCS8: &str = include_str!("ec8.pem");

const ACCOUNT: &str = "123456789012";

/// An IAM in memory, called as the gateway calls it.
pub struct World {
    pub iam: Arc<Iam>,
    pub clock: Arc<ManualClock>,
    pub state: state::Memory,
    definition: Definition,
}

impl World {
    pub async fn new() -> World {
        World::over(state::Memory::new(), Timestamp::from_secs(1_700_000_000)).await
    }

    async fn over(state: state::Memory, now: Timestamp) -> World {
        let clock = ManualClock::at(now);
        let env = testkit::env(Arc::clone(&clock), 7);
        let root = RootKey { access_key_id: "AKIAROOT".into(), secret: Secret(Arc::from("secret")) };
        let iam = Iam::open(env, Arc::new(state.clone()), Arc::from(ACCOUNT), Some(root)).await.unwrap();
        World { definition: definition(Arc::clone(&iam)), iam, clock, state }
    }

    /// The same after a restart.
    pub async fn again(&self) -> World {
        World::over(self.state.clone(), self.iam.env.clock.now()).await
    }

    /// Calls an operation as root.
    pub async fn call(&self, operation: &str, input: serde_json::Value) -> Result<serde_json::Value, ApiError> {
        let root = Caller::Root { account: Arc::from(ACCOUNT), access_key_id: Arc::from("AKIAROOT") };
        self.call_as(root, operation, input).await
    }

    /// Calls an operation as a user, who is there.
    pub async fn call_as_user(
        &self,
        user: &str,
        operation: &str,
        input: serde_json::Value,
    ) -> Result<serde_json::Value, ApiError> {
        let shown = self.call("GetUser", serde_json::json!({"UserName": user})).await?;
        let text = |name: &str| Arc::from(shown["User"][name].as_str().unwrap_or_default());
        let caller = Caller::User {
            account: Arc::from(ACCOUNT),
            user_id: text("UserId"),
            user_name: text("UserName"),
            arn: text("Arn"),
            access_key_id: Arc::from("AKIAUSER"),
        };
        self.call_as(caller, operation, input).await
    }

    async fn call_as(
        &self,
        caller: Caller,
        operation: &str,
        input: serde_json::Value,
    ) -> Result<serde_json::Value, ApiError> {
        let call = Call {
            caller,
            account: Arc::from(ACCOUNT),
            region: Region::US_EAST_1,
            time: self.iam.env.clock.now(),
            request_id: "r".into(),
            operation: Arc::from(operation),
            headers: http::HeaderMap::new(),
            query: String::new(),
            source_ip: Arc::from("127.0.0.1"),
            tls: None,
            host: "localhost".into(),
            body: Mutex::default(),
            reply: Mutex::default(),
            notes: Mutex::default(),
        };
        let handler = self.definition.operations.get(operation).unwrap_or_else(|| panic!("{operation} is not there"));
        let Value::Struct(fields) = value(&input) else { panic!("an input is an object") };
        Ok(json(&Value::Struct(handler.run(&call, fields).await?)))
    }

    /// The code and the text of the refusal that must come.
    pub async fn refused(&self, operation: &str, input: serde_json::Value) -> (String, String) {
        let error = self.call(operation, input).await.expect_err(operation);
        (error.code.into_owned(), error.message)
    }

    /// The code of the refusal that must come.
    pub async fn code(&self, operation: &str, input: serde_json::Value) -> String {
        self.refused(operation, input).await.0
    }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(is) => Value::Bool(*is),
        serde_json::Value::Number(number) => Value::Int(number.as_i64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::String(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(value).collect()),
        serde_json::Value::Object(members) => {
            Value::Struct(Fields(members.iter().map(|(name, item)| (Arc::from(name.as_str()), value(item))).collect()))
        }
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(is) => (*is).into(),
        Value::Int(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        Value::String(text) => text.as_str().into(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
        Value::Timestamp(time) => time.iso8601_secs().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Struct(fields) => fields.iter().map(|(name, item)| (name.to_string(), json(item))).collect(),
    }
}
