//! Appends on their way to the thread that writes them. Bounded in bytes: whoever comes when it is full waits, in order.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

use crate::format::{ENTRY_HEADER_BYTES, GROUP_BYTES};
use crate::{Error, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, Seq};

/// The queue's room is counted in units of so many bytes. A batch takes at least one, which bounds the number of batches too.
const UNIT_BYTES: usize = 512;

/// One append.
pub(crate) struct Pending {
    pub(crate) entries: Vec<(u8, Bytes)>,
    /// Told when it is durable or refused.
    pub(crate) done: oneshot::Sender<Result<Seq, Error>>,
    body_bytes: usize,
    /// Its room in the queue, given back when it is dropped.
    _room: OwnedSemaphorePermit,
}

/// The answer to come.
pub(crate) type Answer = oneshot::Receiver<Result<Seq, Error>>;

pub(crate) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    /// The same for who commits without a thread.
    work_async: Notify,
    room: Arc<Semaphore>,
    units: u32,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Pending>,
    closed: bool,
    /// Whoever writes sleeps.
    idle: bool,
}

impl State {
    /// Everything that waits, up to [`GROUP_BYTES`].
    fn group(&mut self) -> Vec<Pending> {
        let mut bytes = 0;
        let mut count = 0;
        while let Some(pending) = self.waiting.get(count).filter(|_| bytes < GROUP_BYTES) {
            bytes += pending.body_bytes;
            count += 1;
        }
        self.waiting.drain(..count).collect()
    }
}

/// A batch that was measured.
pub(crate) struct Batch {
    entries: Vec<(u8, Bytes)>,
    body_bytes: usize,
    units: u32,
}

impl Queue {
    pub(crate) fn new(bytes: usize) -> Queue {
        let units = u32::try_from(bytes / UNIT_BYTES).unwrap_or(u32::MAX).max(1);
        let permits = usize::try_from(units).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Queue {
            state: Mutex::default(),
            work: Condvar::new(),
            work_async: Notify::new(),
            room: Arc::new(Semaphore::new(permits)),
            units,
        }
    }

    /// Checks a batch against the limits.
    pub(crate) fn measure(&self, entries: Vec<(u8, Bytes)>) -> Result<Batch, Error> {
        let bytes = check_batch(&entries)?;
        let body_bytes = bytes + entries.len() * ENTRY_HEADER_BYTES;
        let units = u32::try_from(body_bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).min(self.units);
        Ok(Batch { entries, body_bytes, units })
    }

    /// Puts the batch in the queue, or gives it back if there is no room.
    pub(crate) fn try_push(&self, batch: Batch) -> Result<Result<Answer, Error>, Batch> {
        match self.room.clone().try_acquire_many_owned(batch.units) {
            Ok(room) => Ok(self.enqueue(batch, room)),
            Err(TryAcquireError::NoPermits) => Err(batch),
            Err(TryAcquireError::Closed) => Ok(Err(Error::Closed)),
        }
    }

    /// Puts the batch in the queue when there is room.
    pub(crate) async fn push(&self, batch: Batch) -> Result<Answer, Error> {
        let room = self.room.clone().acquire_many_owned(batch.units).await.map_err(|_| Error::Closed)?;
        self.enqueue(batch, room)
    }

    fn enqueue(&self, batch: Batch, room: OwnedSemaphorePermit) -> Result<Answer, Error> {
        let (done, answer) = oneshot::channel();
        let mut state = self.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        let Batch { entries, body_bytes, .. } = batch;
        state.waiting.push_back(Pending { entries, done, body_bytes, _room: room });
        let wake = std::mem::take(&mut state.idle);
        drop(state);
        if wake {
            self.work.notify_one();
            self.work_async.notify_one();
        }
        Ok(answer)
    }

    /// Everything that waits, up to [`GROUP_BYTES`]. Waits until there is something; `None` once the queue is closed and empty.
    pub(crate) fn take(&self) -> Option<Vec<Pending>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state.idle = true;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.idle = false;
        Some(state.group())
    }

    /// Waits until something is in the queue, and returns whether there ever will be: not once it is closed and empty.
    pub(crate) async fn wait(&self) -> bool {
        loop {
            {
                let mut state = self.lock();
                state.idle = state.waiting.is_empty();
                if !state.idle || state.closed {
                    return !state.idle;
                }
            }
            self.work_async.notified().await;
        }
    }

    /// What [`Queue::take`] takes, if there is something now.
    pub(crate) fn take_now(&self) -> Option<Vec<Pending>> {
        let mut state = self.lock();
        (!state.waiting.is_empty()).then(|| state.group())
    }

    /// Lets nobody in any more. What is in the queue stays there to be taken.
    pub(crate) fn close(&self) {
        self.room.close();
        self.lock().closed = true;
        self.work.notify_one();
        self.work_async.notify_one();
    }

    /// Drops what is in the queue; its askers learn that the answer will never come.
    pub(crate) fn abandon(&self) {
        self.close();
        let waiting = std::mem::take(&mut self.lock().waiting);
        drop(waiting);
    }

    pub(crate) fn depth(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks a batch against the limits that every journal has. Returns its bytes of payload.
pub(crate) fn check_batch(entries: &[(u8, Bytes)]) -> Result<usize, Error> {
    let bytes = entries.iter().fold(0_usize, |sum, (_, payload)| sum.saturating_add(payload.len()));
    match entries.len() {
        0 => Err(Error::Empty),
        count if count > MAX_BATCH_ENTRIES || bytes > MAX_BATCH_BYTES => Err(Error::TooLarge { entries: count, bytes }),
        _ => Ok(bytes),
    }
}
