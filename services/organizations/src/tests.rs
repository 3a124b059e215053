//! Tests of operations on one another: calls as accounts make them, by the names that the model has.

mod new_accounts;
mod organization;
mod policies;
mod tree;

use std::sync::Arc;

use base::{Region, Timestamp};
use model::{Fields, Value};
use ports::Caller;
use service::{ApiError, Call, Definition};
use testkit::ManualClock;

use crate::{Organizations, definition};

/// The account that the server is set up with.
pub const FIRST: &str = "111111111111";

/// A server with nothing but Organizations.
pub struct Server {
    pub organizations: Arc<Organizations>,
    pub clock: Arc<ManualClock>,
    pub state: Arc<dyn state::State>,
    definition: Definition,
}

impl Server {
    pub async fn new() -> Server {
        Server::over(Arc::new(state::Memory::new())).await
    }

    pub async fn over(state: Arc<dyn state::State>) -> Server {
        let clock = ManualClock::at(Timestamp::from_secs(1_700_000_000));
        let env = testkit::env(Arc::clone(&clock), 7);
        let organizations = Organizations::open(env, Arc::clone(&state), Arc::from(FIRST)).await.unwrap();
        let definition = definition(Arc::clone(&organizations));
        Server { organizations, clock, state, definition }
    }

    /// A call by the root of an account.
    pub async fn call(&self, account: &str, operation: &str, input: serde_json::Value) -> Result<Answer, ApiError> {
        let Value::Struct(input) = value(&input) else { panic!("an input is an object") };
        let call = Call {
            caller: Caller::Root { account: Arc::from(account), access_key_id: Arc::from("AKIA") },
            account: Arc::from(account),
            region: Region::US_EAST_1,
            time: self.organizations.env.clock.now(),
            request_id: String::new(),
            operation: Arc::from(operation),
            headers: http::HeaderMap::new(),
            query: String::new(),
            source_ip: Arc::from("192.0.2.1"),
            tls: None,
            host: String::new(),
            body: Default::default(),
            reply: Default::default(),
            notes: Default::default(),
        };
        self.definition.operations[operation].run(&call, input).await.map(|fields| Answer(Value::Struct(fields)))
    }

    pub async fn ok(&self, account: &str, operation: &str, input: serde_json::Value) -> Answer {
        let shown = input.to_string();
        match self.call(account, operation, input).await {
            Ok(answer) => answer,
            Err(error) => panic!("{operation} {shown} by {account}: {error}"),
        }
    }

    /// The code of the refusal that must come, and its reason if it has one: `Code/REASON`.
    pub async fn err(&self, account: &str, operation: &str, input: serde_json::Value) -> String {
        let shown = input.to_string();
        match self.call(account, operation, input).await {
            Ok(answer) => panic!("{operation} {shown} by {account} was to be refused: {answer:?}"),
            Err(error) => match error.fields.get("Reason") {
                Some(Value::String(reason)) => format!("{}/{reason}", error.code),
                _ => error.code.to_string(),
            },
        }
    }

    /// An organization of the first account; returns the root's identifier.
    pub async fn organization(&self) -> String {
        self.ok(FIRST, "CreateOrganization", serde_json::json!({})).await;
        self.ok(FIRST, "ListRoots", serde_json::json!({})).await.text("Roots.0.Id")
    }

    /// A new account of the first account's organization.
    pub async fn account(&self, name: &str) -> String {
        let input = serde_json::json!({"AccountName": name, "Email": format!("{name}@example.com")});
        self.ok(FIRST, "CreateAccount", input).await.text("CreateAccountStatus.AccountId")
    }

    /// A new unit.
    pub async fn unit(&self, parent: &str, name: &str) -> String {
        let input = serde_json::json!({"ParentId": parent, "Name": name});
        self.ok(FIRST, "CreateOrganizationalUnit", input).await.text("OrganizationalUnit.Id")
    }
}

fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Int(number.as_i64().unwrap()),
        serde_json::Value::String(text) => Value::String(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(value).collect()),
        serde_json::Value::Object(members) => {
            let mut fields = Fields::new();
            members.iter().for_each(|(name, member)| fields.push(name.as_str(), value(member)));
            Value::Struct(fields)
        }
    }
}

/// What an operation answered.
#[derive(Debug)]
pub struct Answer(pub Value);

impl Answer {
    fn at(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.0, |value, step| match value {
            Value::Struct(fields) => fields.get(step),
            Value::List(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The text at a path: `Roots.0.Id`.
    pub fn text(&self, path: &str) -> String {
        match self.at(path) {
            Some(Value::String(text)) => text.clone(),
            other => panic!("{path}: {other:?} in {self:?}"),
        }
    }

    /// The texts of a member of each item of a list, sorted.
    pub fn texts(&self, list: &str, member: &str) -> Vec<String> {
        let Some(Value::List(items)) = self.at(list) else { panic!("{list} in {self:?}") };
        let mut texts: Vec<String> = (0..items.len()).map(|at| self.text(&format!("{list}.{at}.{member}"))).collect();
        texts.sort();
        texts
    }
}
