//! How messages leave a queue: received for a while, received too often, hidden for longer, deleted. What a receiver is told is durable.

use std::sync::Arc;
use std::time::Duration;

use datakeys::For;
use service::ApiError;
use state::{Expect, Op};
use tokio::sync::watch;

use crate::error::{key_refused, storage};
use crate::message::{Content, unreadable};
use crate::queue::{ATTEMPTS_MAX, Attempt, CONTENTS, DEDUPLICATION_MS, ENTRIES, IN_FLIGHT_MAX, Live, sequence};
use crate::shelf::Entry;
use crate::{Error, Sqs};

/// How often a receive begins anew because somebody else changed what it chose.
const TRIES_MAX: usize = 20;

/// What a receive asks for.
pub struct Wanted<'a> {
    pub max: usize,
    pub visibility_ms: i64,
    pub wait_ms: i64,
    pub attempt: Option<&'a str>,
}

/// A message as it was received.
pub struct Received {
    pub handle: String,
    pub entry: Entry,
    pub content: Content,
}

/// What became of somebody's choice.
enum Chosen {
    /// These are theirs, as they were before and as they are now.
    These(Vec<(u64, Entry, Entry)>),
    /// These were received too often.
    Dead(Vec<u64>),
    Nothing,
}

impl Sqs {
    /// Receives; waits for messages if there are none.
    pub(crate) async fn receive(
        &self,
        live: &Arc<Live>,
        wanted: &Wanted<'_>,
        opens: &For<'_>,
    ) -> Result<Vec<Received>, ApiError> {
        let wait = Duration::from_millis(u64::try_from(wanted.wait_ms).unwrap_or(0));
        let end = tokio::time::sleep(wait);
        tokio::pin!(end);
        let mut is_over = false;
        let place = if wanted.wait_ms > 0 { self.waiters.try_acquire().ok() } else { None };
        let mut stopping = self.deps.stopping.clone();
        loop {
            let arrival = live.arrival.notified();
            tokio::pin!(arrival);
            arrival.as_mut().enable();
            let received = self.take(live, wanted, opens).await?;
            if !received.is_empty() || place.is_none() || is_over {
                live.tally.received(self.now_ms(), received.len());
                return Ok(received);
            }
            let due_ms = live.lock().shelf.next_due_ms().map(|due_ms| (due_ms - self.now_ms()).max(1));
            let due = due_ms.map_or(wait, |ms| Duration::from_millis(u64::try_from(ms).unwrap_or(1)));
            tokio::select! {
                () = arrival => {}
                () = tokio::time::sleep(due) => {}
                () = end.as_mut() => is_over = true,
                () = stops(stopping.as_mut()) => return Ok(Vec::new()),
            }
        }
    }

    /// Receives what is there.
    async fn take(&self, live: &Arc<Live>, wanted: &Wanted<'_>, opens: &For<'_>) -> Result<Vec<Received>, ApiError> {
        for _ in 0..TRIES_MAX {
            let now_ms = self.now_ms();
            let taken = match self.choose(live, wanted, now_ms)? {
                Chosen::Nothing => return Ok(Vec::new()),
                Chosen::Dead(numbers) => {
                    self.bury(live, &numbers).await?;
                    continue;
                }
                Chosen::These(taken) => taken,
            };
            // Opened before anything is said to be received: who may not decrypt receives nothing.
            let contents = match self.contents(live, &taken, opens).await {
                Ok(contents) => contents,
                Err(error) => {
                    self.put_back(live, taken);
                    return Err(error);
                }
            };
            let mut ops = Vec::with_capacity(taken.len());
            for (number, _, after) in &taken {
                let put = ENTRIES.put_op(&live.message_key(*number), after, Expect::Present);
                ops.push(put.map_err(|error| storage(&error))?);
            }
            match self.deps.state.commit(ops).await {
                Ok(_) => {
                    if let Some(attempt) = wanted.attempt {
                        let got = taken.iter().map(|(number, _, after)| (*number, after.nonce)).collect();
                        note_attempt(live, attempt, Attempt { at_ms: now_ms, got });
                    }
                    let received = taken.into_iter().zip(contents).filter_map(|((number, _, entry), content)| {
                        let content = content?;
                        Some(Received { handle: live.handle(number, entry.nonce), entry, content })
                    });
                    return Ok(received.collect());
                }
                Err(error) => {
                    self.put_back(live, taken);
                    if !error.is_conflict() {
                        return Err(storage(&error));
                    }
                }
            }
        }
        Ok(Vec::new())
    }

    /// Chooses, and reserves what is chosen: nobody else gets it from here on.
    fn choose(&self, live: &Live, wanted: &Wanted<'_>, now_ms: i64) -> Result<Chosen, ApiError> {
        let setup = live.setup();
        let mut lying = live.lock_at(now_ms);
        if lying.is_gone {
            return Err(Error::QueueDoesNotExist.into());
        }
        let visible_ms = now_ms + wanted.visibility_ms;
        if let Some(attempt) = wanted.attempt.and_then(|attempt| lying.attempts.get(attempt).cloned())
            && now_ms - attempt.at_ms < DEDUPLICATION_MS
        {
            let still = attempt.got.iter().filter_map(|(number, nonce)| {
                let entry = lying.shelf.get(*number).filter(|entry| entry.nonce == *nonce)?;
                lying.shelf.is_in_flight(*number).then(|| (*number, entry.clone()))
            });
            let still: Vec<(u64, Entry)> = still.collect();
            if still.len() == attempt.got.len() {
                let again = still.into_iter().map(|(number, before)| {
                    let after = Entry { visible_ms, ..before.clone() };
                    lying.shelf.put(number, after.clone());
                    (number, before, after)
                });
                return Ok(Chosen::These(again.collect()));
            }
        }
        let room = IN_FLIGHT_MAX.saturating_sub(lying.shelf.counts().in_flight);
        if room == 0 {
            // Who waits, and who reads in order, is told of no error. Source: SQS API reference, ReceiveMessage, OverLimit.
            return if live.is_fifo || wanted.wait_ms > 0 {
                Ok(Chosen::Nothing)
            } else {
                Err(Error::OverLimit("Too many messages are in flight.".to_owned()).into())
            };
        }
        let redrive = setup.redrive.as_ref().filter(|redrive| self.dead_letters(live, &redrive.target_arn).is_some());
        let picked = lying.shelf.pick(wanted.max.min(room), redrive.map(|redrive| redrive.receives_max));
        if !picked.dead.is_empty() {
            return Ok(Chosen::Dead(picked.dead));
        }
        let mut taken = Vec::with_capacity(picked.live.len());
        for number in picked.live {
            let nonce = self.nonce();
            let after = lying.shelf.received(number, visible_ms, nonce);
            let Some((before, after)) = lying.shelf.get(number).cloned().zip(after) else { continue };
            lying.shelf.put(number, after.clone());
            taken.push((number, before, after));
        }
        Ok(if taken.is_empty() { Chosen::Nothing } else { Chosen::These(taken) })
    }

    fn nonce(&self) -> u64 {
        let mut bytes = [0; 8];
        self.deps.env.rng.fill(&mut bytes);
        u64::from_be_bytes(bytes).max(1)
    }

    /// Takes back a choice. What somebody changed meanwhile stays changed.
    fn put_back(&self, live: &Live, taken: Vec<(u64, Entry, Entry)>) {
        let mut lying = live.lock();
        let count = taken.len();
        for (number, before, after) in taken {
            if lying.shelf.get(number) == Some(&after) {
                lying.shelf.put(number, before);
            }
        }
        drop(lying);
        live.arrived(count);
    }

    async fn contents(
        &self,
        live: &Live,
        taken: &[(u64, Entry, Entry)],
        opens: &For<'_>,
    ) -> Result<Vec<Option<Content>>, ApiError> {
        let mut contents = Vec::with_capacity(taken.len());
        for (number, ..) in taken {
            let mut content = self.content(live, *number).await?;
            if let Some(content) = &mut content
                && let Some(sealed) = &content.sealed
            {
                let keys = self.deps.keys.as_ref();
                let keys = keys.ok_or_else(|| Error::KmsNotFound("The key does not exist".to_owned()))?;
                content.body = self.data_keys.open(&**keys, opens, sealed).await.map_err(key_refused)?;
            }
            contents.push(content);
        }
        Ok(contents)
    }

    async fn content(&self, live: &Live, number: u64) -> Result<Option<Content>, ApiError> {
        let row = CONTENTS.get(&*self.deps.state, &live.message_key(number)).await;
        match row {
            Ok(row) => Ok(row.map(|doc| doc.value)),
            Err(error @ state::Error::Document { .. }) => Err(unreadable(error)),
            Err(error) => Err(storage(&error)),
        }
    }

    /// The dead letter queue of a queue, if it is there.
    fn dead_letters(&self, live: &Live, target_arn: &str) -> Option<Arc<Live>> {
        self.live_by_arn(live.region, target_arn)
            .filter(|target| target.is_fifo == live.is_fifo && target.id != live.id)
    }

    /// Moves messages that were received too often into the dead letter queue.
    async fn bury(&self, live: &Arc<Live>, numbers: &[u64]) -> Result<(), ApiError> {
        let setup = live.setup();
        let target = setup.redrive.as_ref().and_then(|redrive| self.dead_letters(live, &redrive.target_arn));
        let Some(target) = target else { return Ok(()) };
        self.move_messages(live, &target, numbers, true).await.map(drop)
    }

    /// Moves messages from one queue to another in one commit: as dead letters, which keep what they are, or back, as new ones. Returns
    /// how many were moved.
    pub(crate) async fn move_messages(
        &self,
        from: &Arc<Live>,
        to: &Arc<Live>,
        numbers: &[u64],
        as_dead: bool,
    ) -> Result<usize, ApiError> {
        let now_ms = self.now_ms();
        // Nobody else may have them meanwhile.
        let taken: Vec<(u64, Entry)> = {
            let mut lying = from.lock();
            numbers.iter().filter_map(|number| Some((*number, lying.shelf.remove(*number)?))).collect()
        };
        let moved = self.move_taken(from, to, &taken, as_dead, now_ms).await;
        match moved {
            Ok(entries) => {
                let count = entries.len();
                let mut lying = to.lock();
                for (number, entry) in entries {
                    lying.shelf.put(number, entry);
                }
                drop(lying);
                to.arrived(count);
                from.arrived(1);
                Ok(count)
            }
            Err(error) => {
                let mut lying = from.lock();
                for (number, entry) in taken {
                    lying.shelf.put(number, entry);
                }
                Err(error)
            }
        }
    }

    async fn move_taken(
        &self,
        from: &Live,
        to: &Live,
        taken: &[(u64, Entry)],
        as_dead: bool,
        now_ms: i64,
    ) -> Result<Vec<(u64, Entry)>, ApiError> {
        let mut ops: Vec<Op> = vec![to.check_op()];
        let mut entries = Vec::with_capacity(taken.len());
        for (number, before) in taken {
            ops.extend(from.delete_ops(*number));
            let Some(mut content) = self.content(from, *number).await? else { continue };
            let at = to.lock().next(now_ms);
            let mut entry = Entry { visible_ms: now_ms, nonce: 0, count_before: before.count, ..before.clone() };
            if as_dead {
                content.source_arn = Some(from.arn.clone());
                // Standard queues keep the time of the first sending, FIFO queues begin anew. Source: SQS developer guide, "Using
                // dead-letter queues in Amazon SQS", message retention periods.
                if to.is_fifo {
                    entry.sent_ms = now_ms;
                }
            } else {
                // Source: SQS developer guide, "Configure a dead-letter queue redrive": redriven messages are new messages.
                content.id = base::ids::uuid(&*self.deps.env.rng);
                content.source_arn = None;
                entry = Entry { sent_ms: now_ms, count: 0, count_before: 0, first_ms: 0, ..entry };
            }
            if to.is_fifo {
                content.sequence = Some(sequence(at));
            }
            let key = to.message_key(at);
            ops.push(CONTENTS.put_op(&key, &content, Expect::Absent).map_err(|error| storage(&error))?);
            ops.push(ENTRIES.put_op(&key, &entry, Expect::Absent).map_err(|error| storage(&error))?);
            entries.push((at, entry));
        }
        match self.deps.state.commit(ops).await {
            Ok(_) => Ok(entries),
            Err(error) => Err(storage(&error)),
        }
    }

    /// Deletes the message of a handle.
    pub(crate) async fn delete_messages(
        &self,
        live: &Live,
        handles: &[&str],
    ) -> Result<Vec<Result<(), Error>>, ApiError> {
        let now_ms = self.now_ms();
        let mut results = Vec::with_capacity(handles.len());
        let mut taken: Vec<(u64, Entry)> = Vec::new();
        {
            let mut lying = live.lock_at(now_ms);
            for handle in handles {
                let Some((number, nonce)) = live.read_handle(handle) else {
                    results.push(Err(Error::ReceiptHandleIsInvalid((*handle).to_owned())));
                    continue;
                };
                // Who has an older handle is told that all is well, and the message stays. Source: SQS API reference, DeleteMessage.
                if lying.shelf.get(number).is_none_or(|entry| entry.nonce != nonce) {
                    results.push(Ok(()));
                    continue;
                }
                if live.is_fifo && !lying.shelf.is_in_flight(number) {
                    let error = Error::value(handle, "ReceiptHandle", "The receipt handle has expired.");
                    results.push(Err(error));
                    continue;
                }
                taken.extend(lying.shelf.remove(number).map(|entry| (number, entry)));
                results.push(Ok(()));
            }
        }
        if taken.is_empty() {
            return Ok(results);
        }
        let ops: Vec<Op> = taken.iter().flat_map(|(number, _)| live.delete_ops(*number)).collect();
        match self.commit(ops).await {
            Ok(()) => {
                live.tally.deleted(now_ms, taken.len());
                if live.is_fifo {
                    live.arrived(taken.len());
                }
                Ok(results)
            }
            Err(error) => {
                let mut lying = live.lock();
                taken.into_iter().for_each(|(number, entry)| lying.shelf.put(number, entry));
                Err(error)
            }
        }
    }

    /// Changes until when the messages of handles are out.
    pub(crate) async fn change_visibility(
        &self,
        live: &Live,
        asked: &[(&str, i64)],
    ) -> Result<Vec<Result<(), Error>>, ApiError> {
        let now_ms = self.now_ms();
        let mut results = Vec::with_capacity(asked.len());
        let mut changed: Vec<(u64, Entry, Entry)> = Vec::new();
        {
            let mut lying = live.lock_at(now_ms);
            for (handle, secs) in asked {
                let Some((number, nonce)) = live.read_handle(handle) else {
                    results.push(Err(Error::ReceiptHandleIsInvalid((*handle).to_owned())));
                    continue;
                };
                let before = lying.shelf.get(number).filter(|entry| entry.nonce == nonce).cloned();
                let Some(before) = before.filter(|_| lying.shelf.is_in_flight(number)) else {
                    let reason = "Message does not exist or is not available for visibility timeout change.";
                    results.push(Err(Error::value(handle, "ReceiptHandle", reason)));
                    continue;
                };
                let visible_ms = now_ms + secs * 1000;
                if visible_ms > before.first_ms + crate::attributes::VISIBILITY_SECS_MAX * 1000 && *secs > 0 {
                    let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].";
                    results.push(Err(Error::value(secs, "VisibilityTimeout", reason)));
                    continue;
                }
                let after = Entry { visible_ms, ..before.clone() };
                lying.shelf.put(number, after.clone());
                changed.push((number, before, after));
                results.push(Ok(()));
            }
        }
        if changed.is_empty() {
            return Ok(results);
        }
        let mut ops = Vec::with_capacity(changed.len());
        for (number, _, after) in &changed {
            let put = ENTRIES.put_op(&live.message_key(*number), after, Expect::Present);
            ops.push(put.map_err(|error| storage(&error))?);
        }
        match self.deps.state.commit(ops).await {
            Ok(_) => {
                live.arrived(changed.len());
                Ok(results)
            }
            Err(error) => {
                let conflict = error.is_conflict();
                self.put_back(live, changed);
                // Somebody deleted one of them at the same moment: then the others may be changed again.
                if conflict { Err(ApiError::unavailable(error)) } else { Err(storage(&error)) }
            }
        }
    }
}

fn note_attempt(live: &Live, name: &str, attempt: Attempt) {
    let mut lying = live.lock();
    let now_ms = attempt.at_ms;
    if lying.attempts.len() >= ATTEMPTS_MAX {
        lying.attempts.retain(|_, attempt| now_ms - attempt.at_ms < DEDUPLICATION_MS);
        if lying.attempts.len() >= ATTEMPTS_MAX {
            lying.attempts.clear();
        }
    }
    lying.attempts.insert(name.to_owned(), attempt);
}

/// Completes when the server stops.
async fn stops(stopping: Option<&mut watch::Receiver<bool>>) {
    let waited = match stopping {
        Some(stopping) => stopping.wait_for(|stops| *stops).await.is_ok(),
        None => false,
    };
    if !waited {
        std::future::pending::<()>().await;
    }
}
