//! The bytes of a segment file. Pure: no disk. Numbers are little-endian.
//!
//! ```text
//! segment  00000000000000000042.seg, named after its first entry
//! +--------+-------+-------+---- …  ----+-------------------- … ---+
//! | header | frame | frame |    frame   | zeros (preallocated)     |
//! +--------+-------+-------+---- …  ----+-------------------- … ---+
//!
//! header (128)                                frame (64 + body)
//!   0  magic "CAIRNJRN"                         0  mark: 8 bytes that only this journal's frames start with
//!   8  version                        u32       8  crc32c of bytes 0-7 and 12 to the end     u32
//!  12  crc32c of all but itself       u32      12  body length                               u32
//!  16  first entry                    u64      16  entries                                   u32
//!  24  first entry of segment before  u64      20  length of the entries, if compressed      u32
//!  32  journal id (random)            16       24  first entry                               u64
//!  48  chain hash before first entry  32       32  chain hash: SHA-256(hash before ‖ body)   32
//!  80  zeros                                   64  body: LZ4 block, or as it is if 20 is zero, of
//!                                                  per entry  length u32, kind u8, payload
//! ```
//!
//! A frame is one group commit. Entries that are committed together resemble one another, and a disk's bandwidth is what a busy
//! journal runs out of first: compressing them costs less than writing them. The mark comes from the random journal id, so that no payload can look like a frame.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{Entry, Seq};

/// Bytes of payload in one batch, at most.
pub const MAX_BATCH_BYTES: usize = 16 << 20;
/// Entries in one batch, at most.
pub const MAX_BATCH_ENTRIES: usize = 1 << 16;
/// Appends are put together in one frame until it holds so many bytes: some milliseconds of a slow disk's time.
pub(crate) const GROUP_BYTES: usize = 4 << 20;

pub(crate) const SEGMENT_HEADER_BYTES: usize = 128;
pub(crate) const FRAME_HEADER_BYTES: usize = 64;
pub(crate) const ENTRY_HEADER_BYTES: usize = 5;
/// The longest body: one batch of the largest size, or a group that was just under its limit when the last batch came.
pub(crate) const MAX_BODY_BYTES: usize = GROUP_BYTES + MAX_BATCH_BYTES + MAX_BATCH_ENTRIES * ENTRY_HEADER_BYTES;
const _: () = assert!(MAX_BODY_BYTES < u32::MAX as usize / 2, "lengths are u32");

/// Entries are compressed if they have this many bytes together: below it, a frame is one block of the disk either way.
const COMPRESS_BYTES_MIN: usize = 4 << 10;

const MAGIC: &[u8; 8] = b"CAIRNJRN";
const VERSION: u32 = 1;

/// A SHA-256 hash.
pub(crate) type Hash = [u8; 32];
/// What a frame starts with.
pub(crate) type Mark = [u8; 8];

/// The start of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) first: u64,
    /// First entry of the segment before, 0 if there was none: by it a missing segment is noticed.
    pub(crate) previous_first: u64,
    pub(crate) id: [u8; 16],
    pub(crate) chain: Hash,
}

impl SegmentHeader {
    /// The first segment of a new journal.
    pub(crate) fn genesis(id: [u8; 16]) -> SegmentHeader {
        let chain = Sha256::new().chain_update(b"cairn journal genesis").chain_update(id).finalize().into();
        SegmentHeader { first: Seq::FIRST.get(), previous_first: 0, id, chain }
    }

    pub(crate) fn mark(&self) -> Mark {
        let hash: Hash = Sha256::new().chain_update(b"cairn journal frame").chain_update(self.id).finalize().into();
        array(&hash, 0)
    }

    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[0..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.previous_first.to_le_bytes());
        bytes[32..48].copy_from_slice(&self.id);
        bytes[48..80].copy_from_slice(&self.chain);
        let crc = crc_around(&bytes, 12);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header, or says what is wrong with it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<SegmentHeader, &'static str> {
        if bytes.len() < SEGMENT_HEADER_BYTES {
            return Err("the segment header is cut short");
        }
        let bytes = &bytes[..SEGMENT_HEADER_BYTES];
        if bytes[0..8] != MAGIC[..] {
            return Err("this is not a journal segment");
        }
        if u32_at(bytes, 8) != VERSION {
            return Err("the segment's version is not known");
        }
        if u32_at(bytes, 12) != crc_around(bytes, 12) {
            return Err("the segment header's checksum does not match");
        }
        let header = SegmentHeader {
            first: u64_at(bytes, 16),
            previous_first: u64_at(bytes, 24),
            id: array(bytes, 32),
            chain: array(bytes, 48),
        };
        if header.first == 0 || header.previous_first >= header.first {
            return Err("the segment header's positions make no sense");
        }
        Ok(header)
    }
}

/// The start of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    crc: u32,
    pub(crate) body_len: usize,
    pub(crate) entries: u32,
    /// Length of the entries in a compressed body; 0 if the body is the entries.
    entries_len: usize,
    pub(crate) first: u64,
    pub(crate) chain: Hash,
}

impl FrameHeader {
    /// Reads a header whose mark was already compared; the checksum still has to be ([`frame_crc_matches`]).
    pub(crate) fn decode(bytes: &[u8]) -> FrameHeader {
        FrameHeader {
            crc: u32_at(bytes, 8),
            body_len: usize::try_from(u32_at(bytes, 12)).unwrap_or(usize::MAX),
            entries: u32_at(bytes, 16),
            entries_len: usize::try_from(u32_at(bytes, 20)).unwrap_or(usize::MAX),
            first: u64_at(bytes, 24),
            chain: array(bytes, 32),
        }
    }

    /// The position after the frame's last entry; `None` if that is no number.
    pub(crate) fn next(&self) -> Option<u64> {
        self.first.checked_add(u64::from(self.entries))
    }
}

/// Whether a whole frame (header and body) is what was written.
pub(crate) fn frame_crc_matches(header: &FrameHeader, frame: &[u8]) -> bool {
    header.crc == crc_around(frame, 8)
}

/// The hash after `body`.
pub(crate) fn chain_after(before: &Hash, body: &[u8]) -> Hash {
    Sha256::new().chain_update(before).chain_update(body).finalize().into()
}

/// Adds entries to a frame's body.
pub(crate) fn encode_entries(body: &mut Vec<u8>, entries: &[(u8, Bytes)]) {
    for (kind, payload) in entries {
        let len = u32::try_from(payload.len()).expect("a batch is smaller than MAX_BATCH_BYTES");
        body.extend_from_slice(&len.to_le_bytes());
        body.push(*kind);
        body.extend_from_slice(payload);
    }
}

/// Clears `frame` and makes room for the header, behind which [`encode_entries`] puts the body.
pub(crate) fn begin_frame(frame: &mut Vec<u8>) {
    frame.clear();
    frame.resize(FRAME_HEADER_BYTES, 0);
}

/// Compresses the body if that makes it shorter, and fills in the header before it. Returns the chain hash after the frame.
pub(crate) fn seal_frame(frame: &mut Vec<u8>, mark: Mark, first: u64, entries: usize, before: &Hash) -> Hash {
    let entries_len = compress_body(frame);
    let (header, body) = frame.split_at_mut(FRAME_HEADER_BYTES);
    let chain = chain_after(before, body);
    let body_len = u32::try_from(body.len()).expect("a body is smaller than MAX_BODY_BYTES");
    let entries = u32::try_from(entries).expect("a body has fewer entries than bytes");
    header[0..8].copy_from_slice(&mark);
    header[12..16].copy_from_slice(&body_len.to_le_bytes());
    header[16..20].copy_from_slice(&entries.to_le_bytes());
    header[20..24].copy_from_slice(&entries_len.to_le_bytes());
    header[24..32].copy_from_slice(&first.to_le_bytes());
    header[32..64].copy_from_slice(&chain);
    let crc = crc_around(frame, 8);
    frame[8..12].copy_from_slice(&crc.to_le_bytes());
    chain
}

/// Puts the body's compressed form in its place, if it is shorter. Returns the length it had then, else 0.
fn compress_body(frame: &mut Vec<u8>) -> u32 {
    let body = &frame[FRAME_HEADER_BYTES..];
    if body.len() < COMPRESS_BYTES_MIN {
        return 0;
    }
    let compressed = lz4_flex::block::compress(body);
    if compressed.len() >= body.len() {
        return 0;
    }
    let entries_len = u32::try_from(body.len()).expect("a body is smaller than MAX_BODY_BYTES");
    frame.truncate(FRAME_HEADER_BYTES);
    frame.extend_from_slice(&compressed);
    entries_len
}

/// The entries' bytes of a body; `None` if it is compressed and does not yield what its header says.
fn entries_of(header: &FrameHeader, body: &Bytes) -> Option<Bytes> {
    match header.entries_len {
        0 => Some(body.clone()),
        len if len > MAX_BODY_BYTES => None,
        len => {
            let entries = lz4_flex::block::decompress(body, len).ok()?;
            (entries.len() == len).then(|| Bytes::from(entries))
        }
    }
}

/// The entries in a frame's body; `None` if it does not hold exactly as many as the header says.
pub(crate) fn decode_entries(header: &FrameHeader, body: &Bytes) -> Option<Vec<Entry>> {
    let count = usize::try_from(header.entries).ok()?;
    let body = &entries_of(header, body)?;
    if count == 0 || count > body.len() / ENTRY_HEADER_BYTES {
        return None;
    }
    header.next()?;
    let mut entries = Vec::with_capacity(count);
    let mut at = 0;
    for seq in (header.first..).take(count) {
        let start = at + ENTRY_HEADER_BYTES;
        let head = body.get(at..start)?;
        let end = start.checked_add(usize::try_from(u32_at(head, 0)).ok()?)?;
        if end > body.len() {
            return None;
        }
        entries.push(Entry { seq: Seq(seq), kind: head[4], payload: body.slice(start..end) });
        at = end;
    }
    (at == body.len()).then_some(entries)
}

/// A length in memory as a length on disk.
pub(crate) fn len_u64(len: usize) -> u64 {
    u64::try_from(len).expect("no machine has more than 2^64 bytes")
}

/// CRC-32C of all but the four bytes at `at`, where the checksum itself is kept.
pub(crate) fn crc_around(bytes: &[u8], at: usize) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..at]), &bytes[at + 4..])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the range is N long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_header_reads_back_and_any_changed_byte_is_noticed() {
        let header = SegmentHeader { first: 42, previous_first: 7, ..SegmentHeader::genesis([9; 16]) };
        let bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
        for at in 0..bytes.len() {
            let mut changed = bytes;
            changed[at] ^= 1;
            assert!(SegmentHeader::decode(&changed).is_err(), "byte {at}");
            assert!(SegmentHeader::decode(&bytes[..at]).is_err(), "length {at}");
        }
    }

    #[test]
    fn a_frame_reads_back_and_any_changed_byte_is_noticed() {
        let entries = vec![(1, Bytes::from_static(b"one")), (2, Bytes::new()), (255, Bytes::from_static(b"three"))];
        let mut frame = Vec::new();
        begin_frame(&mut frame);
        encode_entries(&mut frame, &entries);
        let chain = seal_frame(&mut frame, [7; 8], 10, entries.len(), &[3; 32]);
        let header = FrameHeader::decode(&frame);
        let body = Bytes::copy_from_slice(&frame[FRAME_HEADER_BYTES..]);
        assert!(frame_crc_matches(&header, &frame));
        assert_eq!(header.chain, chain);
        assert_eq!(chain_after(&[3; 32], &body), chain);
        let read = decode_entries(&header, &body).unwrap();
        let expected = (10..).zip(entries).map(|(seq, (kind, payload))| Entry { seq: Seq(seq), kind, payload });
        assert_eq!(read, expected.collect::<Vec<_>>());
        for at in 0..frame.len() {
            let mut changed = frame.clone();
            changed[at] ^= 1;
            assert!(!frame_crc_matches(&FrameHeader::decode(&changed), &changed), "byte {at}");
        }
    }

    #[test]
    fn entries_that_resemble_one_another_take_less_room_and_read_back() {
        let entries: Vec<_> = (0..64)
            .map(|n| (2, Bytes::from(format!("{{\"eventName\":\"GetCallerIdentity\",\"n\":{n}}}").repeat(4))))
            .collect();
        let mut frame = Vec::new();
        begin_frame(&mut frame);
        encode_entries(&mut frame, &entries);
        let plain = frame.len();
        seal_frame(&mut frame, [7; 8], 1, entries.len(), &[0; 32]);
        assert!(frame.len() * 4 < plain, "{} of {plain}", frame.len());
        let header = FrameHeader::decode(&frame);
        assert!(frame_crc_matches(&header, &frame));
        let body = Bytes::copy_from_slice(&frame[FRAME_HEADER_BYTES..]);
        let read = decode_entries(&header, &body).unwrap();
        assert_eq!(read.into_iter().map(|entry| (entry.kind, entry.payload)).collect::<Vec<_>>(), entries);
        for wrong in [1, header.entries_len - 1, header.entries_len + 1, MAX_BODY_BYTES + 1, usize::MAX] {
            assert_eq!(decode_entries(&FrameHeader { entries_len: wrong, ..header.clone() }, &body), None, "{wrong}");
        }
    }

    #[test]
    fn a_body_that_does_not_hold_what_its_header_says_is_refused() {
        let mut frame = Vec::new();
        begin_frame(&mut frame);
        encode_entries(&mut frame, &[(1, Bytes::from_static(b"abc"))]);
        seal_frame(&mut frame, [7; 8], 1, 1, &[0; 32]);
        let header = FrameHeader::decode(&frame);
        let body = Bytes::copy_from_slice(&frame[FRAME_HEADER_BYTES..]);
        assert!(decode_entries(&header, &body).is_some());
        for wrong in [
            FrameHeader { entries: 0, ..header.clone() },
            FrameHeader { entries: 2, ..header.clone() },
            FrameHeader { entries: u32::MAX, ..header.clone() },
            FrameHeader { first: u64::MAX, ..header.clone() },
        ] {
            assert_eq!(decode_entries(&wrong, &body), None, "{wrong:?}");
        }
        assert_eq!(decode_entries(&header, &body.slice(..body.len() - 1)), None);
    }
}
