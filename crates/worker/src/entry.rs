//! What a journal entry says.
//!
//! ```text
//! kind 1 BEGIN    a call that may change something is about to run: its record, as far as it is known
//! kind 2 FINISH   begin (u64, big-endian; 0 if there was none) · the call's record as JSON, no white space
//! kind 3 CONTROL  length of the topic (u8) · topic · a document of the topic's own (JSON)
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
                let (begin, _) = payload.split_first_chunk::<8>().ok_or(bad("it is shorter than 8 bytes"))?;
                let begin = u64::from_be_bytes(*begin);
                Ok(EntryKind::Finish { begin: (begin != 0).then_some(Seq::new(begin)), record: payload.slice(8..) })
            }
            CONTROL => {
                let len = usize::from(*payload.first().ok_or(bad("it is empty"))?);
                let topic = payload.get(1..=len).ok_or(bad("its topic is cut off"))?;
                let topic = std::str::from_utf8(topic).map_err(|_| bad("its topic is not UTF-8"))?.to_owned();
                Ok(EntryKind::Control(Control { topic, document: payload.slice(1 + len..) }))
            }
            _ => Err(bad("its kind is unknown to this version")),
        }
    }
}

/// A BEGIN entry.
pub fn begin(record: Bytes) -> (u8, Bytes) {
    (BEGIN, record)
}

/// Room that the writer of a FINISH record leaves at the front of its buffer, for [`finish`] to fill in.
pub const FINISH_HEAD_BYTES: usize = 8;

/// A FINISH entry from a buffer whose first [`FINISH_HEAD_BYTES`] are spare and whose rest is the record.
pub fn finish(begin: Option<Seq>, mut buffer: Vec<u8>) -> (u8, Bytes) {
    let begin = begin.map_or(0, |seq| seq.get());
    buffer[..FINISH_HEAD_BYTES].copy_from_slice(&begin.to_be_bytes());
    (FINISH, buffer.into())
}

/// A CONTROL entry. The topic is at most 255 bytes.
pub fn control(topic: &str, document: &[u8]) -> (u8, Bytes) {
    let mut bytes = BytesMut::with_capacity(1 + topic.len() + document.len());
    bytes.put_u8(u8::try_from(topic.len()).expect("a topic is a short constant"));
    bytes.put_slice(topic.as_bytes());
    bytes.put_slice(document);
    (CONTROL, bytes.freeze())
}
