//! What an entry of the journal says of log events: one batch for one stream.
//!
//! ```text
//! 1    version: 1
//! 1    flags: 1 there is a source, 2 the body is encrypted
//! n    group · stream · when it came (milliseconds)
//! if there is a source: its text · position · part
//! if encrypted: the number of the group's data key; then the body is nonce (12) · AES-256-GCM · tag (16)
//! body: number of events; for each its time (as a difference to the one before) and its text
//! ```

use bytes::Bytes;

use crate::bits::{Bad, Reader, put_bytes, put_number, put_signed};

const VERSION: u8 = 1;
const HAS_SOURCE: u8 = 1;
const IS_ENCRYPTED: u8 = 2;

/// Where a batch comes from, if it comes only once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct From {
    /// The trail's ARN.
    pub source: String,
    /// Grows.
    pub position: u64,
    /// Grows within a position.
    pub part: u32,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The group's identifier.
    pub group: u64,
    /// The stream's.
    pub stream: u64,
    /// When it came.
    pub ingested: i64,
    /// See [`From`].
    pub from: Option<From>,
    /// The data key that the body is encrypted under.
    pub key: Option<u32>,
    /// The events.
    pub body: Bytes,
}

/// The body of these events.
pub fn body<'a>(events: impl ExactSizeIterator<Item = (i64, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, events.len() as u64);
    let mut before = 0_i64;
    for (ts, text) in events {
        put_signed(&mut out, ts.wrapping_sub(before));
        put_bytes(&mut out, text);
        before = ts;
    }
    out
}

/// The events of a body.
pub fn events(body: Bytes) -> Result<Vec<(i64, Bytes)>, Bad> {
    let mut reader = Reader::new(body);
    let count = reader.length()?;
    let mut events = Vec::with_capacity(count.min(10_000));
    let mut ts = 0_i64;
    for _ in 0..count {
        ts = ts.wrapping_add(reader.signed()?);
        events.push((ts, reader.bytes()?));
    }
    Ok(events)
}

impl Batch {
    /// As the journal keeps it.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len() + 64);
        let flag = |is: bool, bit: u8| if is { bit } else { 0 };
        out.push(VERSION);
        out.push(flag(self.from.is_some(), HAS_SOURCE) | flag(self.key.is_some(), IS_ENCRYPTED));
        put_number(&mut out, self.group);
        put_number(&mut out, self.stream);
        put_signed(&mut out, self.ingested);
        if let Some(from) = &self.from {
            put_bytes(&mut out, from.source.as_bytes());
            put_number(&mut out, from.position);
            put_number(&mut out, u64::from(from.part));
        }
        if let Some(key) = self.key {
            put_number(&mut out, u64::from(key));
        }
        out.extend_from_slice(&self.body);
        out
    }

    /// Reads what [`Batch::encode`] made.
    pub fn decode(content: Bytes) -> Result<Batch, Bad> {
        let mut reader = Reader::new(content);
        let head = reader.take(2)?;
        if head[0] != VERSION || head[1] > (HAS_SOURCE | IS_ENCRYPTED) {
            return Err(Bad);
        }
        let (group, stream, ingested) = (reader.number()?, reader.number()?, reader.signed()?);
        let number = |value: u64| u32::try_from(value).map_err(|_| Bad);
        let from = match head[1] & HAS_SOURCE {
            0 => None,
            _ => Some(From { source: reader.text()?, position: reader.number()?, part: number(reader.number()?)? }),
        };
        let key = match head[1] & IS_ENCRYPTED {
            0 => None,
            _ => Some(number(reader.number()?)?),
        };
        Ok(Batch { group, stream, ingested, from, key, body: reader.rest() })
    }
}

/// See [`crate::fuzz_stored`].
pub fn fuzz(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    if let Ok(batch) = Batch::decode(data.clone()) {
        assert_eq!(Batch::decode(batch.encode().into()), Ok(batch));
    }
    if let Ok(read) = events(data) {
        let written = body(read.iter().map(|(ts, text)| (*ts, &text[..])));
        assert_eq!(events(written.into()), Ok(read));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_read_back() {
        let text: [(i64, &[u8]); 3] = [(1_700_000_000_000, b"a"), (1_700_000_000_001, b""), (5, "\u{e4}".as_bytes())];
        let whole = Bytes::from(body(text.into_iter()));
        let from = From { source: "arn:aws:cloudtrail:x".to_owned(), position: 7, part: 1 };
        for (from, key) in [(None, None), (Some(from.clone()), None), (None, Some(3)), (Some(from), Some(9))] {
            let batch = Batch { group: u64::MAX, stream: 2, ingested: 9, from, key, body: whole.clone() };
            assert_eq!(Batch::decode(batch.encode().into()), Ok(batch));
        }
        let read = events(whole.clone()).unwrap();
        assert!(read.iter().zip(text).all(|((ts, text), want)| (*ts, &text[..]) == want) && read.len() == 3);
        assert_eq!(events(whole.slice(..whole.len() - 1)), Err(Bad));
        assert_eq!(Batch::decode(Bytes::from_static(b"\x02\x00")), Err(Bad));
    }
}
