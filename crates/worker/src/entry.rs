//! What a journal entry says.
//!
//! ```text
//! kind 1 BEGIN    a call that may change something is about to run: its record, as far as it is known
//! kind 2 FINISH   begin (u64, big-endian; 0 if there was none) · the call's record as JSON, no white space
//!                 and, if the highest bit of `begin` is set: what consumers need to know of the call and its record does not say
//!                 (JSON) · its length (u32, big-endian)
//! kind 3 CONTROL  length of the topic (u8) · topic · a document of the topic's own (JSON)
//! kind 4 DATA     length of the topic (u8) · topic · content of the topic's own: log events, metric data
//! ```
//!
//! The journal knows none of this. A record is in the trail once its FINISH is; a BEGIN without a FINISH is finished by
//! recovery, as a call whose outcome is unknown.

use bytes::{BufMut, Bytes, BytesMut};
use journal::{Entry, Seq};

/// See the module.
pub const BEGIN: u8 = 1;
/// See the module.
pub const FINISH: u8 = 2;
/// See the module.
pub const CONTROL: u8 = 3;
/// See the module.
pub const DATA: u8 = 4;

/// An entry, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A call is about to run.
    Begin {
        /// Its record so far, as JSON.
        record: Bytes,
    },
    /// A call is over.
    Finish {
        /// Its BEGIN, if it had one.
        begin: Option<Seq>,
        /// Its record, as JSON.
        record: Bytes,
    },
    /// A change of configuration, in its place among the calls.
    Control(Control),
    /// What a service was given to keep, and keeps by reading it here: log events, metric data.
    Data(Data),
}

/// What a service was given to keep. It is durable as soon as it is here; the consumer of its topic makes the rest of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Whose it is: `logs/123456789012`.
    pub topic: String,
    /// In the topic's own format.
    pub content: Bytes,
}

/// A change of configuration that a consumer must see in its place among the calls: what a trail selects, say, from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Whose it is: `cloudtrail/trail`.
    pub topic: String,
    /// The topic's own document.
    pub document: Bytes,
}

/// An entry that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("journal entry {seq} of kind {kind} cannot be read: {why}")]
pub struct Unreadable {
    /// Which.
    pub seq: u64,
    /// Its kind.
    pub kind: u8,
    /// What is wrong with it.
    pub why: &'static str,
}

impl EntryKind {
    /// Reads an entry. The record's bytes are shared with it, not copied.
    pub fn read(entry: &Entry) -> Result<EntryKind, Unreadable> {
        let bad = |why| Unreadable { seq: entry.seq.get(), kind: entry.kind, why };
        let payload = &entry.payload;
        match entry.kind {
            BEGIN => Ok(EntryKind::Begin { record: payload.clone() }),
            FINISH => {
                let (begin, record, _) = parts(payload).map_err(bad)?;
                Ok(EntryKind::Finish { begin: (begin != 0).then_some(Seq::new(begin)), record })
            }
            CONTROL => {
                let (topic, document) = topical(payload).map_err(bad)?;
                Ok(EntryKind::Control(Control { topic, document }))
            }
            DATA => {
                let (topic, content) = topical(payload).map_err(bad)?;
                Ok(EntryKind::Data(Data { topic, content }))
            }
            _ => Err(bad("its kind is unknown to this version")),
        }
    }
}

/// The topic, and what stands behind it.
fn topical(payload: &Bytes) -> Result<(String, Bytes), &'static str> {
    let len = usize::from(*payload.first().ok_or("it is empty")?);
    let topic = payload.get(1..=len).ok_or("its topic is cut off")?;
    let topic = std::str::from_utf8(topic).map_err(|_| "its topic is not UTF-8")?.to_owned();
    Ok((topic, payload.slice(1 + len..)))
}

/// The bit of a FINISH's first number that says that something stands behind the record.
const HAS_ASIDE: u64 = 1 << 63;
/// The length of what stands there, at the very end.
const ASIDE_LENGTH_BYTES: usize = 4;

/// The parts of a FINISH: its BEGIN, its record, and what stands beside the record.
fn parts(payload: &Bytes) -> Result<(u64, Bytes, Option<Bytes>), &'static str> {
    let (begin, _) = payload.split_first_chunk::<FINISH_HEAD_BYTES>().ok_or("it is shorter than 8 bytes")?;
    let begin = u64::from_be_bytes(*begin);
    if begin & HAS_ASIDE == 0 {
        return Ok((begin, payload.slice(FINISH_HEAD_BYTES..), None));
    }
    let cut = "what stands behind its record is cut off";
    let (rest, length) = payload.split_last_chunk::<ASIDE_LENGTH_BYTES>().ok_or(cut)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| cut)?;
    let end = rest.len().checked_sub(length).filter(|end| *end >= FINISH_HEAD_BYTES).ok_or(cut)?;
    Ok((begin & !HAS_ASIDE, payload.slice(FINISH_HEAD_BYTES..end), Some(payload.slice(end..rest.len()))))
}

/// What a FINISH entry says besides its record, as JSON.
pub fn aside(entry: &Entry) -> Option<Bytes> {
    parts(&entry.payload).ok()?.2.filter(|_| entry.kind == FINISH)
}

/// A BEGIN entry.
pub fn begin(record: Bytes) -> (u8, Bytes) {
    (BEGIN, record)
}

/// Room that the writer of a FINISH record leaves at the front of its buffer, for [`finish`] to fill in.
pub const FINISH_HEAD_BYTES: usize = 8;

/// A FINISH entry from a buffer whose first [`FINISH_HEAD_BYTES`] are spare and whose rest is the record.
pub fn finish(begin: Option<Seq>, mut buffer: Vec<u8>) -> (u8, Bytes) {
    // The bit is there if something was added to the record.
    let bit = if buffer[0] & HAS_ASIDE.to_be_bytes()[0] == 0 { 0 } else { HAS_ASIDE };
    let begin = begin.map_or(0, |seq| seq.get()) | bit;
    buffer[..FINISH_HEAD_BYTES].copy_from_slice(&begin.to_be_bytes());
    (FINISH, buffer.into())
}

/// Adds to the buffer of a FINISH, behind the record, what consumers need to know and the record does not say.
pub fn add_aside(buffer: &mut Vec<u8>, json: &str) {
    let length = u32::try_from(json.len()).expect("a batch of the journal is far shorter");
    buffer.extend_from_slice(json.as_bytes());
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer[0] |= HAS_ASIDE.to_be_bytes()[0];
}

/// A CONTROL entry. The topic is at most 255 bytes.
pub fn control(topic: &str, document: &[u8]) -> (u8, Bytes) {
    (CONTROL, with_topic(topic, document))
}

/// A DATA entry. The topic is at most 255 bytes.
pub fn data(topic: &str, content: &[u8]) -> (u8, Bytes) {
    (DATA, with_topic(topic, content))
}

fn with_topic(topic: &str, rest: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(1 + topic.len() + rest.len());
    bytes.put_u8(u8::try_from(topic.len()).expect("a topic is a short constant"));
    bytes.put_slice(topic.as_bytes());
    bytes.put_slice(rest);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry((kind, payload): (u8, Bytes)) -> Entry {
        Entry { seq: Seq::new(7), kind, payload }
    }

    #[test]
    fn changes_and_data_name_their_topics() {
        let content = Bytes::from_static(b"[1]");
        let change = EntryKind::Control(Control { topic: "a/b".to_owned(), document: content.clone() });
        assert_eq!(EntryKind::read(&entry(control("a/b", b"[1]"))).unwrap(), change);
        let kept = EntryKind::Data(Data { topic: "logs/1".to_owned(), content });
        assert_eq!(EntryKind::read(&entry(data("logs/1", b"[1]"))).unwrap(), kept);
        assert!(EntryKind::read(&entry((DATA, Bytes::from_static(b"\x05logs")))).is_err());
    }

    #[test]
    fn what_stands_beside_a_record_is_no_part_of_it() {
        let mut buffer = [&[0; FINISH_HEAD_BYTES][..], b"{\"a\":1}"].concat();
        let plain = entry(finish(Some(Seq::new(10)), buffer.clone()));
        add_aside(&mut buffer, "{\"b\":2}");
        let more = entry(finish(Some(Seq::new(10)), buffer));
        for entry in [&plain, &more] {
            let record = Bytes::from_static(b"{\"a\":1}");
            assert_eq!(EntryKind::read(entry).unwrap(), EntryKind::Finish { begin: Some(Seq::new(10)), record });
        }
        assert_eq!((aside(&plain), aside(&more)), (None, Some(Bytes::from_static(b"{\"b\":2}"))));
        let cut = Entry { payload: more.payload.slice(..12), ..more };
        assert!(EntryKind::read(&cut).is_err() && aside(&cut).is_none());
    }
}
