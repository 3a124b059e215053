//! Writes calls into the journal: a BEGIN before work that changes something, a FINISH for every call, and both durable before
//! anything depends on them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// BEGINs without a FINISH; while one is being appended, the journal's end before it, with a number of its own.
    open: Mutex<BTreeSet<(Seq, u64)>>,
    appending: AtomicU64,
    unwritten: Mutex<Vec<(u8, Bytes)>>,
}

/// A call whose BEGIN is durable and whose FINISH is not yet.
#[derive(Debug, Clone, Copy)]
pub struct Begun(Option<Seq>);

impl Recorder {
    /// Over a journal.
    pub fn new(journal: Arc<dyn Journal>, recording: Recording) -> Recorder {
        Recorder { journal, recording, open: Mutex::default(), appending: AtomicU64::new(1), unwritten: Mutex::default() }
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
        // The journal must not be trimmed past the BEGIN in the moment between its being durable and our learning where it is.
        let floor = (self.journal.durable_end(), self.appending.fetch_add(1, Ordering::Relaxed));
        self.open.lock().expect("no holder of this lock can panic").insert(floor);
        let appended = self.journal.append(vec![entry::begin(record.into())]).await;
        let mut open = self.open.lock().expect("no holder of this lock can panic");
        open.remove(&floor);
        let seq = appended?;
        open.insert((seq, 0));
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
        if let (Err(error), Some(item)) = (&result, kept) {
            // A record that may be there must not be written again: recovery sees whether it is.
            if !matches!(error, journal::Error::Uncertain { .. }) {
                self.unwritten.lock().expect("no holder of this lock can panic").push(item);
            }
            return result.map(drop);
        }
        if let Some(seq) = begin {
            self.open.lock().expect("no holder of this lock can panic").remove(&(seq, 0));
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
                self.open.lock().expect("no holder of this lock can panic").remove(&(seq, 0));
            }
        }
        Ok(0)
    }

    /// The oldest BEGIN without a FINISH: the journal must be kept from there on.
    pub fn oldest_open(&self) -> Option<Seq> {
        self.open.lock().expect("no holder of this lock can panic").first().map(|(seq, _)| *seq)
    }

    /// Whether the journal takes records now.
    pub fn has_backlog(&self) -> bool {
        !self.unwritten.lock().expect("no holder of this lock can panic").is_empty()
    }
}

#[cfg(test)]
mod tests {
    use journal::{MemoryJournal, ReadLimit};
    use worker::EntryKind;

    use super::*;

    fn buffer(record: &str) -> Vec<u8> {
        let mut buffer = vec![0; entry::FINISH_HEAD_BYTES];
        buffer.extend_from_slice(record.as_bytes());
        buffer
    }

    #[tokio::test]
    async fn a_call_is_open_from_its_begin_to_its_finish() {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let recorder = Recorder::new(Arc::clone(&journal), Recording::On);
        recorder.finish(None, buffer("{}")).await.unwrap();
        assert_eq!(recorder.oldest_open(), None);
        let first = recorder.begin(b"{}".to_vec()).await.unwrap();
        let second = recorder.begin(b"{}".to_vec()).await.unwrap();
        assert_eq!(recorder.oldest_open(), Some(Seq::new(2)));
        recorder.finish(Some(first), buffer("{}")).await.unwrap();
        assert_eq!(recorder.oldest_open(), Some(Seq::new(3)));
        recorder.finish(Some(second), buffer("{}")).await.unwrap();
        assert_eq!(recorder.oldest_open(), None);
        let entries = journal.read(Seq::FIRST, ReadLimit::default()).unwrap();
        let begins = entries.iter().filter_map(|entry| match EntryKind::read(entry).unwrap() {
            EntryKind::Finish { begin, .. } => Some(begin.map(Seq::get)),
            _ => None,
        });
        assert_eq!(begins.collect::<Vec<_>>(), [None, Some(2), Some(3)]);
    }
}
