//! [`Receiver`]: takes files into a store. What it answers for is durable: records first, then what is known of the file.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ports::lake::{EventStores, NewRecord};
use ports::{StoreId, Unavailable};
use state::{Expect, Op, Range, State};
use tokio::sync::Semaphore;

use crate::content;
use crate::filter::Filter;
use crate::ledger::{self, FILES};
use crate::target::{Answer, Fetched, Listed, Taken, Target, TargetError};

/// Records of so many bytes are appended at once: a part of a good size.
const APPEND_BYTES: usize = 64 << 20;
/// Batches that are unpacked at the same time. Each holds at most [`APPEND_BYTES`] of records and one file more
/// ([`content::CONTENT_BYTES_MAX`]).
const TAKES_MAX: usize = 2;
/// Rows removed at once.
const REMOVED_MAX: usize = 1_000;

/// See the module.
pub struct Receiver {
    stores: Arc<dyn EventStores>,
    state: Arc<dyn State>,
    takes: Semaphore,
}

/// Records of some files, on their way to the store.
#[derive(Default)]
struct Batch {
    records: Vec<NewRecord>,
    bytes: usize,
    /// Files all of whose records are here or in the store.
    done: Vec<Op>,
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).expect("a count fits 64 bits")
}

/// A file's records, those that are asked for, and how many there are.
fn unpack(file: &Bytes, filter: &Filter) -> Result<(Vec<Bytes>, u64), String> {
    let mut records = content::records(file).map_err(|error| error.to_string())?;
    let all = wide(records.len());
    records.retain(|record| filter.keeps(record));
    Ok((records, all))
}

impl Receiver {
    /// Into these stores, with what is known of files in these tables.
    pub fn new(stores: Arc<dyn EventStores>, state: Arc<dyn State>) -> Receiver {
        Receiver { stores, state, takes: Semaphore::new(TAKES_MAX) }
    }

    /// Whether there is such a store.
    pub fn has(&self, store: &StoreId) -> bool {
        self.stores.stats(store).is_some()
    }

    /// See [`Target::unknown`].
    pub async fn unknown(&self, store: &StoreId, filter: &Filter, files: &[Listed]) -> Result<Vec<bool>, Unavailable> {
        ledger::unknown(&*self.state, store, &filter.tag(), files).await.map_err(failed)
    }

    /// See [`Target::take`].
    pub async fn take(&self, store: &StoreId, filter: &Filter, files: Vec<Fetched>) -> Result<Answer, Unavailable> {
        let _turn = self.takes.acquire().await.map_err(|_| Unavailable("imports have ended".to_owned()))?;
        let tag = filter.tag();
        let (mut answer, mut batch) = (Answer::default(), Batch::default());
        for Fetched { file, content, more } in files {
            let own = filter.clone();
            let unpacked = worker::blocking(move || unpack(&content, &own)).await;
            match unpacked.map_err(|error| Unavailable(error.to_string()))? {
                Ok((records, all)) => {
                    let taken = Taken { records: all, left_out: all - wide(records.len()), failed: None };
                    answer.files.push(taken);
                    let bytes: usize = records.iter().map(Bytes::len).sum();
                    answer.json_bytes += wide(bytes);
                    batch.bytes += bytes;
                    batch.records.extend(records.into_iter().map(NewRecord::new));
                    if !more {
                        batch.done.push(ledger::put(store, &tag, &file, all, None));
                    }
                }
                Err(why) => {
                    batch.done.push(ledger::put(store, &tag, &file, 0, Some(why.clone())));
                    answer.files.push(Taken { failed: Some(why), ..Taken::default() });
                }
            }
            if batch.bytes >= APPEND_BYTES {
                self.append(store, std::mem::take(&mut batch), &mut answer).await?;
            }
        }
        self.append(store, batch, &mut answer).await?;
        Ok(answer)
    }

    /// Appends the records, then says of their files that they are done with.
    async fn append(&self, store: &StoreId, batch: Batch, answer: &mut Answer) -> Result<(), Unavailable> {
        if !batch.records.is_empty() {
            let appended = self.stores.append(store, batch.records).await?;
            answer.kept += appended.kept;
            answer.expired += appended.expired;
            answer.duplicate += appended.duplicate;
            answer.refused += appended.unreadable;
        }
        let mut done = batch.done;
        while !done.is_empty() {
            let later = done.split_off(done.len().min(REMOVED_MAX));
            self.state.commit(std::mem::replace(&mut done, later)).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Forgets all files of a store that was removed.
    pub async fn forget(&self, store: &StoreId) -> Result<(), Unavailable> {
        loop {
            let rows =
                self.state.scan(FILES, Range::prefix(ledger::of_store(store)), REMOVED_MAX).await.map_err(failed)?;
            if rows.is_empty() {
                return Ok(());
            }
            let delete = |row: state::Row| Op::Delete { table: FILES, key: row.key, expect: Expect::Any };
            self.state.commit(rows.into_iter().map(delete).collect()).await.map_err(failed)?;
        }
    }
}

fn failed(error: state::Error) -> Unavailable {
    Unavailable(format!("the tables of imports: {error}"))
}

/// A [`Receiver`], for one store and filter.
pub struct StoreTarget {
    /// Who takes.
    pub receiver: Arc<Receiver>,
    /// Into what.
    pub store: StoreId,
    /// Which.
    pub filter: Filter,
}

#[async_trait]
impl Target for StoreTarget {
    async fn unknown(&self, files: &[Listed]) -> Result<Vec<bool>, TargetError> {
        let unknown = self.receiver.unknown(&self.store, &self.filter, files).await;
        unknown.map_err(|error| TargetError(error.to_string()))
    }

    async fn take(&self, files: Vec<Fetched>) -> Result<Answer, TargetError> {
        let taken = self.receiver.take(&self.store, &self.filter, files).await;
        taken.map_err(|error| TargetError(error.to_string()))
    }
}
