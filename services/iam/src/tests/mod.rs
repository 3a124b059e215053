//! IAM as clients see it, without the gateway: each test is a list of calls and what comes of them.

mod access;
mod entities;
mod policies;

use std::sync::{Arc, Mutex};

use base::{Region, Timestamp};
use model::{Fields, Value};
use ports::{Caller, Secret};
use serde_json::{Value as Json, json};
use service::{ApiError, Call};

use crate::{Iam, RootKey};

const ACCOUNT: &str = "123456789012";
const NOW: Timestamp = Timestamp::EPOCH;

async fn open(state: &state::Memory) -> Arc<Iam> {
    let env = testkit::env(testkit::ManualClock::at(NOW), 7);
    let root = RootKey { access_key_id: "AKIAROOT".into(), secret: Secret("secret".into()) };
    Iam::open(env, Arc::new(state.clone()), ACCOUNT.into(), Some(root)).await.unwrap()
}

async fn fresh() -> Arc<Iam> {
    open(&state::Memory::new()).await
}

async fn run(iam: &Arc<Iam>, operation: &str, input: Json) -> Result<Json, ApiError> {
    let definition = crate::definition(Arc::clone(iam));
    let handler = Arc::clone(&definition.operations[operation]);
    let Value::Struct(input) = from_json(input) else { panic!("the input of {operation} is no object") };
    let call = Call {
        caller: Caller::Root { account: ACCOUNT.into(), access_key_id: "AKIAROOT".into() },
        account: ACCOUNT.into(),
        region: Region::US_EAST_1,
        time: NOW,
        request_id: "request".to_owned(),
        operation: operation.into(),
        headers: http::HeaderMap::new(),
        query: String::new(),
        source_ip: "127.0.0.1".into(),
        tls: None,
        host: "localhost:4566".to_owned(),
        body: Mutex::default(),
        reply: Mutex::default(),
        notes: Mutex::default(),
    };
    handler.run(&call, input).await.map(|fields| to_json(Value::Struct(fields)))
}

/// Runs an operation that succeeds.
async fn ok(iam: &Arc<Iam>, operation: &str, input: Json) -> Json {
    let answer = run(iam, operation, input.clone()).await;
    answer.unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
}

/// Runs calls one after the other: each succeeds (`""`) or is refused with `Code: text`.
async fn check(iam: &Arc<Iam>, calls: &[(&str, Json, &str)]) {
    for (operation, input, expected) in calls {
        let answer = run(iam, operation, input.clone()).await;
        let text = answer.err().map(|error| format!("{}: {}", error.code, error.message)).unwrap_or_default();
        assert_eq!(text, *expected, "{operation} {input}");
    }
}

/// All pages of a list, a few items each: the names under `name` of what lies under `list`.
async fn names(iam: &Arc<Iam>, operation: &str, input: Json, list: &str, name: &str) -> Vec<String> {
    let (mut found, mut marker) = (Vec::new(), Json::Null);
    loop {
        let mut page = input.clone();
        page["MaxItems"] = json!(2);
        if !marker.is_null() {
            page["Marker"] = marker.clone();
        }
        let answer = ok(iam, operation, page).await;
        let items = answer[list].as_array().unwrap();
        assert!(items.len() <= 2);
        found.extend(items.iter().map(|item| item.get(name).unwrap_or(item).as_str().unwrap().to_owned()));
        marker = answer["Marker"].clone();
        assert_eq!(answer["IsTruncated"], json!(!marker.is_null()));
        if marker.is_null() {
            return found;
        }
    }
}

fn from_json(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(is) => Value::Bool(is),
        Json::Number(number) => Value::Int(number.as_i64().unwrap()),
        Json::String(text) => Value::String(text),
        Json::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        Json::Object(members) => {
            let mut fields = Fields::new();
            for (name, member) in members {
                fields.push(&*name, from_json(member));
            }
            Value::Struct(fields)
        }
    }
}

fn to_json(value: Value) -> Json {
    match value {
        Value::Bool(is) => json!(is),
        Value::Int(number) => json!(number),
        Value::String(text) => json!(text),
        Value::Timestamp(time) => json!(time.iso8601_secs()),
        Value::List(items) => items.into_iter().map(to_json).collect(),
        Value::Struct(fields) => fields
            .iter()
            .map(|(name, member)| (name.to_string(), to_json(member.clone())))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => Json::Null,
    }
}

/// A policy that allows (or denies) some actions on everything.
fn policy(effect: &str, actions: &[&str]) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": actions, "Resource": "*"}]}).to_string()
}

/// A trust policy.
fn trust(principal: Json) -> String {
    let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

fn ec2() -> String {
    trust(json!({"Service": "ec2.amazonaws.com"}))
}
