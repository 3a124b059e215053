//! Writes calls into the journal: a BEGIN before work that changes something, a FINISH for every call, and both durable before
//! anything depends on them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use journal::{Journal, Seq};
use worker::entry;

/// FINISH entries of work that was done but could not be recorded (the disk was full) are kept, to be written as soon as the
/// journal takes them; past this many, new calls that change something are refused.
const UNWRITTEN_MAX: usize = 10_000;

/// Whether calls are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// Every call.
    On,
    /// None: only to measure what recording costs.
    Off,
}

/// See the module.
pub struct Recorder {
    journal: Arc<dyn Journal>,
    recording: Recording,
    open: Mutex<BTreeSet<Seq>>,
    unwritten: Mutex<Vec<(u8, Bytes)>>,
}

/// A call whose BEGIN is durable and whose FINISH is not yet.
#[derive(Debug, Clone, Copy)]
pub struct Begun(Option<Seq>);

impl Recorder {
    /// Over a journal.
    pub fn new(journal: Arc<dyn Journal>, recording: Recording) -> Recorder {
        Recorder { journal, recording, open: Mutex::default(), unwritten: Mutex::default() }
    }

    /// Whether records are wanted.
    pub fn is_on(&self) -> bool {
        self.recording == Recording::On
    }

    /// Records that a call that changes something is about to run. Returns when that is durable.
    pub async fn begin(&self, record: Vec<u8>) -> Result<Begun, journal::Error> {
        if !self.is_on() {
            return Ok(Begun(None));
        }
        let waiting = self.write_unwritten().await?;
        if waiting > UNWRITTEN_MAX {
            return Err(journal::Error::Closed);
        }
        let seq = self.journal.append(vec![entry::begin(record.into())]).await?;
        self.open.lock().expect("no holder of this lock can panic").insert(seq);
        Ok(Begun(Some(seq)))
    }

    /// Records a call that is over. Returns when that is durable. `buffer` starts with [`entry::FINISH_HEAD_BYTES`] spare bytes.
    ///
    /// If it fails after work was done, the record is kept and written later: the caller must not answer with success.
    pub async fn finish(&self, begun: Option<Begun>, buffer: Vec<u8>) -> Result<(), journal::Error> {
        if !self.is_on() {
            return Ok(());
        }
        let begin = begun.and_then(|begun| begun.0);
        let item = entry::finish(begin, buffer);
        let kept = begin.is_some().then(|| item.clone());
        let result = self.journal.append(vec![item]).await;
        if let (Err(_), Some(item)) = (&result, kept) {
            self.unwritten.lock().expect("no holder of this lock can panic").push(item);
            return result.map(drop);
        }
        if let Some(seq) = begin {
            self.open.lock().expect("no holder of this lock can panic").remove(&seq);
        }
        result.map(drop)
    }

    /// Writes the records that could not be written before. Returns how many are still waiting.
    pub async fn write_unwritten(&self) -> Result<usize, journal::Error> {
        let items = std::mem::take(&mut *self.unwritten.lock().expect("no holder of this lock can panic"));
        if items.is_empty() {
            return Ok(0);
        }
        // One by one: what is written must not be written again if a later one fails.
        for (at, item) in items.iter().enumerate() {
            if let Err(error) = self.journal.append(vec![item.clone()]).await {
                let mut unwritten = self.unwritten.lock().expect("no holder of this lock can panic");
                unwritten.extend_from_slice(&items[at..]);
                tracing::warn!(%error, waiting = unwritten.len(), "records of finished calls wait for the journal");
                return Err(error);
            }
            if let Some(begin) = item.1.first_chunk::<8>() {
                let seq = Seq::new(u64::from_be_bytes(*begin));
                self.open.lock().expect("no holder of this lock can panic").remove(&seq);
            }
        }
        Ok(0)
    }

    /// The oldest BEGIN without a FINISH: the journal must be kept from there on.
    pub fn oldest_open(&self) -> Option<Seq> {
        self.open.lock().expect("no holder of this lock can panic").first().copied()
    }

    /// Whether the journal takes records now.
    pub fn has_backlog(&self) -> bool {
        !self.unwritten.lock().expect("no holder of this lock can panic").is_empty()
    }
}
