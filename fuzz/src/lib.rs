//! What the targets that decode requests share: a real service model, and a request cut out of the fuzzer's bytes.

use std::io::Read;

use http::{HeaderMap, HeaderName, HeaderValue};
use model::{Model, Operation, Protocol};
use wire::{Request, Router};

/// A service with its operations in order.
pub struct Service {
    protocol: Protocol,
    model: Model,
    router: Router,
    names: Vec<String>,
}

impl Service {
    /// Unpacks a model of the folder `models`.
    pub fn new(protocol: Protocol, name: &str, packed: &[u8]) -> Service {
        let mut json = Vec::new();
        flate2::read::GzDecoder::new(packed).read_to_end(&mut json).expect("our models are gzip");
        let model = model::load(name, &json).expect("our models can be read");
        let mut names: Vec<String> = model.operations.keys().map(|name| name.to_string()).collect();
        names.sort();
        Service { protocol, router: Router::new(&model), model, names }
    }

    /// Reads `data` as a request: two bytes choose the operation; then come `/path?query`, `name: value` lines, an empty
    /// line and the body. Where the path leads to an operation, that one is decoded too.
    pub fn decode(&self, data: &[u8]) {
        let Some((choice, data)) = data.split_first_chunk::<2>() else { return };
        let chosen = &self.names[usize::from(u16::from_be_bytes(*choice)) % self.names.len()];
        let split = data.windows(2).position(|pair| pair == b"\n\n");
        let (head, body) = split.map_or((&[][..], data), |at| (&data[..at], &data[at + 2..]));
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let target = lines.next().unwrap_or("/");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")).take(64) {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
                headers.append(name, value);
            }
        }
        let operation = &self.model.operations[chosen.as_str()];
        let request = Request { method: &operation.method, path, query, headers: &headers, body };
        self.check(operation, &request);
        if let Some(found) = self.router.find(&operation.method, path, query, &headers) {
            self.check(&self.model.operations[&found], &request);
        }
        wire::action(&String::from_utf8_lossy(body));
    }

    /// A value or an error that can be shown; the same each time.
    fn check(&self, operation: &Operation, request: &Request<'_>) {
        let first = wire::decode(self.protocol, &self.model, operation, request);
        if let Err(error) = &first {
            assert!((400..500).contains(&error.status));
            assert!(error.message.len() < 2000 && !error.message.chars().any(char::is_control), "{error:?}");
        }
        let second = wire::decode(self.protocol, &self.model, operation, request);
        assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }
}
