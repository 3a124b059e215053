//! Pages on the way of calls: recorded before they are sent, refused if they cannot be, and never in the way of buckets.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use base::Timestamp;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use journal::{Journal, MemoryJournal, ReadLimit, Seq};
use ports::{
    AccessRequest, Authorizer, Credential, Credentials, Decision, PageAnswer, PageEvent, PageIdentity, PageRequest,
    PageResponse, PageStep, Pages, Unavailable,
};
use tokio::sync::watch;
use worker::EntryKind;

use crate::{Deps, Gateway, HostNames, Limits, Outside, Recorder, Recording};

struct Nobody;

#[async_trait]
impl Credentials for Nobody {
    async fn find(&self, _: &str) -> Result<Option<Arc<Credential>>, Unavailable> {
        Ok(None)
    }

    fn used(&self, _: &ports::Caller, _: Timestamp, _: &str, _: &str) {}
}

#[async_trait]
impl Authorizer for Nobody {
    async fn decide(&self, _: &AccessRequest<'_>) -> Result<Decision, Unavailable> {
        Ok(Decision::ImplicitDeny(ports::Layer::Identity))
    }
}

#[async_trait]
impl ports::CrossOrigin for Nobody {
    async fn answer(&self, _: &ports::CrossOriginRequest<'_>) -> Result<ports::CrossOriginAnswer, Unavailable> {
        Err(Unavailable("nobody is asked".to_owned()))
    }
}

/// GET shows, POST signs in, PUT changes something.
struct Door;

fn page(status: u16, body: &'static str) -> PageResponse {
    PageResponse {
        status,
        headers: vec![("set-cookie", "a=1".to_owned()), ("set-cookie", "b=2".to_owned())],
        body: body.into(),
    }
}

fn event(name: &'static str, is_success: Option<bool>) -> PageEvent {
    let identity = PageIdentity::Root { account: "123456789012".into() };
    PageEvent { name, account: None, identity, error: None, is_success, additional: Vec::new() }
}

#[async_trait]
impl Pages for Door {
    fn has(&self, path: &str) -> bool {
        path.starts_with("/.cairn/")
    }

    async fn step(&self, request: PageRequest) -> PageStep {
        let done = |events, body| PageStep::Done(PageAnswer { response: page(200, body), events, is_failure: false });
        match request.method.as_str() {
            "GET" => done(Vec::new(), "shown"),
            "POST" => done(vec![event("CheckMfa", Some(true)), event("ConsoleLogin", Some(true))], "in"),
            _ => PageStep::Work {
                event: event("SwitchRole", None),
                work: Box::pin(async {
                    let events = vec![event("SwitchRole", Some(true))];
                    PageAnswer { response: page(200, "done"), events, is_failure: false }
                }),
            },
        }
    }

    fn refusal(&self, is_too_many: bool) -> PageResponse {
        page(if is_too_many { 429 } else { 503 }, "later")
    }
}

fn gateway(journal: &Arc<dyn Journal>) -> Arc<Gateway> {
    Arc::new(Gateway::new(Deps {
        env: testkit::env(testkit::ManualClock::at(Timestamp::from_secs(1_700_000_000)), 1),
        account: Arc::from("123456789012"),
        definitions: Vec::new(),
        accounts: None,
        credentials: Arc::new(Nobody),
        authorizer: Arc::new(Nobody),
        cross_origin: Arc::new(Nobody),
        pages: Some(Arc::new(Door)),
        recorder: Arc::new(Recorder::new(Arc::clone(journal), Recording::On)),
        limits: Limits::default(),
        host_names: HostNames::default(),
        outside: Outside::default(),
    }))
}

async fn send(gateway: &Arc<Gateway>, method: &str, host: &str, path: &str) -> (u16, usize, String) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let (_stop, stopping) = watch::channel(false);
    let peer = "192.0.2.1:9".parse().unwrap();
    tokio::spawn(crate::serve_stream(ours, peer, Arc::clone(gateway), Arc::new(AtomicBool::new(true)), stopping));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(theirs)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", host);
    let body = Full::new(bytes::Bytes::from_static(b"a=b"));
    let response = sender.send_request(request.body(body).unwrap()).await.unwrap();
    let (status, cookies) = (response.status().as_u16(), response.headers().get_all("set-cookie").iter().count());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, cookies, String::from_utf8_lossy(&body).into_owned())
}

fn recorded(journal: &Arc<dyn Journal>) -> Vec<String> {
    let entries = journal.read(Seq::FIRST, ReadLimit::default()).unwrap();
    let name = |entry: &journal::Entry| {
        let (kind, record) = match EntryKind::read(entry).unwrap() {
            EntryKind::Begin { record } => ("begin", record),
            EntryKind::Finish { record, .. } => ("finish", record),
            EntryKind::Control(_) | EntryKind::Data(_) => return None,
        };
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        Some(format!("{kind} {} {}", record["eventName"].as_str().unwrap(), record["eventType"].as_str().unwrap()))
    };
    entries.iter().filter_map(name).collect()
}

#[tokio::test]
async fn events_of_pages_are_recorded_in_order() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let gateway = gateway(&journal);
    assert_eq!(send(&gateway, "GET", "localhost", "/.cairn/x").await, (200, 2, "shown".to_owned()));
    assert_eq!(recorded(&journal), [""; 0]);
    assert_eq!(send(&gateway, "POST", "localhost", "/.cairn/x").await, (200, 2, "in".to_owned()));
    assert_eq!(recorded(&journal), ["finish CheckMfa AwsConsoleSignIn", "finish ConsoleLogin AwsConsoleSignIn"]);
    assert_eq!(send(&gateway, "PUT", "localhost", "/.cairn/x").await, (200, 2, "done".to_owned()));
    assert_eq!(recorded(&journal)[2..], ["begin SwitchRole AwsConsoleSignIn", "finish SwitchRole AwsConsoleSignIn"]);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_answered() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let gateway = gateway(&journal);
    journal.close();
    assert_eq!(send(&gateway, "GET", "localhost", "/.cairn/x").await.0, 200);
    assert_eq!(send(&gateway, "POST", "localhost", "/.cairn/x").await, (503, 2, "later".to_owned()));
    assert_eq!(send(&gateway, "PUT", "localhost", "/.cairn/x").await, (503, 2, "later".to_owned()));
}

#[tokio::test]
async fn objects_of_buckets_in_host_names_are_no_pages() {
    let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    let gateway = gateway(&journal);
    assert_eq!(send(&gateway, "GET", "bucket.localhost", "/.cairn/x").await.0, 403);
    assert_eq!(send(&gateway, "GET", "localhost", "/.cairnx").await.0, 403);
}
