//! [`Body`]: bytes that stream beside a call's values, into an operation or out of it.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};

use crate::ApiError;

/// A stream of bytes. A request's body has been verified only once the stream has ended without an error: until then what
/// came out of it must not become visible to anyone.
pub struct Body {
    stream: Pin<Box<dyn Stream<Item = Result<Bytes, ApiError>> + Send>>,
    len_bytes: Option<u64>,
    trailers: Arc<Mutex<Vec<(String, String)>>>,
}

impl Body {
    /// A body from a stream; `len_bytes` is what it will yield in all, if known.
    pub fn new(stream: impl Stream<Item = Result<Bytes, ApiError>> + Send + 'static, len_bytes: Option<u64>) -> Body {
        Body { stream: Box::pin(stream), len_bytes, trailers: Arc::default() }
    }

    /// A body with trailing headers, which its stream fills in before it ends.
    pub fn with_trailers(mut self, trailers: Arc<Mutex<Vec<(String, String)>>>) -> Body {
        self.trailers = trailers;
        self
    }

    /// A body of bytes at hand.
    pub fn from_bytes(bytes: Bytes) -> Body {
        let len = bytes.len() as u64;
        let items = (!bytes.is_empty()).then_some(Ok(bytes));
        Body::new(stream::iter(items), Some(len))
    }

    /// What the stream will yield in all, if known: for a chunked upload the decoded length.
    pub fn len_bytes(&self) -> Option<u64> {
        self.len_bytes
    }

    /// The next piece; `None` at the verified end.
    pub async fn next(&mut self) -> Option<Result<Bytes, ApiError>> {
        self.stream.next().await
    }

    /// All of it, refused with `EntityTooLarge` past `limit_bytes`.
    pub async fn collect(mut self, limit_bytes: usize) -> Result<Bytes, ApiError> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if all.len() + piece.len() > limit_bytes {
                let text = "Your proposed upload exceeds the maximum allowed size";
                return Err(ApiError::new("EntityTooLarge", 400, text));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.into())
    }

    /// The trailing headers (`x-amz-checksum-crc32` …), lower-case names. Complete once the stream has ended.
    pub fn trailers(&self) -> Vec<(String, String)> {
        self.trailers.lock().expect("no holder of this lock can panic").clone()
    }
}

impl Stream for Body {
    type Item = Result<Bytes, ApiError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("len_bytes", &self.len_bytes).finish_non_exhaustive()
    }
}
