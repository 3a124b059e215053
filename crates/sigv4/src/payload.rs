//! How the body of a request is bound to its signature, and the check of a body against a hash that was signed.

use sha2::{Digest, Sha256};

use crate::Error;
use crate::key::{hex, text};

/// `x-amz-content-sha256` of a body that is not signed.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// `x-amz-content-sha256` of a body in signed chunks.
pub const STREAMING_SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
/// `x-amz-content-sha256` of a body in signed chunks with a signed trailer.
pub const STREAMING_SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
/// `x-amz-content-sha256` of a body in unsigned chunks with a trailer.
pub const STREAMING_UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// How the body is bound to the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadKind {
    /// Not at all.
    Unsigned,
    /// By its SHA-256, which was signed: check it with [`PayloadHash`] as the body streams.
    Hash([u8; 32]),
    /// By signed chunks: read it through [`crate::ChunkDecoder`].
    StreamingSigned {
        /// Whether a signed trailer follows the chunks.
        trailer: bool,
    },
    /// Not at all, but it comes in chunks with a trailer: read it through [`crate::ChunkDecoder`].
    StreamingUnsignedTrailer,
    /// By the SHA-256 of the whole body, which [`crate::verify`] must be given (every service but S3).
    FromBody,
}

impl PayloadKind {
    /// Reads the value of `x-amz-content-sha256`; the error is for anything but what S3 lists.
    pub(crate) fn from_header(value: &str) -> Result<PayloadKind, Error> {
        Ok(match value {
            UNSIGNED_PAYLOAD => PayloadKind::Unsigned,
            STREAMING_SIGNED => PayloadKind::StreamingSigned { trailer: false },
            STREAMING_SIGNED_TRAILER => PayloadKind::StreamingSigned { trailer: true },
            STREAMING_UNSIGNED_TRAILER => PayloadKind::StreamingUnsignedTrailer,
            _ => PayloadKind::Hash(crate::key::unhex(value).ok_or(Error::InvalidContentSha256)?),
        })
    }
}

/// Compares a body with the hash that was signed ([`PayloadKind::Hash`]), piece by piece.
#[derive(Clone, Debug)]
pub struct PayloadHash {
    expected: [u8; 32],
    so_far: Sha256,
}

impl PayloadHash {
    /// Starts.
    pub fn new(expected: [u8; 32]) -> PayloadHash {
        PayloadHash { expected, so_far: Sha256::new() }
    }

    /// Takes the next piece of the body.
    pub fn update(&mut self, piece: &[u8]) {
        self.so_far.update(piece);
    }

    /// Says whether the body, now complete, is the one that was signed.
    pub fn finish(self) -> Result<(), Error> {
        let computed: [u8; 32] = self.so_far.finalize().into();
        if computed == self.expected {
            return Ok(());
        }
        let owned = |bytes| text(&hex(bytes)).to_owned();
        Err(Error::PayloadHashMismatch { client: owned(&self.expected), computed: owned(&computed) })
    }
}
