//! Bytes at rest: content sealed under a key of its own, which is wrapped by a host key. Pure; never prints a key, and never gives
//! bytes that were not authenticated. ADR 10 says why it is so.
//!
//! ```text
//! sealed content, of the name n
//!   header, 76 bytes
//!      4  "CRNE"
//!      1  version of this format: 1
//!      1  bytes of a chunk, as a power of two: 16
//!      2  zero
//!      8  which host key wraps
//!     12  nonce, random
//!     48  the content's own key (32 bytes, random), AES-256-GCM-SIV under the host key; authenticated: the first 16 bytes · n
//!   chunks, one after the other
//!   ≤ 65,536  AES-256-GCM under the content's own key; all but the last are full, the last has at least one byte
//!     16  tag; nonce: 1 if this is the last chunk else 0 (1 byte) · zero (3) · the chunk's number from 0 (8, big-endian)
//! ```
//!
//! A nonce cannot repeat: no two contents have the same key, and no two chunks of one the same number. Chunks that are swapped, left
//! out or moved do not open, as their number is in the nonce; nor does content cut off at a chunk's end, as what is then last is not
//! marked so; nor content under another name, as the name is authenticated with its key.

mod host_keys;
mod open;
mod sealer;

use std::ops::Range;

use aws_lc_rs::aead::{NONCE_LEN, Nonce};

pub use host_keys::{Error as KeyError, HostKeys, KeyId};
pub use open::{Damaged, Opener};
pub use sealer::Sealer;

/// The bytes of content that are sealed together: what must be read to read one of them. Larger would make small reads slow,
/// smaller would cost more for tags and calls.
pub const CHUNK_BYTES: usize = 1 << CHUNK_LOG2;
/// The bytes before the first chunk.
pub const HEADER_BYTES: usize = BOUND_BYTES + NONCE_LEN + KEY_BYTES + TAG_BYTES;

const CHUNK_LOG2: u8 = 16;
const MAGIC: [u8; 4] = *b"CRNE";
const VERSION: u8 = 1;
/// The part of the header that is authenticated with the key.
const BOUND_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// The bytes of sealed content, from the end of its header, that hold `range` of the content. May end after the content's end.
pub fn sealed_range(range: &Range<u64>) -> Range<u64> {
    let header = HEADER_BYTES as u64;
    let (chunk, sealed) = (CHUNK_BYTES as u64, SEALED_CHUNK_BYTES as u64);
    let start = header.saturating_add((range.start / chunk).saturating_mul(sealed));
    let end = header.saturating_add(range.end.div_ceil(chunk).saturating_mul(sealed));
    start..end.max(start)
}

fn chunk_nonce(index: u64, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[0] = u8::from(last);
    nonce[4..].copy_from_slice(&index.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// What is authenticated with a content's key.
fn bound(header: &[u8], name: &str) -> Vec<u8> {
    [header, name.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
