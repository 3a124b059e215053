//! [`Sealer`]: content on its way to where it rests.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base::Rng;
use bytes::{Bytes, BytesMut};

use crate::{
    BOUND_BYTES, CHUNK_BYTES, CHUNK_LOG2, HEADER_BYTES, HostKeys, KEY_BYTES, MAGIC, SEALED_CHUNK_BYTES, TAG_BYTES,
    VERSION, bound, chunk_nonce,
};

/// Chunks that are handed out together: half a mebibyte, what storage writes at once.
const PIECE_CHUNKS: usize = 8;

/// Seals content that comes piece by piece. The plain bytes are copied once, into the buffer in which they are encrypted and then
/// handed out. A chunk stays open until a further byte or the end comes, as the last one is marked.
///
/// ```text
/// while there are bytes:  if chunk_is_full() { look at open_chunk(); seal_chunk(); take_piece() }   rest = fill(rest)
/// at the end:             look at open_chunk(); finish()
/// ```
pub struct Sealer {
    key: LessSafeKey,
    /// Number of the open chunk.
    index: u64,
    /// What is sealed and not handed out (with the header at first), then the open chunk.
    buffer: BytesMut,
    open_bytes: usize,
    sealed_chunks: usize,
}

impl Sealer {
    /// Begins content of this name. `len_bytes` is how long it will be, if that is known: for the buffer's sake only.
    pub fn new(keys: &HostKeys, rng: &dyn Rng, name: &str, len_bytes: Option<u64>) -> Sealer {
        let host = keys.last();
        let mut own = [0; KEY_BYTES];
        rng.fill(&mut own);
        let key = UnboundKey::new(&AES_256_GCM, &own).expect("the key has the right length");
        let mut header = [0; BOUND_BYTES];
        header[..4].copy_from_slice(&MAGIC);
        header[4] = VERSION;
        header[5] = CHUNK_LOG2;
        header[8..].copy_from_slice(&host.id.0);
        let mut nonce = [0; NONCE_LEN];
        rng.fill(&mut nonce);
        let tag = host.key.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound(&header, name)),
            &mut own,
        );
        let tag = tag.expect("a key of 32 bytes is never too long to be sealed");
        let mut buffer = BytesMut::with_capacity(HEADER_BYTES + room(len_bytes));
        buffer.extend_from_slice(&header);
        buffer.extend_from_slice(&nonce);
        buffer.extend_from_slice(&own);
        buffer.extend_from_slice(tag.as_ref());
        Sealer { key: LessSafeKey::new(key), index: 0, buffer, open_bytes: 0, sealed_chunks: 0 }
    }

    /// Takes bytes until the open chunk is full; those that are left over.
    pub fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, rest) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.open_bytes));
        self.buffer.extend_from_slice(now);
        self.open_bytes += now.len();
        rest
    }

    /// The open chunk, in clear.
    pub fn open_chunk(&self) -> &[u8] {
        &self.buffer[self.buffer.len() - self.open_bytes..]
    }

    /// Whether the open chunk takes no more: it is to be sealed if more comes.
    pub fn chunk_is_full(&self) -> bool {
        self.open_bytes == CHUNK_BYTES
    }

    /// Seals the open chunk, as one that is not the last, and begins the next.
    pub fn seal_chunk(&mut self) {
        self.seal(false);
        self.index += 1;
        self.sealed_chunks += 1;
    }

    /// What is sealed and worth handing out by now.
    pub fn take_piece(&mut self) -> Option<Bytes> {
        if self.sealed_chunks < PIECE_CHUNKS {
            return None;
        }
        self.sealed_chunks = 0;
        let piece = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(room(None)));
        Some(piece.freeze())
    }

    /// Seals the open chunk as the last; what is not handed out yet.
    pub fn finish(mut self) -> Bytes {
        self.seal(true);
        self.buffer.freeze()
    }

    fn seal(&mut self, last: bool) {
        let start = self.buffer.len() - self.open_bytes;
        let nonce = chunk_nonce(self.index, last);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut self.buffer[start..]);
        self.buffer.extend_from_slice(tag.expect("a chunk is never too long to be sealed").as_ref());
        self.open_bytes = 0;
    }
}

/// The room for so much content, and at most for a piece.
fn room(len_bytes: Option<u64>) -> usize {
    let len = len_bytes.and_then(|len| usize::try_from(len).ok()).unwrap_or(usize::MAX);
    if len < CHUNK_BYTES { len + TAG_BYTES } else { PIECE_CHUNKS.min(len.div_ceil(CHUNK_BYTES)) * SEALED_CHUNK_BYTES }
}
