//! The load: connections that send prepared requests again and again and read whole answers. As little work as possible, so
//! that what is measured is the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::requests::Request;

/// Answers are read in pieces of at most this size.
const PIECE_BYTES: usize = 256 << 10;

/// What a run measured.
#[derive(Clone, Copy)]
pub struct Run {
    /// Answers in all.
    pub answers: usize,
    /// Answers per second of wall time.
    pub per_second: f64,
    /// Half of the answers took at most this long.
    pub p50_us: f64,
    /// All but one in a hundred took at most this long.
    pub p99_us: f64,
    /// Processor time of the server for each answer, if that was measured: it depends little on what else the machine does.
    pub cpu_us: Option<f64>,
}

/// When a run ends.
#[derive(Clone, Copy)]
pub enum Until {
    /// After this time.
    Time(Duration),
    /// After so many answers over all connections.
    Answers(usize),
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

/// Sends one request and returns the body of a good answer.
pub fn once(address: &str, request: &Request) -> Vec<u8> {
    try_once(address, request).unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// The same, for a server that may not be there yet.
pub fn try_once(address: &str, request: &Request) -> Result<Vec<u8>, String> {
    runtime().block_on(async {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let mut connection = Connection::new(stream);
        connection.keep = Some(Vec::new());
        connection.call(request).await?;
        Ok(connection.keep.take().unwrap_or_default())
    })
}

/// Sends requests over `clients` connections, each connection its own.
pub fn run(address: &str, clients: usize, until: Until, request: impl Fn(usize) -> Request) -> Run {
    let began = Instant::now();
    let mut latencies = runtime().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for client in 0..clients {
            let request = Arc::new(request(client));
            let address = address.to_owned();
            let until = match until {
                Until::Time(time) => Until::Time(time),
                Until::Answers(count) => Until::Answers(count.div_ceil(clients)),
            };
            tasks.spawn(async move { drive(&address, &request, until).await });
        }
        tasks.join_all().await.concat()
    });
    let took = match until {
        Until::Time(time) => time.max(began.elapsed()),
        Until::Answers(_) => began.elapsed(),
    };
    latencies.sort_unstable();
    let at =
        |percent: usize| latencies.get(latencies.len() * percent / 100).map_or(0.0, |time| time.as_secs_f64() * 1e6);
    let answers = latencies.len();
    Run { answers, per_second: count(answers) / took.as_secs_f64(), p50_us: at(50), p99_us: at(99), cpu_us: None }
}

/// A number of things, to calculate with.
#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "counts of what happened within minutes")]
pub fn count(number: usize) -> f64 {
    number as f64
}

async fn drive(address: &str, request: &Request, until: Until) -> Vec<Duration> {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a TCP option");
    let mut connection = Connection::new(stream);
    let mut latencies = Vec::new();
    let start = Instant::now();
    loop {
        let began = Instant::now();
        let done = match until {
            Until::Time(time) => began.duration_since(start) >= time,
            Until::Answers(count) => latencies.len() >= count,
        };
        if done {
            return latencies;
        }
        connection.call(request).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        latencies.push(began.elapsed());
    }
}

struct Connection {
    stream: TcpStream,
    piece: Vec<u8>,
    head: Vec<u8>,
    /// The answer's body, for those who want it.
    keep: Option<Vec<u8>>,
}

impl Connection {
    fn new(stream: TcpStream) -> Connection {
        Connection { stream, piece: vec![0; PIECE_BYTES], head: Vec::new(), keep: None }
    }

    /// Sends a request and reads its answer to the end. An answer that is neither a 2xx nor a redirection is an error.
    async fn call(&mut self, request: &Request) -> Result<(), String> {
        let failed = |error: std::io::Error| error.to_string();
        self.stream.write_all(&request.head).await.map_err(failed)?;
        if !request.body.is_empty() {
            self.stream.write_all(&request.body).await.map_err(failed)?;
        }
        self.head.clear();
        let (mut left, body_at) = loop {
            let count = self.stream.read(&mut self.piece).await.map_err(failed)?;
            if count == 0 {
                return Err(format!("the connection was closed after {:?}", String::from_utf8_lossy(&self.head)));
            }
            self.head.extend_from_slice(&self.piece[..count]);
            if let Some(end) = find(&self.head, b"\r\n\r\n") {
                let known =
                    if request.head.starts_with(b"HEAD ") { Some(0) } else { content_length(&self.head[..end]) };
                let length = known.ok_or_else(|| {
                    format!("an answer without a length: {}", String::from_utf8_lossy(&self.head[..end]))
                })?;
                break (length.saturating_sub(self.head.len() - end - 4), end + 4);
            }
        };
        if let Some(keep) = &mut self.keep {
            keep.extend_from_slice(&self.head[body_at..]);
        }
        while left > 0 {
            let room = left.min(self.piece.len());
            let count = self.stream.read(&mut self.piece[..room]).await.map_err(failed)?;
            if count == 0 {
                return Err("the connection was closed within a body".to_owned());
            }
            left -= count;
            if let Some(keep) = &mut self.keep {
                keep.extend_from_slice(&self.piece[..count]);
            }
        }
        if self.head.starts_with(b"HTTP/1.1 2") || self.head.starts_with(b"HTTP/1.1 303") {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&self.head).into_owned())
        }
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(head).ok()?;
    if text.starts_with("HTTP/1.1 204") {
        return Some(0);
    }
    let of = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    text.lines().find_map(of)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
