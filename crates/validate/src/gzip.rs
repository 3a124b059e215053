//! Inflating as bytes come. What of a gzip file a digest's hash does not cover (header, trailer, what follows) is looked at here:
//! the hash is that of the content alone.

use flate2::{Decompress, FlushDecompress, Status};

/// Inflated bytes handed on at a time.
const OUT_BYTES: usize = 64 * 1024;
/// The fixed part of a gzip header. Source: RFC 1952, section 2.3.
const HEADER_BYTES: usize = 10;

/// Inflates the first member of a gzip file.
pub(crate) struct Inflater {
    inflate: Decompress,
    out: Box<[u8]>,
    header: Vec<u8>,
    ended: bool,
    trailing_bytes: u64,
    limit: u64,
}

/// The bytes are no gzip file, or have become another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// What is to be said of a file beside its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// As CloudTrail writes it.
    Plain,
    /// It ends before the gzip data does.
    CutOff,
    /// Bytes follow the gzip data.
    Trailing(u64),
    /// The header is not one that CloudTrail writes.
    Rewritten,
}

impl Wrapping {
    /// What is wrong with the bytes around a content that is right.
    pub(crate) fn fault(self) -> Option<String> {
        match self {
            Wrapping::Plain => None,
            Wrapping::CutOff => Some("the file is cut off after its content".to_owned()),
            Wrapping::Trailing(count) => Some(format!("{count} bytes follow the end of its content")),
            Wrapping::Rewritten => {
                Some("the content is right, but its gzip header is not one that CloudTrail writes".to_owned())
            }
        }
    }
}

impl Inflater {
    /// For content of at most `limit` bytes.
    pub(crate) fn new(limit: u64) -> Inflater {
        Inflater {
            inflate: Decompress::new_gzip(15),
            out: vec![0; OUT_BYTES].into_boxed_slice(),
            header: Vec::with_capacity(HEADER_BYTES),
            ended: false,
            trailing_bytes: 0,
            limit,
        }
    }

    /// Takes bytes of the file and gives what they inflate to. After an error there is nothing more to be had.
    pub(crate) fn push(&mut self, mut bytes: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), Damaged> {
        if self.header.len() < HEADER_BYTES {
            let count = bytes.len().min(HEADER_BYTES - self.header.len());
            self.header.extend_from_slice(&bytes[..count]);
        }
        loop {
            if self.ended {
                self.trailing_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                return Ok(());
            }
            let (in_before, out_before) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(bytes, &mut self.out, FlushDecompress::None);
            let taken = usize::try_from(self.inflate.total_in() - in_before).map_err(|_| Damaged)?;
            let given = usize::try_from(self.inflate.total_out() - out_before).map_err(|_| Damaged)?;
            if given > 0 {
                take(&self.out[..given]);
            }
            bytes = &bytes[taken..];
            if self.inflate.total_out() > self.limit {
                return Err(Damaged);
            }
            match status {
                Ok(Status::StreamEnd) => self.ended = true,
                // A full buffer: there may be more without further input.
                Ok(_) if given == self.out.len() => {}
                Ok(_) if bytes.is_empty() => return Ok(()),
                Ok(_) if taken == 0 && given == 0 => return Err(Damaged),
                Ok(_) => {}
                Err(_) => return Err(Damaged),
            }
        }
    }

    /// How many bytes it inflated to.
    pub(crate) fn content_bytes(&self) -> u64 {
        self.inflate.total_out()
    }

    /// After the last byte.
    pub(crate) fn wrapping(&self) -> Wrapping {
        match (self.ended, self.trailing_bytes) {
            (false, _) => Wrapping::CutOff,
            (true, 0) if is_plain(&self.header) => Wrapping::Plain,
            (true, 0) => Wrapping::Rewritten,
            (true, count) => Wrapping::Trailing(count),
        }
    }
}

/// CloudTrail writes no flags, no time and no name. AWS's writer names no system (0, in later versions 255), Cairn's 255; 3 is
/// allowed for because libraries on Unix write it. The extra flags tell the level of compression.
fn is_plain(header: &[u8]) -> bool {
    matches!(header, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0 | 2 | 4, 0 | 3 | 255])
}

/// Inflates a whole small file; `None` if that cannot be done.
pub(crate) fn inflate(gzip: &[u8], limit: u64) -> Option<(Vec<u8>, Wrapping)> {
    let mut inflater = Inflater::new(limit);
    let mut content = Vec::new();
    inflater.push(gzip, |bytes| content.extend_from_slice(bytes)).ok()?;
    Some((content, inflater.wrapping()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 10_000_000;

    #[test]
    fn content_is_the_same_however_the_bytes_come() {
        let content: Vec<u8> = (0..300_000_u32).flat_map(|n| (n % 251).to_le_bytes()).collect();
        let gzip = record::file::deflate(&content);
        for size in [1, 7, 1000, gzip.len()] {
            let mut inflater = Inflater::new(LIMIT);
            let mut out = Vec::new();
            for piece in gzip.chunks(size) {
                inflater.push(piece, |bytes| out.extend_from_slice(bytes)).unwrap();
            }
            assert!(out == content, "pieces of {size}");
            assert_eq!(inflater.wrapping(), Wrapping::Plain);
        }
    }

    #[test]
    fn what_the_hash_does_not_cover_is_told() {
        let gzip = record::file::deflate(b"content");
        let wrapping = |bytes: &[u8]| inflate(bytes, LIMIT).map(|(content, wrapping)| (content.len(), wrapping));
        assert_eq!(wrapping(&gzip), Some((7, Wrapping::Plain)));
        assert_eq!(wrapping(&gzip[..gzip.len() - 1]), Some((7, Wrapping::CutOff)));
        assert_eq!(wrapping(&[&gzip[..], b"xyz"].concat()), Some((7, Wrapping::Trailing(3))));
        assert_eq!(wrapping(&[&gzip[..], &gzip[..]].concat()), Some((7, Wrapping::Trailing(gzip.len() as u64))));
        for at in 0..HEADER_BYTES {
            let mut changed = gzip.clone();
            changed[at] ^= 0x10;
            assert_ne!(wrapping(&changed), Some((7, Wrapping::Plain)), "header byte {at}");
        }
        for at in gzip.len() - 8..gzip.len() {
            let mut changed = gzip.clone();
            changed[at] ^= 0x10;
            assert_eq!(wrapping(&changed), None, "trailer byte {at}");
        }
        assert_eq!(wrapping(b""), Some((0, Wrapping::CutOff)));
        assert_eq!(wrapping(b"not gzip"), None);
        assert_eq!(inflate(&record::file::deflate(&[0; 2000]), 1999), None, "larger than allowed");
    }
}
