//! Clients: requests are signed with real keys and sent over pipes to the gateway. Each request carries a mark of its own in its user
//! agent, so that its record can be found though its answer never came.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Clock;
use gateway::Gateway;
use http::{HeaderMap, HeaderName, HeaderValue};
use sigv4::{Credentials, SignedRequest, Signer, sha256_hex};
use tokio::sync::watch;

use crate::chance::Chance;
use crate::faults::Faults;
use crate::http::{Answer, Manner, exchange};
use crate::model::End;
use crate::witness::{Answered, Witness};

/// What a pipe holds.
const PIPE_BYTES: usize = 32 << 10;
/// The service's account.
pub(crate) const ACCOUNT: &str = "123456789012";

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The account.
    Root,
    /// The user `alice`, who may do everything.
    Alice,
    /// The user `bob`, who may do nothing.
    Bob,
    /// Somebody with a key that nobody has given out.
    Stranger,
    /// Somebody who does not sign.
    Nobody,
    /// Somebody who signs with a wrong secret.
    Forger,
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) who: Who,
    /// The name of its event.
    pub(crate) event: String,
    pub(crate) service: &'static str,
    pub(crate) region: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// A call that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) event: String,
    /// The status, and whether the call must have a record.
    pub(crate) answer: Option<(u16, bool)>,
}

/// All calls of a world, and the keys of its users.
#[derive(Default)]
pub(crate) struct Ledger {
    sent: Mutex<Vec<Sent>>,
    keys: Mutex<BTreeMap<&'static str, (String, String)>>,
}

impl Ledger {
    /// All calls so far; the first has the mark 0.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.lock().clone()
    }

    /// How many calls there were.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// A user has a key.
    pub(crate) fn set_key(&self, user: &'static str, id: String, secret: String) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(user, (id, secret));
    }

    fn key(&self, user: &str) -> (String, String) {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(user).cloned().unwrap_or_else(|| ("AKIA0000000000000000".to_owned(), "none".to_owned()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Sent>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way to a running server.
pub(crate) struct Line {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) witness: Arc<Witness>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) ready: Arc<AtomicBool>,
    /// Whether calls are remembered and held against the invariants.
    pub(crate) watched: bool,
}

impl Request {
    /// A call of a JSON service.
    pub(crate) fn json(who: Who, service: &'static str, operation: &str, body: &serde_json::Value) -> Request {
        let prefix = if service == "cairn" { "Cairn_20261101" } else { "CloudTrail_20131101" };
        Request {
            who,
            event: operation.to_owned(),
            service,
            region: "us-east-1",
            method: "POST",
            path: "/".to_owned(),
            query: String::new(),
            headers: vec![
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", format!("{prefix}.{operation}")),
            ],
            body: body.to_string().into_bytes(),
        }
    }

    /// A call of a Query service.
    pub(crate) fn query(who: Who, service: &'static str, operation: &str, rest: &str) -> Request {
        let version = if service == "sts" { "2011-06-15" } else { "2010-05-08" };
        Request {
            who,
            event: operation.to_owned(),
            service,
            region: "us-east-1",
            method: "POST",
            path: "/".to_owned(),
            query: String::new(),
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: format!("Action={operation}&Version={version}{rest}").into_bytes(),
        }
    }

    /// A call of S3.
    pub(crate) fn s3(who: Who, event: &str, method: &'static str, path: &str, query: &str, body: Vec<u8>) -> Request {
        Request {
            who,
            event: event.to_owned(),
            service: "s3",
            region: "us-east-1",
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body,
        }
    }

    /// The same in another region.
    pub(crate) fn within(mut self, region: &'static str) -> Request {
        self.region = region;
        self
    }

    fn head(&self, mark: usize, ledger: &Ledger, now: base::Timestamp) -> Vec<u8> {
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            let value = HeaderValue::from_str(value).expect("the workload's headers are plain text");
            headers.insert(HeaderName::from_static(name), value);
        };
        put("host", "localhost:4566");
        put("user-agent", &format!("sim/{mark}"));
        put("content-length", &self.body.len().to_string());
        put("connection", "close");
        for (name, value) in &self.headers {
            put(name, value);
        }
        let key = match self.who {
            Who::Nobody => None,
            Who::Root => Some(ledger.key("root")),
            Who::Alice => Some(ledger.key("alice")),
            Who::Bob => Some(ledger.key("bob")),
            Who::Stranger => Some(("AKIASTRANGERSTRANGER".to_owned(), "x".to_owned())),
            Who::Forger => Some((ledger.key("root").0, "wrong".to_owned())),
        };
        if let Some((access_key_id, secret_access_key)) = key {
            let credentials = Credentials { access_key_id, secret_access_key, session_token: None };
            let signer = Signer { credentials: &credentials, region: self.region, service: self.service, time: now };
            let request =
                SignedRequest { method: self.method, path: &self.path, query: &self.query, headers: &headers };
            let added = signer.headers(&request, &sha256_hex(&self.body)).expect("there is no session token");
            headers.extend(added);
        }
        let question = if self.query.is_empty() { "" } else { "?" };
        let mut head = format!("{} {}{question}{} HTTP/1.1\r\n", self.method, self.path, self.query);
        for (name, value) in &headers {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// As a record has it.
    fn identity(&self) -> &'static str {
        match self.who {
            Who::Root => "Root",
            Who::Alice => "alice",
            Who::Bob => "bob",
            Who::Stranger | Who::Nobody | Who::Forger => "",
        }
    }
}

impl Line {
    /// Sends a request the plain way and waits for as long as it takes.
    pub(crate) async fn ask(&self, request: &Request) -> Option<Answer> {
        self.call(request, Manner::Plain, Duration::from_secs(600), &Chance::new(0)).await
    }

    /// Sends a request. `None`: it was not answered.
    pub(crate) async fn call(
        &self,
        request: &Request,
        manner: Manner,
        patience: Duration,
        chance: &Chance,
    ) -> Option<Answer> {
        let mark = if !self.watched {
            0
        } else {
            let mut sent = self.ledger.lock();
            sent.push(Sent { event: request.event.clone(), answer: None });
            sent.len() - 1
        };
        let Request { who, event, path, query, .. } = request;
        let said = if request.service == "cloudtrail" { String::from_utf8_lossy(&request.body) } else { "".into() };
        let said = said.chars().take(80).collect::<String>();
        self.witness.note(&format!("call {mark} {who:?} {event} {path} {query} {said} {manner:?}"));
        let mut bytes = request.head(mark, &self.ledger, self.witness.clock.now());
        bytes.extend_from_slice(&request.body);
        let disk_failures = self.faults.disk_failures();
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let peer = SocketAddr::from(([192, 0, 2, 7], 40_000));
        let (gateway, ready, stop) = (Arc::clone(&self.gateway), Arc::clone(&self.ready), self.stop.clone());
        tokio::spawn(gateway::serve_stream(theirs, peer, gateway, ready, stop));
        let answer = tokio::time::timeout(patience, exchange(ours, &bytes, manner, chance)).await;
        if !self.watched {
            return answer.ok().flatten();
        }
        if self.faults.is_dead() {
            // The power went: nobody has seen anything after that.
            std::future::pending::<()>().await;
        }
        let Some(answer) = answer.ok().flatten() else {
            self.witness.note(&format!("call {mark} is not answered"));
            return None;
        };
        let code = answer.error_code();
        self.witness.note(&format!("call {mark} is answered {} {}", answer.status, code.as_deref().unwrap_or("")));
        self.witness.trace.absorb(&answer.body);
        let recorded = answer.status < 500 || self.faults.disk_failures() == disk_failures;
        self.ledger.lock()[mark].answer = Some((answer.status, recorded));
        let Some(request_id) = answer.request_id() else {
            self.witness
                .violated(1, format!("call {mark} ({event}) is answered without a request identifier: {answer:?}"));
            return Some(answer);
        };
        if recorded {
            self.witness.answered(&Answered {
                mark: u64::try_from(mark).unwrap_or(u64::MAX),
                request_id: request_id.to_owned(),
                event_name: event.clone(),
                who: request.identity().to_owned(),
                error_code: code,
            });
        }
        Some(answer)
    }
}

/// How a change ended, by its answer.
pub(crate) fn end_of(answer: Option<&Answer>) -> End {
    match answer {
        None => End::Lost,
        Some(answer) if answer.status < 300 => End::Done,
        Some(answer) if answer.status < 500 => End::Refused,
        // Nothing of an operation runs that is not there.
        Some(answer) if answer.status == 501 => End::Refused,
        Some(_) => End::Unknown,
    }
}
