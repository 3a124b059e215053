//! A whole node behind a pipe. Whatever comes in, nothing panics, no answer is a 500, and each answered call has exactly one record.
//!
//! Everything is in memory and the clock stands still. The node lives for some inputs, because making one costs more than a call.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use base::Timestamp;
use http::HeaderValue;
use journal::{Journal, MemoryJournal, ReadLimit, Seq};
use node::{Node, Options, Parts};
use ports::Secret;
use record::RecordView;
use sigv4::{Credentials, SignedRequest, Signer};
use testkit::ManualClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use worker::EntryKind;

use crate::decoding;
use crate::signing::NOW_MS;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY";
/// Inputs that one node sees: not too many, so that one input alone repeats what it found.
const INPUTS_MAX: u32 = 300;
/// What a pipe holds; it is made for every connection.
const PIPE_BYTES: usize = 8 << 10;
/// A node that did nothing while its caller gave way this often does nothing more.
const QUIET_TURNS: u32 = 40;
const TURNS_MAX: u32 = 100_000;
/// Calls of one input.
const CALLS_MAX: usize = 8;

/// What each node has before the first input.
const PREPARED: [&str; 3] = [
    "PUT s3 /logs\n\n",
    "PUT s3 /logs?policy\n\n{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"cloudtrail.amazonaws.com\"},\"Action\":[\"s3:PutObject\",\"s3:GetBucketAcl\"],\"Resource\":[\"arn:aws:s3:::logs\",\"arn:aws:s3:::logs/*\"]}]}",
    "PUT s3 /logs/key\n\nhello",
];

struct World {
    runtime: Runtime,
    node: Node,
    journal: Arc<MemoryJournal>,
    inputs: u32,
}

/// What can be seen of a connection from outside.
#[derive(Default)]
struct Seen {
    answered: Mutex<Vec<u8>>,
    /// Written to it.
    pieces: AtomicUsize,
}

impl Seen {
    fn answered(&self) -> MutexGuard<'_, Vec<u8>> {
        self.answered.lock().expect("nobody panics with it")
    }
}

/// The first line of an answer that says that the server is at fault. The whole line: an answer's body may repeat what the request
/// said, and a fuzzer finds out how such a line begins.
const FAILED: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\n";

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// A byte that says in which pieces the rest arrives, and what a client sends.
pub fn http_front(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    with_world(|world| drop(world.send(stream, usize::from(*step))));
}

/// Calls that are signed here, so that they get past the signature: `METHOD service /path?query`, `name: value` lines, an empty
/// line, the body; the next one after a line `%%`.
pub fn signed_calls(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    with_world(|world| {
        for call in text.split("\n%%\n").take(CALLS_MAX) {
            world.call(call);
        }
    });
}

fn with_world(work: impl FnOnce(&World)) {
    WORLD.with_borrow_mut(|kept| {
        // Taken out: one that panicked is not used again.
        let mut world = kept.take().unwrap_or_else(World::new);
        world.inputs += 1;
        work(&world);
        if world.inputs < INPUTS_MAX {
            *kept = Some(world);
        } else {
            world.runtime.block_on(world.node.stop()).expect("a node in memory stops");
        }
    });
}

impl World {
    fn new() -> World {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let journal = Arc::new(MemoryJournal::new());
        let env = testkit::env(ManualClock::at(Timestamp::from_ms(NOW_MS)), 7);
        let parts = Parts {
            host_keys: seal::HostKeys::parse(&seal::HostKeys::make(&*env.rng)).expect("keys just made"),
            master_key: Arc::new(
                kms::MasterKeys::parse(env.clone(), &kms::MasterKeys::make(&*env.rng)).expect("a key just made"),
            ),
            issuer_keys: Arc::new(sts::KeyFolder::new(Arc::clone(&env.disk), None)),
            key_maker: Arc::new(cloudtrail::RsaKeyMaker),
            env,
            account: Arc::from("123456789012"),
            root_key: iam::RootKey { access_key_id: KEY.to_owned(), secret: Secret(Arc::from(SECRET)) },
            journal: Arc::clone(&journal) as Arc<dyn Journal>,
            state: Arc::new(state::Memory::new()),
            objects: Arc::new(objects::Memory::new()),
            query_engine: None,
            way_out: node::WayOut::default(),
            options: Options::default(),
        };
        let node = runtime.block_on(Node::start(parts)).expect("a node in memory starts");
        let world = World { runtime, node, journal, inputs: 0 };
        PREPARED.into_iter().for_each(|call| assert!(world.call(call), "{call} was refused"));
        world
    }

    /// Signs and sends a call; whether it succeeded. A call that HTTP cannot carry is left out.
    fn call(&self, text: &str) -> bool {
        let Some(request) = signed(text) else { return false };
        let answer = self.send(&request, 0);
        answer.starts_with(b"HTTP/1.1 2")
    }

    /// Sends bytes over a connection of their own and checks what became of them. Returns what was answered.
    fn send(&self, stream: &[u8], step: usize) -> Vec<u8> {
        let before = self.journal.durable_end();
        let answered = self.runtime.block_on(async {
            let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            let peer = "203.0.113.7:50000".parse().expect("an address");
            let ready = Arc::new(AtomicBool::new(true));
            let gateway = Arc::clone(&self.node.gateway);
            let served = tokio::spawn(gateway::serve_stream(theirs, peer, gateway, ready, self.node.stop.subscribe()));
            let (mut reading, mut writing) = tokio::io::split(ours);
            let seen = Arc::new(Seen::default());
            let reader = tokio::spawn({
                let seen = Arc::clone(&seen);
                async move {
                    let mut piece = vec![0; PIPE_BYTES];
                    while let Ok(count @ 1..) = reading.read(&mut piece).await {
                        seen.answered().extend_from_slice(&piece[..count]);
                    }
                }
            });
            let (end, ended) = tokio::sync::oneshot::channel::<()>();
            let writer = tokio::spawn({
                let (seen, stream) = (Arc::clone(&seen), stream.to_vec());
                async move {
                    for piece in stream.chunks(if step == 0 { usize::MAX } else { step }) {
                        if writing.write_all(piece).await.is_err() {
                            return;
                        }
                        seen.pieces.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                    }
                    let _ = ended.await;
                    let _ = writing.shutdown().await;
                }
            });
            self.quiet(&seen).await;
            // Whoever sent whole requests has whole answers now, and each of them has its record.
            self.check(before, &seen.answered(), true);
            let _ = end.send(());
            self.quiet(&seen).await;
            // One that the server no longer reads, or that waits for an answer that never ends, is cut off.
            writer.abort();
            let _ = writer.await;
            self.quiet(&seen).await;
            reader.abort();
            let _ = reader.await;
            served.await.expect("a connection does not panic");
            self.quiet(&seen).await;
            std::mem::take(&mut *seen.answered())
        });
        self.check(before, &answered, false);
        answered
    }

    /// Waits until nothing happens any more.
    async fn quiet(&self, seen: &Seen) {
        let (mut last, mut quiet) = (None, 0);
        for _ in 0..TURNS_MAX {
            tokio::task::yield_now().await;
            let pieces = seen.pieces.load(Ordering::Relaxed);
            let now = Some((seen.answered().len(), pieces, self.journal.durable_end()));
            quiet = if now == last { quiet + 1 } else { 0 };
            last = now;
            if quiet >= QUIET_TURNS {
                return;
            }
        }
        panic!("the node is never quiet");
    }

    /// Holds what was answered against what was recorded since `before`.
    fn check(&self, before: Seq, answered: &[u8], all_answered: bool) {
        assert!(find(answered, FAILED, 0).is_none(), "{}", String::from_utf8_lossy(answered));
        let Ok(entries) = self.journal.read(before, ReadLimit { max_bytes: usize::MAX, max_entries: usize::MAX })
        else {
            return; // trimmed meanwhile
        };
        let mut recorded = BTreeSet::new();
        for entry in &entries {
            let Ok(EntryKind::Finish { record, .. }) = EntryKind::read(entry) else { continue };
            RecordView::parse(&record).expect("a record is a record");
            let record: serde_json::Value = serde_json::from_slice(&record).expect("a record is JSON");
            let id = record["requestID"].as_str().expect("a call has a request id").to_owned();
            assert!(!record.to_string().contains(SECRET), "a secret was recorded");
            assert!(recorded.insert(id), "two records of one call: {record}");
        }
        let answers = request_ids(answered);
        assert!(answers.is_subset(&recorded), "answered and not recorded: {answers:?} {recorded:?}");
        if all_answered {
            assert_eq!(answers, recorded, "recorded and not answered");
        }
    }
}

/// The request ids in the heads of answers.
fn request_ids(answered: &[u8]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in [&b"\r\nx-amzn-requestid: "[..], b"\r\nx-amz-request-id: "] {
        let mut from = 0;
        while let Some(at) = find(answered, name, from) {
            let value = &answered[at + name.len()..];
            let id = value.iter().take_while(|byte| **byte != b'\r').copied().collect();
            found.insert(String::from_utf8(id).expect("a request id is text"));
            from = at + name.len();
        }
    }
    found
}

fn find(text: &[u8], what: &[u8], from: usize) -> Option<usize> {
    text[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
}

/// A call as bytes, signed by the root user.
fn signed(text: &str) -> Option<Vec<u8>> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, service, target) = (words.next()?, words.next()?, words.next()?);
    http::Method::from_bytes(method.as_bytes()).ok()?;
    let uri: http::Uri = target.parse().ok().filter(|_| target.starts_with('/'))?;
    if service.is_empty() || !service.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return None;
    }
    let mut headers = decoding::headers(lines.filter_map(|line| line.split_once(':')));
    for name in ["content-length", "transfer-encoding", "authorization", "connection", "upgrade", "expect"] {
        headers.remove(name);
    }
    headers.entry("host").or_insert(HeaderValue::from_static("localhost:4566"));
    let credentials =
        Credentials { access_key_id: KEY.to_owned(), secret_access_key: SECRET.to_owned(), session_token: None };
    let signer = Signer { credentials: &credentials, region: "us-east-1", service, time: Timestamp::from_ms(NOW_MS) };
    let request = SignedRequest { method, path: uri.path(), query: uri.query().unwrap_or(""), headers: &headers };
    let added = signer.headers(&request, &sigv4::sha256_hex(body.as_bytes())).ok()?;
    added.into_iter().for_each(|(name, value)| drop(headers.insert(name, value)));
    let mut bytes = format!("{method} {target} HTTP/1.1\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    for (name, value) in &headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body.as_bytes());
    Some(bytes)
}
