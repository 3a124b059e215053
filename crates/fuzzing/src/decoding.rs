//! Any bytes as a request of each protocol, to any operation of a real service: an error or a value, never a panic.

use std::sync::{Arc, LazyLock};

use http::{HeaderMap, HeaderName, HeaderValue};
use model::{Model, Operation, Protocol};
use wire::{Request, Router};

/// Headers of a request that are read from an input.
const HEADERS_MAX: usize = 64;

/// A service with its operations in order.
pub struct Service {
    /// How its requests are written.
    pub protocol: Protocol,
    /// Its model.
    pub model: Arc<Model>,
    router: Router,
    /// Its operations: the first two bytes of an input choose one.
    pub names: Vec<Arc<str>>,
}

/// The services that targets decode requests of, by the target's name. Each is made when it is first asked for.
static SERVICES: [(&str, LazyLock<Service>); 6] = [
    ("decode_cbor", LazyLock::new(|| Service::new(Protocol::RpcV2Cbor, "cloudwatch"))),
    ("decode_ec2", LazyLock::new(|| Service::new(Protocol::Ec2, "ec2"))),
    ("decode_json", LazyLock::new(|| Service::new(Protocol::Json, "cloudtrail"))),
    ("decode_query", LazyLock::new(|| Service::new(Protocol::Query, "iam"))),
    ("decode_rest_json", LazyLock::new(|| Service::new(Protocol::RestJson, "lambda"))),
    ("decode_rest_xml", LazyLock::new(|| Service::new(Protocol::RestXml, "s3"))),
];

/// All services with their targets.
pub fn services() -> impl Iterator<Item = (&'static str, &'static Service)> {
    SERVICES.iter().map(|(name, service)| (*name, &**service))
}

fn decode(target: &str, data: &[u8]) {
    let found = SERVICES.iter().find(|(name, _)| *name == target);
    found.expect("every target has a service").1.decode(data);
}

/// RPC v2 CBOR (CloudWatch).
pub fn decode_cbor(data: &[u8]) {
    decode("decode_cbor", data);
}

/// EC2's own protocol.
pub fn decode_ec2(data: &[u8]) {
    decode("decode_ec2", data);
}

/// JSON 1.1 (CloudTrail).
pub fn decode_json(data: &[u8]) {
    decode("decode_json", data);
}

/// Query (IAM).
pub fn decode_query(data: &[u8]) {
    decode("decode_query", data);
}

/// REST-JSON (Lambda).
pub fn decode_rest_json(data: &[u8]) {
    decode("decode_rest_json", data);
}

/// REST-XML (S3).
pub fn decode_rest_xml(data: &[u8]) {
    decode("decode_rest_xml", data);
}

impl Service {
    fn new(protocol: Protocol, name: &str) -> Service {
        let model = model::catalog().get(name).expect("the catalog has it");
        let mut names: Vec<Arc<str>> = model.operations.keys().cloned().collect();
        names.sort();
        Service { protocol, router: Router::new(&model), model, names }
    }

    /// Reads `data` as a request: two bytes choose the operation; then come `/path?query`, `name: value` lines, an empty
    /// line and the body. Where the path leads to an operation, that one is decoded too.
    fn decode(&self, data: &[u8]) {
        let Some((choice, data)) = data.split_first_chunk::<2>() else { return };
        let chosen = &self.names[usize::from(u16::from_be_bytes(*choice)) % self.names.len()];
        let split = data.windows(2).position(|pair| pair == b"\n\n");
        let (head, body) = split.map_or((&[][..], data), |at| (&data[..at], &data[at + 2..]));
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let target = lines.next().unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = headers(lines.filter_map(|line| line.split_once(": ")));
        let operation = &self.model.operations[chosen];
        let request = Request { method: &operation.method, path, query, headers: &headers, body };
        self.check(operation, &request);
        if let Some(found) = self.router.find(&operation.method, path, query, &headers) {
            self.check(&self.model.operations[&found], &request);
        }
        wire::action(&String::from_utf8_lossy(body));
    }

    /// A value or an error that can be shown; the same each time. A value can be held against the model.
    fn check(&self, operation: &Operation, request: &Request<'_>) {
        let first = wire::decode(self.protocol, &self.model, operation, request);
        match &first {
            Err(error) => {
                assert!((400..500).contains(&error.status));
                assert!(error.message.len() < 2000 && !error.message.chars().any(char::is_control), "{error:?}");
            }
            Ok(value) => {
                if let Some(shape) = &operation.input {
                    model::validate(&self.model, shape, &model::Value::Struct(value.clone()));
                }
            }
        }
        let second = wire::decode(self.protocol, &self.model, operation, request);
        assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }
}

/// Those names and values that HTTP can carry.
pub(crate) fn headers<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.take(HEADERS_MAX) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.trim())) {
            headers.append(name, value);
        }
    }
    headers
}
