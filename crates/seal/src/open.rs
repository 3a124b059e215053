//! [`Opener`]: content on its way back. Gives what was authenticated, or an error.

use std::ops::Range;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bytes::{Buf, Bytes, BytesMut};

use crate::{
    BOUND_BYTES, CHUNK_BYTES, CHUNK_LOG2, HEADER_BYTES, HostKeys, KeyId, MAGIC, SEALED_CHUNK_BYTES, TAG_BYTES, VERSION,
    bound, chunk_nonce,
};

/// Sealed content that does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    /// Not this format.
    #[error("it does not begin like sealed content of this version")]
    Header,
    /// The key was lost.
    #[error("the host key {0}, under which it was encrypted, is not there")]
    NoHostKey(KeyId),
    /// The key in the header is not what it was, or the content is another's.
    #[error("its key does not open")]
    Key,
    /// A chunk is not what it was.
    #[error("chunk {0} is not what was written")]
    Chunk(u64),
    /// It is shorter than what is asked of it.
    #[error("it is too short")]
    Short,
}

/// Opens a range of sealed content, which comes piece by piece.
pub struct Opener {
    key: LessSafeKey,
    /// Number of the next chunk.
    index: u64,
    /// Number of the last chunk of the content, and its length as it rests.
    last: (u64, usize),
    /// How many bytes of the next chunk come before the range.
    skip: usize,
    /// How many bytes of the range are still to come.
    left: u64,
    /// The beginning of a sealed chunk that is not all there yet.
    carry: BytesMut,
}

impl Opener {
    /// Opens `range`, which is not empty, of the content of this name, of which this is the header and `sealed_bytes` the length
    /// as it rests.
    pub fn new(
        keys: &HostKeys,
        name: &str,
        header: &[u8],
        sealed_bytes: u64,
        range: &Range<u64>,
    ) -> Result<Opener, Damaged> {
        let header: &[u8; HEADER_BYTES] = header.try_into().map_err(|_| Damaged::Short)?;
        let (head, rest) = header.split_at(BOUND_BYTES);
        if head[..4] != MAGIC || head[4] != VERSION || head[5] != CHUNK_LOG2 || head[6..8] != [0; 2] {
            return Err(Damaged::Header);
        }
        let id = KeyId(head[8..].try_into().expect("eight bytes are left of the sixteen"));
        let host = keys.find(id).ok_or(Damaged::NoHostKey(id))?;
        let (nonce, wrapped) = rest.split_first_chunk::<NONCE_LEN>().expect("the header has more than a nonce");
        let mut wrapped = wrapped.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let own = host.key.open_in_place(nonce, Aad::from(bound(head, name)), &mut wrapped);
        let key = UnboundKey::new(&AES_256_GCM, own.map_err(|_| Damaged::Key)?).map_err(|_| Damaged::Key)?;

        let sealed_chunk = SEALED_CHUNK_BYTES as u64;
        let body = sealed_bytes.checked_sub(HEADER_BYTES as u64).filter(|body| *body > 0).ok_or(Damaged::Short)?;
        let last = (body - 1) / sealed_chunk;
        let len = body.checked_sub((last + 1) * TAG_BYTES as u64).ok_or(Damaged::Short)?;
        if range.start >= range.end || range.end > len {
            return Err(Damaged::Short);
        }
        let in_chunk = |bytes: u64| usize::try_from(bytes).expect("no more than a chunk");
        Ok(Opener {
            key: LessSafeKey::new(key),
            index: range.start / CHUNK_BYTES as u64,
            last: (last, in_chunk(body - last * sealed_chunk)),
            skip: in_chunk(range.start % CHUNK_BYTES as u64),
            left: range.end - range.start,
            carry: BytesMut::new(),
        })
    }

    /// Whether the whole range was given.
    pub fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Opens what the next bytes make whole: as much of the range as comes with them. The bytes follow those given before, from
    /// the beginning of [`crate::sealed_range`] on.
    pub fn push(&mut self, mut sealed: &[u8]) -> Result<Bytes, Damaged> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).saturating_add(self.skip);
        let mut plain = BytesMut::zeroed((self.carry.len() + sealed.len()).min(wanted.next_multiple_of(CHUNK_BYTES)));
        let mut opened = 0;
        while opened < wanted {
            let size = if self.index == self.last.0 { self.last.1 } else { SEALED_CHUNK_BYTES };
            let room = &mut plain[opened..];
            if self.carry.is_empty() && sealed.len() >= size {
                let (chunk, rest) = sealed.split_at(size);
                opened += open_chunk(&self.key, self.index, self.last.0, chunk, room)?;
                sealed = rest;
            } else {
                let (now, rest) = sealed.split_at(sealed.len().min(size - self.carry.len()));
                self.carry.extend_from_slice(now);
                sealed = rest;
                if self.carry.len() < size {
                    break;
                }
                opened += open_chunk(&self.key, self.index, self.last.0, &self.carry, room)?;
                self.carry.clear();
            }
            self.index += 1;
        }
        plain.truncate(opened.min(wanted));
        if opened > 0 {
            plain.advance(std::mem::take(&mut self.skip));
        }
        self.left -= plain.len() as u64;
        Ok(plain.freeze())
    }
}

/// Opens a chunk into the front of `room`; its length in clear.
fn open_chunk(key: &LessSafeKey, index: u64, last: u64, chunk: &[u8], room: &mut [u8]) -> Result<usize, Damaged> {
    let damaged = || Damaged::Chunk(index);
    let (sealed, tag) = chunk.split_last_chunk::<TAG_BYTES>().ok_or_else(damaged)?;
    let room = room.get_mut(..sealed.len()).ok_or_else(damaged)?;
    let nonce = chunk_nonce(index, index == last);
    key.open_separate_gather(nonce, Aad::empty(), sealed, tag, room).map_err(|_| damaged())?;
    Ok(sealed.len())
}
