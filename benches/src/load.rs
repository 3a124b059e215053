//! The load: connections that send one prepared request again and again and read whole answers. As little work as possible, so
//! that what is measured is the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Timestamp;
use http::{HeaderMap, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};

/// A request as bytes.
pub struct Request(Vec<u8>);

/// What a run measured.
pub struct Run {
    /// Answers per second of wall time.
    pub per_second: f64,
    /// Half of the answers took at most this long.
    pub p50_us: u128,
    /// All but one in a hundred took at most this long.
    pub p99_us: u128,
}

impl Request {
    /// STS GetCallerIdentity: the smallest call that is identified, decoded, authorized and recorded.
    pub fn caller_identity(host: &str) -> Request {
        let body = "Action=GetCallerIdentity&Version=2011-06-15";
        Request::signed(
            host,
            "POST",
            "/",
            "sts",
            Some("application/x-www-form-urlencoded; charset=utf-8"),
            body.as_bytes(),
        )
    }

    /// A bucket for [`Request::put_object`].
    pub fn create_bucket(host: &str) -> Request {
        Request::signed(host, "PUT", "/bench", "s3", None, b"")
    }

    /// A small object: a call with a BEGIN and a FINISH entry and a change of state.
    pub fn put_object(host: &str, client: usize) -> Request {
        Request::signed(host, "PUT", &format!("/bench/object-{client}"), "s3", None, &[b'x'; 1024])
    }

    /// No call at all: what the HTTP stack does by itself.
    pub fn healthz(host: &str) -> Request {
        Request(format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes())
    }

    fn signed(host: &str, method: &str, path: &str, service: &str, content_type: Option<&str>, body: &[u8]) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_str(host).expect("an address is a header value"));
        headers.insert(
            "user-agent",
            HeaderValue::from_static("cairn-bench/1 (a user agent about as long as that of an SDK is)"),
        );
        if let Some(content_type) = content_type {
            headers
                .insert("content-type", HeaderValue::from_str(content_type).expect("a media type is a header value"));
        }
        let credentials = sigv4::Credentials {
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
            session_token: None,
        };
        let time: Timestamp = system::env().clock.now();
        let signer = sigv4::Signer { credentials: &credentials, region: "us-east-1", service, time };
        let unsigned = sigv4::SignedRequest { method, path, query: "", headers: &headers };
        let added = signer.headers(&unsigned, &sigv4::sha256_hex(body)).expect("signing gives header values");
        headers.extend(added.into_iter().map(|(name, value)| (Some(name), value)));
        let mut bytes = format!("{method} {path} HTTP/1.1\r\ncontent-length: {}\r\n", body.len()).into_bytes();
        for (name, value) in &headers {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        Request(bytes)
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

/// Sends one request and expects a good answer.
pub fn once(address: &str, request: &Request) {
    runtime().block_on(async {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        call(&mut stream, request, &mut Vec::new()).await;
    });
}

/// Sends requests over `clients` connections for `time`.
pub fn run(address: &str, clients: usize, time: Duration, request: impl Fn(usize) -> Request) -> Run {
    let mut latencies = runtime().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        let end = Instant::now() + time;
        for client in 0..clients {
            let request = Arc::new(request(client));
            let address = address.to_owned();
            tasks.spawn(async move { drive(&address, &request, end).await });
        }
        tasks.join_all().await.concat()
    });
    latencies.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "a count of calls within seconds")]
    let per_second = latencies.len() as f64 / time.as_secs_f64();
    let at = |percent: usize| latencies.get(latencies.len() * percent / 100).map_or(0, Duration::as_micros);
    Run { per_second, p50_us: at(50), p99_us: at(99) }
}

async fn drive(address: &str, request: &Request, end: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a TCP option");
    let mut latencies = Vec::new();
    let mut buffer = Vec::new();
    loop {
        let began = Instant::now();
        if began >= end {
            return latencies;
        }
        call(&mut stream, request, &mut buffer).await;
        latencies.push(began.elapsed());
    }
}

/// Sends a request and reads its answer to the end.
async fn call(stream: &mut TcpStream, request: &Request, buffer: &mut Vec<u8>) {
    stream.write_all(&request.0).await.expect("the server reads");
    buffer.clear();
    loop {
        let count = stream.read_buf(buffer).await.expect("the server answers");
        assert!(count > 0, "the server closed the connection after {:?}", String::from_utf8_lossy(buffer));
        if let Some(head) = find(buffer, b"\r\n\r\n") {
            let length = content_length(&buffer[..head]);
            if buffer.len() >= head + 4 + length {
                break;
            }
        }
    }
    assert!(buffer.starts_with(b"HTTP/1.1 200"), "refused: {}", String::from_utf8_lossy(buffer));
}

fn content_length(head: &[u8]) -> usize {
    let at = find(head, b"content-length: ").map(|at| at + 16);
    let digits = at.map_or(&[][..], |at| &head[at..]);
    digits.iter().take_while(|b| b.is_ascii_digit()).fold(0, |n, b| n * 10 + usize::from(b - b'0'))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
