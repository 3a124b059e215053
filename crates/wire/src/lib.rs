//! AWS's wire protocols on the server's side, driven by the model: bytes of a request in, [`model::Value`]s out, and back. Pure;
//! knows no service but what the protocols themselves make of S3.
//!
//! Nothing here panics, recurses deeper than [`DEPTH_MAX`] or reserves memory that the input does not fill; how large a body may
//! be is for the caller to say.

use http::HeaderMap;
use model::shape::Structure;
use model::{Model, Operation, ShapeKind, ShapeRef};

mod cbor;
mod decode;
mod encode;
mod entries;
mod error;
pub mod event_stream;
mod fault;
mod form;
mod json;
mod path;
mod rest;
mod router;
mod s3;
mod scalar;
mod xml;

pub use decode::{action, decode};
pub use encode::encode;
pub use error::{ErrorReply, encode_error};
pub use fault::{DecodeError, EncodeError};
pub use model::Protocol;
pub use router::Router;

/// How deep values may nest. Far more than any request that makes sense (filter expressions nest five or six deep), far less than
/// a thread's stack holds in a debug build: a level costs at most a few hundred bytes of frames.
pub const DEPTH_MAX: usize = 64;

/// What a decoder reads. Path and query are raw (percent-encoded), S3's bucket already first in the path.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `POST`, `GET` …
    pub method: &'a str,
    /// With the leading slash.
    pub path: &'a str,
    /// Without the question mark.
    pub query: &'a str,
    /// As received.
    pub headers: &'a HeaderMap,
    /// The whole body; empty where it is streamed ([`body_is_streamed`]).
    pub body: &'a [u8],
}

/// An answer, ready to be sent. `content-length` and `date` are left to the HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Empty where it is streamed ([`reply_is_streamed`]).
    pub body: bytes::Bytes,
}

/// Whether the input's payload is a stream of bytes: [`decode`] leaves that member out, the caller passes the body on as it comes.
pub fn body_is_streamed(model: &Model, operation: &Operation) -> bool {
    payload_is_stream(model, operation.input.as_ref())
}

/// Whether the output's payload is a stream of bytes: [`encode`] writes status and headers, the caller sends the body.
pub fn reply_is_streamed(model: &Model, operation: &Operation) -> bool {
    payload_is_stream(model, operation.output.as_ref())
}

fn payload_is_stream(model: &Model, of: Option<&ShapeRef>) -> bool {
    let payload = structure(model, of).and_then(rest::payload);
    payload.is_some_and(|member| rest::is_stream(model, member))
}

/// The structure that a reference means; inputs and outputs always are structures.
pub(crate) fn structure<'m>(model: &'m Model, of: Option<&ShapeRef>) -> Option<&'m Structure> {
    match &model.shape(of?).kind {
        ShapeKind::Structure(structure) => Some(structure),
        _ => None,
    }
}
