//! Writes calls into the journal: a BEGIN before work that changes something, a FINISH for every call, and both durable before
//! anything depends on them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use journal::{Journal, Seq};
use worker::entry;

use crate::recovery;

/// FINISH entries of work that was done but could not be recorded (the disk was full) are kept, to be written as soon as the
/// journal takes them; past this many, new calls that change something are refused.
const UNWRITTEN_MAX: usize = 10_000;

/// What [`Recorder::probe`] appends. Nobody reads it.
const PROBE: &str = "gateway/probe";

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
    closed: AtomicBool,
    unwritten: Mutex<Vec<(u8, Bytes)>>,
    /// Whether the last append failed.
    failing: AtomicBool,
    written: AtomicU64,
    refused: AtomicU64,
}

/// A call whose BEGIN is durable and whose FINISH is not yet. If it is dropped without one (its task panicked), the record that
/// the call was interrupted is written soon after.
#[derive(Debug)]
pub struct Begun(Option<Open>);

struct Open {
    recorder: Arc<Recorder>,
    seq: Seq,
    record: Bytes,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("seq", &self.seq).finish_non_exhaustive()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        match recovery::interrupted(&open.record) {
            Ok(record) => open.recorder.keep(entry::finish(Some(open.seq), record)),
            Err(error) => tracing::error!(seq = open.seq.get(), error, "an interrupted call cannot be recorded"),
        }
    }
}

/// The longest record that is written: a batch of the journal holds it, with room for what an interrupted call's record adds.
pub const RECORD_BYTES_MAX: usize = journal::MAX_BATCH_BYTES - (64 << 10);

impl Recorder {
    /// Over a journal.
    pub fn new(journal: Arc<dyn Journal>, recording: Recording) -> Recorder {
        Recorder {
            journal,
            recording,
            open: Mutex::default(),
            appending: AtomicU64::new(1),
            closed: AtomicBool::new(false),
            unwritten: Mutex::default(),
            failing: AtomicBool::new(false),
            written: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Whether records are wanted.
    pub fn is_on(&self) -> bool {
        self.recording == Recording::On
    }

    /// Records that a call that changes something is about to run. Returns when that is durable.
    pub async fn begin(self: &Arc<Recorder>, record: Vec<u8>) -> Result<Begun, journal::Error> {
        if !self.is_on() {
            return Ok(Begun(None));
        }
        let waiting = self.write_unwritten().await?;
        if waiting > UNWRITTEN_MAX {
            return Err(journal::Error::Closed);
        }
        // The journal must not be trimmed past the BEGIN in the moment between its being durable and our learning where it is.
        let floor = (self.journal.durable_end(), self.appending.fetch_add(1, Ordering::Relaxed));
        {
            let mut open = self.open.lock().expect("no holder of this lock can panic");
            if self.closed.load(Ordering::Acquire) {
                return Err(journal::Error::Closed);
            }
            open.insert(floor);
        }
        let record = Bytes::from(record);
        let appended = self.append(entry::begin(record.clone())).await;
        let mut open = self.open.lock().expect("no holder of this lock can panic");
        // One that may be there stays open: the next start must look for it.
        if !matches!(appended, Err(journal::Error::Uncertain { .. })) {
            open.remove(&floor);
        }
        let seq = appended?;
        open.insert((seq, 0));
        Ok(Begun(Some(Open { recorder: Arc::clone(self), seq, record })))
    }

    /// Records a call that is over. Returns when that is durable. `buffer` starts with [`entry::FINISH_HEAD_BYTES`] spare bytes.
    ///
    /// If it fails after work was done, the record is kept and written later: the caller must not answer with success.
    /// `copies` are records of the same call for other accounts, made likewise: all are written, or none.
    pub async fn finish(
        &self,
        begun: Option<Begun>,
        buffer: Vec<u8>,
        copies: Vec<Vec<u8>>,
    ) -> Result<(), journal::Error> {
        if !self.is_on() {
            return Ok(());
        }
        let begin = begun.and_then(|mut begun| begun.0.take()).map(|open| open.seq);
        let mut items = vec![entry::finish(begin, buffer)];
        items.extend(copies.into_iter().map(|copy| entry::finish(None, copy)));
        let kept = begin.is_some().then(|| items.clone());
        let result = self.append_all(items).await;
        let counter = if result.is_ok() { &self.written } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
        if let (Err(error), Some(items)) = (&result, kept) {
            // A record that may be there must not be written again: recovery sees whether it is.
            if !matches!(error, journal::Error::Uncertain { .. }) {
                items.into_iter().for_each(|item| self.keep(item));
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
            if let Err(error) = self.append(item.clone()).await {
                // What may be there must not be written again, and what the journal never takes must not hold up the rest.
                let is_over = matches!(error, journal::Error::Uncertain { .. } | journal::Error::TooLarge { .. });
                let mut unwritten = self.unwritten.lock().expect("no holder of this lock can panic");
                unwritten.extend_from_slice(&items[at + usize::from(is_over)..]);
                tracing::warn!(%error, waiting = unwritten.len(), "records of finished calls wait for the journal");
                return Err(error);
            }
            self.written.fetch_add(1, Ordering::Relaxed);
            if let Some(begin) = item.1.first_chunk::<8>() {
                let seq = Seq::new(u64::from_be_bytes(*begin));
                self.open.lock().expect("no holder of this lock can panic").remove(&(seq, 0));
            }
        }
        Ok(0)
    }

    /// If the journal did not take the last entry, tries whether it takes one again: nobody else may come to try while we say that
    /// we are not ready.
    pub async fn probe(&self) -> Result<(), journal::Error> {
        if !self.failing.load(Ordering::Acquire) {
            return Ok(());
        }
        self.append(entry::control(PROBE, b"{}")).await.map(drop)
    }

    async fn append(&self, item: (u8, Bytes)) -> Result<Seq, journal::Error> {
        self.append_all(vec![item]).await
    }

    async fn append_all(&self, items: Vec<(u8, Bytes)>) -> Result<Seq, journal::Error> {
        let result = self.journal.append(items).await;
        // One that is too large says nothing of the next.
        if !matches!(result, Err(journal::Error::TooLarge { .. })) {
            self.failing.store(result.is_err(), Ordering::Release);
        }
        result
    }

    fn keep(&self, item: (u8, Bytes)) {
        self.unwritten.lock().expect("no holder of this lock can panic").push(item);
    }

    /// Refuses further calls that change something. What [`Recorder::oldest_open`] says after this, it says for good.
    pub fn close(&self) {
        let _open = self.open.lock().expect("no holder of this lock can panic");
        self.closed.store(true, Ordering::Release);
    }

    /// The oldest BEGIN without a FINISH: the journal must be kept from there on.
    pub fn oldest_open(&self) -> Option<Seq> {
        self.open.lock().expect("no holder of this lock can panic").first().map(|(seq, _)| *seq)
    }

    /// Whether records wait for a journal that did not take them.
    pub fn has_backlog(&self) -> bool {
        self.waiting() > 0
    }

    /// How many records wait.
    pub fn waiting(&self) -> usize {
        self.unwritten.lock().expect("no holder of this lock can panic").len()
    }

    /// Whether calls can be recorded now, as far as the last one tells.
    pub fn is_ready(&self) -> bool {
        !self.failing.load(Ordering::Acquire) && !self.has_backlog()
    }

    /// Records that were written, and those that the journal refused.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.written.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
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
        let recorder = Arc::new(Recorder::new(Arc::clone(&journal), Recording::On));
        recorder.finish(None, buffer("{}"), Vec::new()).await.unwrap();
        assert_eq!(recorder.oldest_open(), None);
        let first = recorder.begin(b"{}".to_vec()).await.unwrap();
        let second = recorder.begin(b"{}".to_vec()).await.unwrap();
        assert_eq!(recorder.oldest_open(), Some(Seq::new(2)));
        recorder.finish(Some(first), buffer("{}"), Vec::new()).await.unwrap();
        assert_eq!(recorder.oldest_open(), Some(Seq::new(3)));
        recorder.finish(Some(second), buffer("{}"), Vec::new()).await.unwrap();
        assert_eq!(recorder.oldest_open(), None);
        let entries = journal.read(Seq::FIRST, ReadLimit::default()).unwrap();
        let begins = entries.iter().filter_map(|entry| match EntryKind::read(entry).unwrap() {
            EntryKind::Finish { begin, .. } => Some(begin.map(Seq::get)),
            _ => None,
        });
        assert_eq!(begins.collect::<Vec<_>>(), [None, Some(2), Some(3)]);
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_is_recorded_as_interrupted_and_a_closed_recorder_begins_none() {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
        let recorder = Arc::new(Recorder::new(Arc::clone(&journal), Recording::On));
        drop(recorder.begin(br#"{"requestParameters":null}"#.to_vec()).await.unwrap());
        assert!(recorder.has_backlog());
        assert_eq!(recorder.write_unwritten().await.unwrap(), 0);
        assert_eq!(recorder.oldest_open(), None);
        let entries = journal.read(Seq::new(2), ReadLimit::default()).unwrap();
        let Ok(EntryKind::Finish { begin, record }) = EntryKind::read(&entries[0]) else { panic!("{entries:?}") };
        assert_eq!(begin, Some(Seq::FIRST));
        assert!(String::from_utf8_lossy(&record).contains(recovery::INTERRUPTED_CODE));
        recorder.close();
        assert!(recorder.begin(b"{}".to_vec()).await.is_err());
    }
}
