//! [`HttpOut`]: requests with limits: on the time that all of it takes, on what is read of an answer, and on requests under way to one
//! host, so that one that hangs holds up nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ports::{Outbound, OutboundAnswer, OutboundRequest};
use tokio::sync::Semaphore;

use crate::addresses::{Reach, Resolver};

/// Requests under way to one host: enough for a fast one, few enough that one that hangs holds little.
pub const HOST_REQUESTS_MAX: usize = 64;
/// For a connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections kept to one host when nothing is to be sent.
const IDLE_PER_HOST_MAX: usize = 8;
/// For how long they are.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

type Inner = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// See the module.
pub struct HttpOut {
    client: Inner,
    reach: Reach,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl HttpOut {
    /// Trusts what this machine trusts. Fails if that cannot be read.
    pub fn new(reach: Reach) -> std::io::Result<Arc<HttpOut>> {
        let mut plain = HttpConnector::new_with_resolver(Resolver(reach));
        plain.enforce_http(false);
        plain.set_nodelay(true);
        plain.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())?
            .https_or_http()
            .enable_http1()
            .wrap_connector(plain);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .retry_canceled_requests(true)
            .build(connector);
        Ok(Arc::new(HttpOut { client, reach, hosts: Mutex::default() }))
    }

    fn places(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().expect("no holder of this lock can panic");
        if let Some(places) = hosts.get(host) {
            return Arc::clone(places);
        }
        // Those that nobody uses are forgotten, so that there are never more than requests under way.
        hosts.retain(|_, places| Arc::strong_count(places) > 1);
        let places = Arc::new(Semaphore::new(HOST_REQUESTS_MAX));
        hosts.insert(host.to_owned(), Arc::clone(&places));
        places
    }

    async fn exchange(&self, request: OutboundRequest) -> Result<OutboundAnswer, String> {
        let uri: Uri = request.url.parse().map_err(|_| "the URL is not one".to_owned())?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err("the URL is neither of http nor of https".to_owned());
        }
        let authority = uri.authority().ok_or_else(|| "the URL has no host".to_owned())?.clone();
        // Addresses in URLs are not resolved, so that the resolver does not see them.
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = host.parse() {
            self.reach.check(address)?;
        }
        let places = self.places(&authority.host().to_ascii_lowercase());
        let _place = places.acquire().await.map_err(|_| "the server is stopping".to_owned())?;
        let mut outgoing = Request::builder().method(request.method).uri(uri);
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header's name is not one".to_owned())?;
            let value = HeaderValue::from_str(value).map_err(|_| format!("the header {name} cannot be sent"))?;
            outgoing = outgoing.header(name, value);
        }
        if let Some((user, password)) = credentials(authority.as_str()) {
            outgoing = outgoing.header("authorization", basic(&user, &password));
        }
        let outgoing = outgoing.body(Full::new(request.body)).map_err(|_| "the request cannot be made".to_owned())?;
        let answer = self.client.request(outgoing).await.map_err(|error| reason(&error))?;
        let status = answer.status().as_u16();
        let mut body = answer.into_body();
        let mut read = BytesMut::new();
        while read.len() < request.answer_bytes_max {
            let Some(frame) = body.frame().await else { break };
            let Ok(frame) = frame else { break };
            if let Some(data) = frame.data_ref() {
                let room = request.answer_bytes_max - read.len();
                read.extend_from_slice(&data[..data.len().min(room)]);
            }
        }
        Ok(OutboundAnswer { status, body: read.freeze() })
    }
}

#[async_trait]
impl Outbound for HttpOut {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundAnswer, String> {
        let timeout = Duration::from_millis(request.timeout_ms);
        match tokio::time::timeout(timeout, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {} ms", timeout.as_millis())),
        }
    }
}

/// The user and password that a URL names before its host, decoded.
fn credentials(authority: &str) -> Option<(String, String)> {
    let (before, _) = authority.rsplit_once('@')?;
    let (user, password) = before.split_once(':').unwrap_or((before, ""));
    Some((unescaped(user), unescaped(password)))
}

fn unescaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut ahead = bytes.clone();
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// RFC 7617.
fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// The innermost cause: what a person needs to know, without what was sent.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let mut text = cause.to_string();
    text.truncate(text.char_indices().nth(200).map_or(text.len(), |(at, _)| at));
    text
}
