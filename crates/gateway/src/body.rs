//! A request's body: buffered within limits, or as a stream that checks hash, chunk signatures and length on its way.

use std::io::Read as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::Clock;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use service::{ApiError, Body};
use sigv4::{ChunkDecoder, Family, PayloadHash};
use tokio::sync::mpsc;

use crate::failure;

/// Pieces of a streamed body that wait for the operation: bounds memory to this many times hyper's read buffer.
const PIECES_WAITING_MAX: usize = 8;

/// Reads a whole body of at most `limit_bytes`.
pub async fn collect(mut body: Incoming, limit_bytes: usize, timeout: Duration) -> Result<Bytes, ApiError> {
    let hint = body.size_hint().upper().unwrap_or(0);
    if hint > limit_bytes as u64 {
        return Err(too_large(limit_bytes));
    }
    let mut first: Option<Bytes> = None;
    let mut all = BytesMut::new();
    while let Some(piece) = next(&mut body, timeout).await? {
        if all.len() + first.as_ref().map_or(0, Bytes::len) + piece.len() > limit_bytes {
            return Err(too_large(limit_bytes));
        }
        // Most bodies come in one piece, which is then handed on without a copy.
        if first.is_none() && all.is_empty() {
            first = Some(piece);
        } else {
            if let Some(first) = first.take() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&piece);
        }
    }
    Ok(first.unwrap_or_else(|| all.freeze()))
}

/// The refusal of a body that is longer than `limit_bytes`.
pub fn too_large(limit_bytes: usize) -> ApiError {
    ApiError::new(
        "RequestEntityTooLargeException",
        413,
        format!("The request body is longer than {limit_bytes} bytes."),
    )
}

/// The refusal of a body that comes too slowly.
pub fn timed_out() -> ApiError {
    let text = "Your socket connection to the server was not read from or written to within the timeout period.";
    ApiError::new("RequestTimeout", 400, text)
}

async fn next(body: &mut Incoming, timeout: Duration) -> Result<Option<Bytes>, ApiError> {
    loop {
        let frame = tokio::time::timeout(timeout, body.frame()).await;
        match frame.map_err(|_| timed_out())? {
            None => return Ok(None),
            Some(Err(_)) => {
                let text = "You did not provide the number of bytes specified by the Content-Length HTTP header";
                return Err(ApiError::new("IncompleteBody", 400, text));
            }
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data()
                    && !data.is_empty()
                {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// The plain bytes of a body that the client compressed (`content-encoding: gzip`, which SDKs use for large requests), of at
/// most `limit_bytes`. `None` if it is not compressed. S3's bodies are objects, kept as they come.
pub fn inflate(
    headers: &HeaderMap,
    family: Family,
    body: &[u8],
    limit_bytes: usize,
) -> Result<Option<Vec<u8>>, ApiError> {
    let is_gzip = headers.get("content-encoding").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"gzip"));
    if !is_gzip || family == Family::S3 {
        return Ok(None);
    }
    let mut plain = Vec::new();
    let limit = limit_bytes as u64 + 1;
    let read = flate2::read::MultiGzDecoder::new(body).take(limit).read_to_end(&mut plain);
    read.map_err(|_| {
        ApiError::new("SerializationException", 400, "The request body is not the gzip data that it says it is.")
    })?;
    if plain.len() > limit_bytes { Err(too_large(limit_bytes)) } else { Ok(Some(plain)) }
}

/// How a streamed body is checked.
pub enum Check {
    /// Not at all.
    None,
    /// Against the hash that was signed.
    Hash(PayloadHash),
    /// Chunk by chunk.
    Chunks(Box<ChunkDecoder>),
}

/// How slow a client may be, and who knows the time.
pub struct Patience {
    /// Between two pieces.
    pub pause: Duration,
    /// All the waiting together, whatever comes.
    pub total: Duration,
    /// Before [`Patience::bytes_per_sec_min`] counts.
    pub grace: Duration,
    /// What each second of waiting must have brought.
    pub bytes_per_sec_min: u64,
    /// Measures the waiting.
    pub clock: Arc<dyn Clock>,
}

impl Patience {
    /// How long the next piece may take, after so much waiting for so many bytes. `None` if the client was too slow already.
    fn left(&self, waited: Duration, received_bytes: u64) -> Option<Duration> {
        let earned_secs = received_bytes / self.bytes_per_sec_min.max(1);
        let allowed = self.grace.saturating_add(Duration::from_secs(earned_secs)).min(self.total);
        allowed.checked_sub(waited).filter(|left| !left.is_zero()).map(|left| left.min(self.pause))
    }
}

/// A body that streams into an operation, with its check; `received_bytes` counts the data that came out of it. `is_full` says
/// that no more may come.
pub fn stream(
    incoming: Incoming,
    check: Check,
    patience: Patience,
    received_bytes: Arc<AtomicU64>,
    is_full: impl Fn() -> bool + Send + 'static,
) -> Body {
    let len = match &check {
        Check::Chunks(decoder) => Some(decoder.decoded_length()),
        Check::None | Check::Hash(_) => incoming.size_hint().exact(),
    };
    let trailers = Arc::new(Mutex::new(Vec::new()));
    let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    let mut pump = Pump { incoming, check, patience, received_bytes, trailers: Arc::clone(&trailers), sender, is_full };
    tokio::spawn(async move {
        if let Err(error) = pump.run().await {
            // The operation may have gone away: then nobody wants the error.
            let _ = pump.sender.send(Err(error)).await;
        }
    });
    Body::new(Received(receiver), len).with_trailers(trailers)
}

struct Pump<F> {
    incoming: Incoming,
    check: Check,
    patience: Patience,
    received_bytes: Arc<AtomicU64>,
    trailers: Arc<Mutex<Vec<(String, String)>>>,
    sender: mpsc::Sender<Result<Bytes, ApiError>>,
    is_full: F,
}

impl<F: Fn() -> bool> Pump<F> {
    /// The next piece, if it comes in time. Only the client's time counts, not that of the operation.
    async fn next(&mut self, waited: &mut Duration) -> Result<Option<Bytes>, ApiError> {
        let left = self.patience.left(*waited, self.received_bytes.load(Ordering::Relaxed)).ok_or_else(timed_out)?;
        let start_ms = self.patience.clock.monotonic_ms();
        let piece = next(&mut self.incoming, left).await;
        *waited += Duration::from_millis(self.patience.clock.monotonic_ms().saturating_sub(start_ms));
        piece
    }

    async fn run(&mut self) -> Result<(), ApiError> {
        let mut out = Vec::new();
        let mut waited = Duration::ZERO;
        while let Some(piece) = self.next(&mut waited).await? {
            if (self.is_full)() {
                return Err(failure::of_disk());
            }
            match &mut self.check {
                Check::None => out.push(piece),
                Check::Hash(hash) => {
                    hash.update(&piece);
                    out.push(piece);
                }
                Check::Chunks(decoder) => decoder.feed(piece, &mut out).map_err(s3_error)?,
            }
            for piece in out.drain(..) {
                self.received_bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
                if self.sender.send(Ok(piece)).await.is_err() {
                    return Ok(());
                }
            }
        }
        match std::mem::replace(&mut self.check, Check::None) {
            Check::None => {}
            Check::Hash(hash) => hash.finish().map_err(s3_error)?,
            Check::Chunks(decoder) => {
                let trailers = decoder.finish().map_err(s3_error)?;
                let trailers = trailers.into_iter().map(|trailer| (trailer.name, trailer.value)).collect();
                *self.trailers.lock().expect("no holder of this lock can panic") = trailers;
            }
        }
        Ok(())
    }
}

fn s3_error(error: sigv4::Error) -> ApiError {
    failure::of_signature(&error, Family::S3)
}

struct Received(mpsc::Receiver<Result<Bytes, ApiError>>);

impl futures_util::Stream for Received {
    type Item = Result<Bytes, ApiError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Bytes, ApiError>>> {
        self.0.poll_recv(cx)
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    #[test]
    fn a_trickling_client_is_given_up_and_a_slow_one_is_not() {
        let patience = Patience {
            pause: Duration::from_secs(30),
            total: Duration::from_secs(1000),
            grace: Duration::from_secs(60),
            bytes_per_sec_min: 100,
            clock: testkit::ManualClock::at(Timestamp::from_ms(0)),
        };
        let left = |waited, bytes| patience.left(Duration::from_secs(waited), bytes).map(|left| left.as_secs());
        assert_eq!(left(0, 0), Some(30));
        assert_eq!(left(50, 0), Some(10));
        assert_eq!(left(60, 99), None, "a byte now and then earns nothing");
        assert_eq!(left(60, 1000), Some(10));
        assert_eq!(left(500, 100 * 500), Some(30));
        assert_eq!(left(990, 1 << 40), Some(10));
        assert_eq!(left(1000, 1 << 40), None);
    }
}
