//! The journal of a world: the real one on the simulated disk, watched when it is trimmed, and with bugs if they are planted.

use std::sync::Arc;

use bytes::Bytes;
use journal::{BoxFuture, ChainHead, Entry, Error, Journal, ReadLimit, SegmentJournal, Seq, Stats};

use crate::chance::Chance;
use crate::plants::Plant;
use crate::witness::Witness;

/// See the module.
pub(crate) struct SimLog {
    pub(crate) journal: Arc<SegmentJournal>,
    pub(crate) witness: Arc<Witness>,
    pub(crate) chance: Chance,
    pub(crate) plant: Option<Plant>,
}

impl Journal for SimLog {
    fn append(&self, mut batch: Vec<(u8, Bytes)>) -> BoxFuture<'static, Result<Seq, Error>> {
        let is_finish = batch.first().is_some_and(|(kind, _)| *kind == worker::entry::FINISH);
        match self.plant {
            Some(Plant::RecordTwice) if is_finish && self.chance.one_in(16) => batch.extend(batch.clone()),
            Some(Plant::RecordLost) if is_finish && self.chance.one_in(16) => {
                let seq = self.journal.durable_end();
                return Box::pin(std::future::ready(Ok(seq)));
            }
            _ => {}
        }
        self.journal.append(batch)
    }

    fn read(&self, from: Seq, limit: ReadLimit) -> Result<Vec<Entry>, Error> {
        self.journal.read(from, limit)
    }

    fn durable_end(&self) -> Seq {
        self.journal.durable_end()
    }

    fn first(&self) -> Seq {
        self.journal.first()
    }

    fn wait_for(&self, seq: Seq) -> BoxFuture<'static, ()> {
        self.journal.wait_for(seq)
    }

    fn trim(&self, before: Seq) -> Result<(), Error> {
        let before = match self.plant {
            Some(Plant::TrimTooFar) => self.journal.durable_end(),
            _ => before,
        };
        self.witness.trimming(before);
        self.journal.trim(before)
    }

    fn chain_head(&self) -> ChainHead {
        self.journal.chain_head()
    }

    fn stats(&self) -> Stats {
        self.journal.stats()
    }

    fn close(&self) {
        self.journal.close();
    }
}
