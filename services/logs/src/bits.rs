//! Numbers and texts as few bytes, for entries of the journal and blocks of chunks.

use bytes::Bytes;

/// What was read is cut off, or is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bad;

/// A number of few bytes if it is small.
pub fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("seven bits"));
}

/// A number of few bytes if it is near zero.
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_number(out, (value << 1 ^ value >> 63).cast_unsigned());
}

/// Bytes with their length before them.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads what was put.
pub struct Reader {
    bytes: Bytes,
    at: usize,
}

impl Reader {
    /// From the beginning.
    pub fn new(bytes: Bytes) -> Reader {
        Reader { bytes, at: 0 }
    }

    /// A number.
    pub fn number(&mut self) -> Result<u64, Bad> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(Bad)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Bad)
    }

    /// A number near zero.
    pub fn signed(&mut self) -> Result<i64, Bad> {
        let value = self.number()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A number that is an index or a length.
    pub fn length(&mut self) -> Result<usize, Bad> {
        usize::try_from(self.number()?).map_err(|_| Bad)
    }

    /// So many bytes.
    pub fn take(&mut self, len: usize) -> Result<Bytes, Bad> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len()).ok_or(Bad)?;
        let taken = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(taken)
    }

    /// Bytes with their length before them.
    pub fn bytes(&mut self) -> Result<Bytes, Bad> {
        let len = self.length()?;
        self.take(len)
    }

    /// A text with its length before it.
    pub fn text(&mut self) -> Result<String, Bad> {
        String::from_utf8(self.bytes()?.into()).map_err(|_| Bad)
    }

    /// All that is left.
    pub fn rest(&mut self) -> Bytes {
        let rest = self.bytes.slice(self.at..);
        self.at = self.bytes.len();
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read() {
        let numbers = [0, 1, 127, 128, 300, u64::MAX];
        let signed = [0, -1, 1, 63, -64, 64, i64::MIN, i64::MAX];
        let mut out = Vec::new();
        numbers.iter().for_each(|value| put_number(&mut out, *value));
        signed.iter().for_each(|value| put_signed(&mut out, *value));
        put_bytes(&mut out, b"text");
        let mut reader = Reader::new(out.into());
        assert!(numbers.iter().all(|value| reader.number() == Ok(*value)));
        assert!(signed.iter().all(|value| reader.signed() == Ok(*value)));
        assert_eq!(reader.text().as_deref(), Ok("text"));
        assert_eq!((reader.number(), Reader::new(vec![0xff; 11].into()).number()), (Err(Bad), Err(Bad)));
    }
}
