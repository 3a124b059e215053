//! AWS Signature Version 4, the server's side: what a request claims, whether its signature holds, and the chunked
//! bodies that carry signatures of their own; plus the small signer that our own client uses.
//!
//! Pure: time and secrets are passed in. It must never say *verified* of a request of which any signed byte differs
//! from what was signed, and it never keeps or prints a secret.
//!
//! ```text
//! parse(request)            -> Claim      who it says it is; no secret needed
//!   (the caller looks up the secret)
//! verify(request, claim, …) -> Verified   it is
//!   then, by Claim::payload:  Hash     -> PayloadHash over the body as it streams
//!                             Streaming -> ChunkDecoder takes the framing off and checks each chunk
//! ```
//!
//! Sources: "Create a signed AWS API request" and "Troubleshoot signed requests for AWS APIs" (IAM user guide);
//! "Authenticating Requests (AWS Signature Version 4)" and its pages `sig-v4-header-based-auth`,
//! `sigv4-query-string-auth`, `sigv4-streaming`, `sigv4-streaming-trailers` (Amazon S3 API reference).

mod canonical;
mod chunk;
mod claim;
mod error;
mod key;
mod payload;
mod sign;
mod verify;

pub use canonical::routing_path;
pub use chunk::{CHUNK_BYTES_MIN, ChunkDecoder, LINE_BYTES_MAX, TRAILERS_MAX, Trailer};
pub use claim::{Claim, Placement, SIGNED_HEADERS_MAX, parse};
pub use error::{Component, Denial, Error, ExpiresFault, Family, Mismatch};
pub use key::{SigningKey, sha256, sha256_hex, signing_key};
pub use payload::{
    PayloadHash, PayloadKind, STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER, UNSIGNED_PAYLOAD,
};
pub use sign::{Credentials, Signer};
pub use verify::{EXPIRES_SECS_MAX, Rules, SKEW_SECS_MAX, Verified, verify};

/// The one algorithm that is supported.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How every credential scope ends.
pub const TERMINATOR: &str = "aws4_request";

/// What of a request is signed, as it stood on the wire.
#[derive(Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The method: `GET`.
    pub method: &'a str,
    /// The path as sent, still escaped: `/a%20b`.
    pub path: &'a str,
    /// The query as sent, still escaped, without the question mark.
    pub query: &'a str,
    /// The headers. `host` must be among them (an HTTP/2 server puts `:authority` there).
    pub headers: &'a http::HeaderMap,
}

impl std::fmt::Debug for SignedRequest<'_> {
    /// Without query and headers, which hold signatures and tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignedRequest {{ {} {} }}", self.method, self.path)
    }
}

/// The two ways of writing a canonical request down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The path is escaped once and left as it is; the payload's hash comes from `x-amz-content-sha256`.
    S3,
    /// The path is normalised and escaped twice; the payload's hash is that of the body.
    Standard,
}

impl Style {
    /// The style of a service, by the name in the credential scope.
    pub fn of(service: &str) -> Style {
        match service {
            "s3" | "s3express" | "s3-object-lambda" | "s3-outposts" => Style::S3,
            _ => Style::Standard,
        }
    }
}
