//! A journal in memory, for tests of everything that uses one. What it calls durable lives as long as a clone of it.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::end::End;
use crate::format::{self, Hash, SegmentHeader, len_u64};
use crate::queue::check_batch;
use crate::tail::Take;
use crate::{BoxFuture, ChainHead, Entry, Error, Journal, ReadLimit, Seq, Stats};

/// A journal in memory. Appends complete at once.
pub struct MemoryJournal {
    shared: Arc<Shared>,
    closed: AtomicBool,
}

struct Shared {
    log: Mutex<Log>,
    end: End,
}

struct Log {
    entries: VecDeque<(u8, Bytes)>,
    first: u64,
    chain: Hash,
    bytes: u64,
    stats: Stats,
}

impl Log {
    fn end(&self) -> u64 {
        self.first + len_u64(self.entries.len())
    }
}

impl Default for MemoryJournal {
    fn default() -> MemoryJournal {
        MemoryJournal::new()
    }
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> MemoryJournal {
        let genesis = SegmentHeader::genesis([0; 16]);
        let first = genesis.first;
        let log = Log { entries: VecDeque::new(), first, chain: genesis.chain, bytes: 0, stats: Stats::default() };
        let shared = Shared { log: Mutex::new(log), end: End::new(first) };
        MemoryJournal { shared: Arc::new(shared), closed: AtomicBool::new(false) }
    }

    /// The same journal opened once more, as after a restart.
    pub fn reopen(&self) -> MemoryJournal {
        MemoryJournal { shared: Arc::clone(&self.shared), closed: AtomicBool::new(false) }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_now(&self, batch: Vec<(u8, Bytes)>) -> Result<Seq, Error> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        let bytes = check_batch(&batch)?;
        let mut body = Vec::with_capacity(bytes);
        format::encode_entries(&mut body, &batch);
        let mut log = self.log();
        let first = log.end();
        log.chain = format::chain_after(&log.chain, &body);
        log.bytes += len_u64(bytes);
        log.stats.appended_entries += len_u64(batch.len());
        log.stats.commits += 1;
        log.entries.extend(batch);
        self.shared.end.set(log.end());
        Ok(Seq(first))
    }
}

impl Journal for MemoryJournal {
    fn append(&self, batch: Vec<(u8, Bytes)>) -> BoxFuture<'static, Result<Seq, Error>> {
        Box::pin(ready(self.append_now(batch)))
    }

    fn read(&self, from: Seq, limit: ReadLimit) -> Result<Vec<Entry>, Error> {
        let log = self.log();
        let first = Seq(log.first);
        let skip = from.get().checked_sub(log.first).ok_or(Error::Trimmed { first })?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(log.entries.len());
        let mut take = Take::new(limit);
        let entries = log.entries.range(skip..).zip(from.get()..);
        let entries = entries.take_while(|((_, payload), _)| take.one(payload.len()));
        Ok(entries
            .map(|((kind, payload), seq)| Entry { seq: Seq(seq), kind: *kind, payload: payload.clone() })
            .collect())
    }

    fn durable_end(&self) -> Seq {
        Seq(self.log().end())
    }

    fn first(&self) -> Seq {
        Seq(self.log().first)
    }

    fn wait_for(&self, seq: Seq) -> BoxFuture<'static, ()> {
        self.shared.end.wait_past(seq.get())
    }

    fn trim(&self, before: Seq) -> Result<(), Error> {
        let mut log = self.log();
        while log.first < before.get() {
            let Some((_, payload)) = log.entries.pop_front() else { break };
            log.bytes -= len_u64(payload.len());
            log.first += 1;
        }
        Ok(())
    }

    fn chain_head(&self) -> ChainHead {
        let log = self.log();
        ChainHead { seq: Seq(log.end() - 1), hash: log.chain }
    }

    fn stats(&self) -> Stats {
        let log = self.log();
        Stats { bytes_on_disk: log.bytes, segments: 1, ..log.stats }
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}
