//! Reads frames out of one segment file, trusting nothing in it. Never writes.

use std::io;
use std::path::Path;

use base::env::DiskFile;
use bytes::Bytes;
use memchr::memmem;

use crate::Error;
use crate::format::{
    self, FRAME_HEADER_BYTES, FrameHeader, Hash, MAX_BODY_BYTES, Mark, SEGMENT_HEADER_BYTES, SegmentHeader, len_u64,
};

/// Read at once, so that small frames do not cost a call each.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;
/// Places behind a broken frame that look like a frame and are looked at, before we give up and call the file corrupt. An
/// honest torn tail has none.
const CANDIDATES_MAX: usize = 64;

/// A frame as it lies in a file.
pub(crate) struct Frame {
    pub(crate) header: FrameHeader,
    pub(crate) body: Bytes,
    /// Where the next one starts.
    pub(crate) next_at: u64,
}

/// What lies at an offset.
pub(crate) enum Found {
    Frame(Frame),
    /// Zeros, or the end of the file.
    Nothing,
    /// Something else, and what is wrong with it.
    Broken(&'static str),
}

/// Reads a file in chunks. Bytes handed out share the chunk.
pub(crate) struct Reader<'a> {
    file: &'a dyn DiskFile,
    path: &'a Path,
    len: u64,
    chunk_bytes: usize,
    chunk: Bytes,
    chunk_at: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(file: &'a dyn DiskFile, path: &'a Path, chunk_bytes: usize) -> Result<Reader<'a>, Error> {
        let len = file.len().map_err(Error::disk("measure", path))?;
        Ok(Reader { file, path, len, chunk_bytes, chunk: Bytes::new(), chunk_at: 0 })
    }

    /// Length of the file in bytes when the reader was made.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Exactly `count` bytes at `at`, or `None` if the file ends before.
    pub(crate) fn bytes(&mut self, at: u64, count: usize) -> Result<Option<Bytes>, Error> {
        if at.checked_add(len_u64(count)).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        let in_chunk = |chunk: &Bytes, chunk_at| {
            let start = usize::try_from(at.checked_sub(chunk_at)?).ok()?;
            let end = start.checked_add(count)?;
            (end <= chunk.len()).then(|| chunk.slice(start..end))
        };
        if let Some(bytes) = in_chunk(&self.chunk, self.chunk_at) {
            return Ok(Some(bytes));
        }
        let want = usize::try_from(self.len - at).unwrap_or(usize::MAX).min(count.max(self.chunk_bytes));
        self.chunk = read_up_to(self.file, at, want).map_err(Error::disk("read", self.path))?;
        self.chunk_at = at;
        Ok(in_chunk(&self.chunk, at))
    }

    /// The segment's header.
    pub(crate) fn segment_header(&mut self) -> Result<SegmentHeader, Error> {
        let bytes = self.bytes(0, SEGMENT_HEADER_BYTES)?.unwrap_or_default();
        SegmentHeader::decode(&bytes).map_err(|reason| Error::corrupt(self.path, 0, reason))
    }

    /// What lies at `at`. The checksum is verified; the position and the chain are the caller's to check.
    pub(crate) fn frame(&mut self, at: u64, mark: Mark) -> Result<Found, Error> {
        let Some(head) = self.bytes(at, FRAME_HEADER_BYTES)? else {
            return Ok(Found::Nothing);
        };
        if head[..mark.len()] != mark {
            let zeros = head.iter().all(|b| *b == 0);
            return Ok(if zeros { Found::Nothing } else { Found::Broken("there is no frame") });
        }
        let header = FrameHeader::decode(&head);
        if header.body_len > MAX_BODY_BYTES {
            return Ok(Found::Broken("the frame's length is too large"));
        }
        let Some(frame) = self.bytes(at, FRAME_HEADER_BYTES + header.body_len)? else {
            return Ok(Found::Broken("the frame is cut short"));
        };
        if !format::frame_crc_matches(&header, &frame) {
            return Ok(Found::Broken("the frame's checksum does not match"));
        }
        let next_at = at + len_u64(frame.len());
        Ok(Found::Frame(Frame { header, body: frame.slice(FRAME_HEADER_BYTES..), next_at }))
    }
}

fn read_up_to(file: &dyn DiskFile, at: u64, want: usize) -> io::Result<Bytes> {
    let mut chunk = vec![0; want];
    let mut done = 0;
    while done < want {
        let count = file.read_at(&mut chunk[done..], at + len_u64(done))?;
        if count == 0 {
            break;
        }
        done += count;
    }
    chunk.truncate(done);
    Ok(Bytes::from(chunk))
}

/// A segment's frames, all checked: checksums, positions without a gap, chain, entries.
pub(crate) struct Checked {
    /// Where the last valid frame ends.
    pub(crate) end_at: u64,
    /// Where the last valid frame starts; `None` if there is no frame.
    pub(crate) last_at: Option<u64>,
    /// The position after the last entry.
    pub(crate) next: u64,
    /// The chain hash after the last entry.
    pub(crate) chain: Hash,
}

/// Checks all frames, up to entry `stop` if there is one, else up to where frames end: the caller judges what follows.
/// `each` learns each frame's first entry and offset.
pub(crate) fn check_frames(
    reader: &mut Reader<'_>,
    header: &SegmentHeader,
    stop: Option<u64>,
    mut each: impl FnMut(u64, u64),
) -> Result<Checked, Error> {
    let path = reader.path;
    let mark = header.mark();
    let mut checked =
        Checked { end_at: len_u64(SEGMENT_HEADER_BYTES), last_at: None, next: header.first, chain: header.chain };
    while stop.is_none_or(|stop| checked.next < stop) {
        let at = checked.end_at;
        let frame = match (reader.frame(at, mark)?, stop) {
            (Found::Frame(frame), _) => frame,
            (_, None) => return Ok(checked),
            (Found::Nothing, Some(_)) => return Err(Error::corrupt(path, at, "entries are missing")),
            (Found::Broken(reason), Some(_)) => return Err(Error::corrupt(path, at, reason)),
        };
        if frame.header.first != checked.next {
            let (first, next) = (frame.header.first, checked.next);
            return Err(Error::corrupt(path, at, format!("entry {first} is where {next} should be")));
        }
        if format::chain_after(&checked.chain, &frame.body) != frame.header.chain {
            return Err(Error::corrupt(path, at, "the hash chain is broken"));
        }
        let next = frame.header.next().filter(|_| format::decode_entries(&frame.header, &frame.body).is_some());
        let next = next.ok_or_else(|| Error::corrupt(path, at, "the frame does not hold the entries it says"))?;
        each(frame.header.first, at);
        checked = Checked { end_at: frame.next_at, last_at: Some(at), next, chain: frame.header.chain };
    }
    Ok(checked)
}

/// Judges what follows the last valid frame of the last segment: how many bytes have to be cut (0 if there are only zeros), or
/// an error if a valid frame follows, for then what lies between was durable once and has been damaged.
pub(crate) fn judge_tail(reader: &mut Reader<'_>, end_at: u64, mark: Mark) -> Result<u64, Error> {
    let path = reader.path;
    let len = reader.len();
    let mut dirty_end = end_at;
    let mut candidates = 0;
    let mut at = end_at;
    while at < len {
        let count = usize::try_from(len - at).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let Some(chunk) = reader.bytes(at, count)? else { break };
        if let Some(last) = last_not_zero(&chunk) {
            dirty_end = at + len_u64(last) + 1;
            for found in memmem::find_iter(&chunk, &mark) {
                candidates += 1;
                let later_at = at + len_u64(found);
                let valid = later_at > end_at && matches!(reader.frame(later_at, mark)?, Found::Frame(_));
                if valid {
                    let reason = format!("the frame is damaged, but a later one at byte {later_at} is whole");
                    return Err(Error::corrupt(path, end_at, reason));
                }
                if candidates > CANDIDATES_MAX {
                    return Err(Error::corrupt(path, end_at, "what follows is neither frames nor a torn write"));
                }
            }
        }
        // Chunks overlap by the mark less one byte, so that no mark is cut in two.
        at += len_u64(if count < CHUNK_BYTES { count } else { count - (mark.len() - 1) });
    }
    Ok(dirty_end - end_at)
}

/// The index of the last byte that is not zero. Compares pages, for a preallocated file is nearly all zeros.
fn last_not_zero(bytes: &[u8]) -> Option<usize> {
    const PAGE: &[u8] = &[0; 4096];
    let mut end = bytes.len();
    for page in bytes.rchunks(PAGE.len()) {
        end -= page.len();
        if page != &PAGE[..page.len()] {
            return page.iter().rposition(|b| *b != 0).map(|index| end + index);
        }
    }
    None
}
