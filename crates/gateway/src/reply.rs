//! An answer on its way out: what was encoded, as hyper wants it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use service::{ApiError, Body};

/// The body of an answer: at hand, or streaming out of an operation.
#[derive(Debug)]
pub enum ReplyBody {
    /// At hand.
    Full(Option<Bytes>),
    /// Streaming. An error ends the connection, so that the client sees a short body rather than a wrong one.
    Stream(Body),
}

impl HttpBody for ReplyBody {
    type Data = Bytes;
    type Error = ApiError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ApiError>>> {
        match self.get_mut() {
            ReplyBody::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            ReplyBody::Stream(body) => Pin::new(body).poll_next(cx).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReplyBody::Full(bytes) => bytes.is_none(),
            ReplyBody::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            ReplyBody::Stream(body) => body.len_bytes().map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}

/// An answer with a short text, for what is not an AWS call.
pub fn text(status: u16, text: &'static str) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::Full(Some(Bytes::from_static(text.as_bytes()))));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// An answer from what a codec wrote.
pub fn from_wire(encoded: wire::Response) -> Response<ReplyBody> {
    let body = (!encoded.body.is_empty()).then_some(encoded.body);
    let mut response = Response::new(ReplyBody::Full(body));
    *response.status_mut() = StatusCode::from_u16(encoded.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().reserve(encoded.headers.len() + 2);
    for (name, value) in &encoded.headers {
        put_header(response.headers_mut(), name, value);
    }
    response
}

/// Adds a header. One that HTTP cannot carry is left out: its name or value came from a client and was checked before.
pub fn put_header(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
    {
        headers.insert(name, value);
    }
}
