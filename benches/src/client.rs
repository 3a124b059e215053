//! Calls that prepare what is measured: one at a time, an answer that is not good ends the run.

use serde_json::{Value, json};

use crate::load;
use crate::requests::{Call, Request};

/// The account of every server under measurement.
pub const ACCOUNT: &str = "123456789012";
/// What the targets of the services' JSON protocols begin with: signing name, prefix, content type.
const JSON: [(&str, &str, &str); 5] = [
    ("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "application/x-amz-json-1.1"),
    ("kms", "TrentService", "application/x-amz-json-1.1"),
    ("logs", "Logs_20140328", "application/x-amz-json-1.1"),
    ("monitoring", "GraniteServiceVersion20100801", "application/x-amz-json-1.0"),
    ("sqs", "AmazonSQS", "application/x-amz-json-1.0"),
];

/// A request in a service's JSON protocol.
pub fn json_request(address: &str, service: &str, operation: &str, body: &Value) -> Request {
    let (_, prefix, content_type) =
        JSON.into_iter().find(|(name, ..)| *name == service).expect("the service is in the table");
    let target = format!("{prefix}.{operation}");
    let headers = [("content-type", content_type), ("x-amz-target", target.as_str())];
    let call = Call { method: "POST", path: "/", query: "", service, headers: &headers };
    Request::signed(address, &call, body.to_string().into_bytes().into())
}

/// A call in a service's JSON protocol, and its answer.
pub fn json_call(address: &str, service: &str, operation: &str, body: &Value) -> Value {
    let answer = load::once(address, &json_request(address, service, operation, body));
    serde_json::from_slice(&answer).unwrap_or(Value::Null)
}

/// A request in the Query protocol.
pub fn query_request(address: &str, service: &str, version: &str, action: &str, members: &[(&str, &str)]) -> Request {
    let mut body = format!("Action={action}&Version={version}");
    for (name, value) in members {
        body.push_str(&format!("&{name}={}", encoded(value)));
    }
    let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let call = Call { method: "POST", path: "/", query: "", service, headers: &headers };
    Request::signed(address, &call, body.into_bytes().into())
}

/// A call to IAM, and its answer.
pub fn iam(address: &str, action: &str, members: &[(&str, &str)]) -> String {
    text(load::once(address, &query_request(address, "iam", "2010-05-08", action, members)))
}

/// A call to SNS, and its answer.
pub fn sns(address: &str, action: &str, members: &[(&str, &str)]) -> String {
    text(load::once(address, &query_request(address, "sns", "2010-03-31", action, members)))
}

/// What is between the first element of this name and its end, in an answer in XML.
pub fn element<'a>(answer: &'a str, name: &str) -> &'a str {
    let (_, rest) = answer.split_once(&format!("<{name}>")).expect("the answer has the element");
    rest.split('<').next().unwrap_or_default()
}

/// A form's or a query's text: every byte as a percent escape.
pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A policy with one statement that allows `principal` (a service) these actions on a resource.
pub fn service_policy(principal: &str, actions: &[&str], resource: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [statement(principal, actions, resource)] })
}

/// See [`service_policy`].
pub fn statement(principal: &str, actions: &[&str], resource: &Value) -> Value {
    json!({ "Effect": "Allow", "Principal": { "Service": principal }, "Action": actions, "Resource": resource })
}

fn text(answer: Vec<u8>) -> String {
    String::from_utf8(answer).expect("answers in XML are text")
}
