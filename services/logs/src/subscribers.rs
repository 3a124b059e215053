//! Subscribers of groups: each subscription filter has a queue and, as long as something is in it, a task that hands it over in order. A
//! destination that hangs or fails holds up nobody else. What is not taken outlives a restart; what is not taken for a day is dropped.
//! Source: CloudWatch Logs user guide, "Log group-level subscription filters" (retries for up to 24 hours).

use std::collections::{HashMap, VecDeque};
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::time::DAY_MS;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use state::{Expect, Op, State};
use tokio::task::JoinSet;

use crate::Logs;
use crate::live::Place;
use crate::names::event_id;
use crate::rows::{OUTBOX, SubscriptionFilter, VERSION, Waiting};
use crate::store::{in_group, put_op, read_all};

/// Batches that wait for one destination; then the oldest is dropped.
const BATCHES_MAX: usize = 1_000;
/// Bytes that wait for one destination; then the oldest is dropped.
const BYTES_MAX: usize = 64 << 20;
/// Rows written in one commit have so many bytes.
const COMMIT_BYTES: usize = 8 << 20;
/// The first pause after a failure; each further one doubles it.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);

type Name = (u64, String);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Entry>,
    bytes: usize,
    is_running: bool,
}

struct Entry {
    batch: Arc<Waiting>,
    is_stored: bool,
}

/// See the module.
#[derive(Default)]
pub struct Subscribers {
    queues: Mutex<HashMap<Name, Queue>>,
    tasks: Mutex<JoinSet<()>>,
}

fn row_key(batch: &Waiting) -> Vec<u8> {
    state::key::key(&[&in_group(batch.group, &batch.filter)[..], &batch.seq.to_be_bytes()])
}

/// What a function gets. Source: CloudWatch Logs user guide, "Example 2: Subscription filters with AWS Lambda".
pub fn payload(
    account: &str,
    group: &str,
    stream: &str,
    filter: &str,
    events: &[(Place, Bytes)],
    kind: &str,
) -> Result<String, std::io::Error> {
    let events: Vec<serde_json::Value> = events
        .iter()
        .map(|(place, text)| {
            json!({"id": event_id(*place), "timestamp": place.ts, "message": String::from_utf8_lossy(text)})
        })
        .collect();
    let message = json!({
        "messageType": kind,
        "owner": account,
        "logGroup": group,
        "logStream": stream,
        "subscriptionFilters": [filter],
        "logEvents": events,
    });
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(message.to_string().as_bytes())?;
    Ok(json!({"awslogs": {"data": STANDARD.encode(packed.finish()?)}}).to_string())
}

impl Subscribers {
    /// With what an earlier run left.
    pub async fn open(state: &dyn State) -> Result<Subscribers, state::Error> {
        let subscribers = Subscribers::default();
        read_all(state, OUTBOX, |_, batch: Waiting| {
            subscribers.add(Arc::new(batch), true);
        })
        .await?;
        Ok(subscribers)
    }

    /// Whether a task must be started for it.
    fn add(&self, batch: Arc<Waiting>, is_stored: bool) -> bool {
        let mut queues = self.queues.lock().expect("no holder of this lock can panic");
        let queue = queues.entry((batch.group, batch.filter.clone())).or_default();
        // After a crash the same entry comes again.
        if queue.waiting.iter().any(|entry| entry.batch.seq == batch.seq) {
            return false;
        }
        queue.bytes += batch.payload.len();
        queue.waiting.push_back(Entry { batch, is_stored });
        while queue.waiting.len() > BATCHES_MAX || queue.bytes > BYTES_MAX {
            let Some(dropped) = queue.waiting.pop_front() else { break };
            queue.bytes = queue.bytes.saturating_sub(dropped.batch.payload.len());
            tracing::warn!(filter = dropped.batch.filter, "a subscriber is too slow: a batch of log events is dropped");
        }
        !std::mem::replace(&mut queue.is_running, true)
    }

    fn first(&self, name: &Name) -> Option<(Arc<Waiting>, bool)> {
        let mut queues = self.queues.lock().expect("no holder of this lock can panic");
        let queue = queues.get_mut(name)?;
        match queue.waiting.front() {
            Some(entry) => Some((Arc::clone(&entry.batch), entry.is_stored)),
            None => {
                queues.remove(name);
                None
            }
        }
    }

    /// Takes a batch out, and says whether it has a row.
    fn done(&self, name: &Name, seq: u64) -> bool {
        let mut queues = self.queues.lock().expect("no holder of this lock can panic");
        let Some(queue) = queues.get_mut(name) else { return false };
        let Some(at) = queue.waiting.iter().position(|entry| entry.batch.seq == seq) else { return false };
        let entry = queue.waiting.remove(at);
        queue.bytes = queue.bytes.saturating_sub(entry.as_ref().map_or(0, |entry| entry.batch.payload.len()));
        entry.is_some_and(|entry| entry.is_stored)
    }

    /// Writes down what nobody has taken. Durable when it returns.
    pub async fn store(&self, state: &dyn State) -> Result<(), state::Error> {
        loop {
            let mut bytes = 0;
            let batches: Vec<Arc<Waiting>> = {
                let queues = self.queues.lock().expect("no holder of this lock can panic");
                let waiting = queues.values().flat_map(|queue| queue.waiting.iter()).filter(|entry| !entry.is_stored);
                let waiting = waiting.map(|entry| Arc::clone(&entry.batch));
                waiting.take_while(|batch| (bytes < COMMIT_BYTES, bytes += batch.payload.len()).0).collect()
            };
            if batches.is_empty() {
                return Ok(());
            }
            let ops = batches.iter().filter_map(|batch| put_op(OUTBOX, row_key(batch), &**batch).ok()).collect();
            state.commit(ops).await?;
            let gone = self.note_stored(&batches);
            if !gone.is_empty() {
                state.commit(gone.into_iter().map(delete).collect()).await?;
            }
        }
    }

    /// Notes which batches have rows; answers with the rows of those that were taken meanwhile.
    fn note_stored(&self, batches: &[Arc<Waiting>]) -> Vec<Vec<u8>> {
        let mut queues = self.queues.lock().expect("no holder of this lock can panic");
        let mut gone = Vec::new();
        for batch in batches {
            let queue = queues.get_mut(&(batch.group, batch.filter.clone()));
            let entry = queue.and_then(|queue| queue.waiting.iter_mut().find(|entry| entry.batch.seq == batch.seq));
            match entry {
                Some(entry) => entry.is_stored = true,
                None => gone.push(row_key(batch)),
            }
        }
        gone
    }

    /// Ends the tasks.
    pub fn stop(&self) {
        self.tasks.lock().expect("no holder of this lock can panic").abort_all();
    }

    /// How many batches wait.
    #[cfg(test)]
    pub fn waiting(&self) -> usize {
        let queues = self.queues.lock().expect("no holder of this lock can panic");
        queues.values().map(|queue| queue.waiting.len()).sum()
    }
}

fn delete(key: Vec<u8>) -> Op {
    Op::Delete { table: OUTBOX, key, expect: Expect::Any }
}

impl Logs {
    /// Hands over what an earlier run left.
    pub(crate) fn begin_subscribers(self: &Arc<Logs>) {
        let names: Vec<Name> = {
            let queues = self.subscribers.queues.lock().expect("no holder of this lock can panic");
            queues.keys().cloned().collect()
        };
        names.into_iter().for_each(|name| self.begin_subscriber(name));
    }

    fn begin_subscriber(self: &Arc<Logs>, name: Name) {
        let logs = Arc::clone(self);
        let mut tasks = self.subscribers.tasks.lock().expect("no holder of this lock can panic");
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move { logs.hand_over(&name).await });
    }

    /// Queues events for a subscriber.
    pub(crate) fn tell(self: &Arc<Logs>, filter: &SubscriptionFilter, seq: u64, payload: String) {
        let batch = Waiting {
            v: VERSION,
            group: filter.group,
            filter: filter.name.clone(),
            seq,
            since: self.deps.env.clock.now().ms(),
            payload,
        };
        if self.subscribers.add(Arc::new(batch), false) {
            self.begin_subscriber((filter.group, filter.name.clone()));
        }
    }

    /// Until nothing waits.
    async fn hand_over(self: &Arc<Logs>, name: &Name) {
        let mut pause = PAUSE_FIRST;
        while let Some((batch, _)) = self.subscribers.first(name) {
            let filter = self.store.see(|memory| memory.get::<SubscriptionFilter>(&in_group(name.0, &name.1)).cloned());
            let outcome = match (&filter, &self.deps.functions) {
                (Some(filter), Some(functions)) => {
                    let payload = Bytes::from(batch.payload.clone().into_bytes());
                    functions.invoke(&filter.destination, payload).await.map(drop).map_err(|error| error.to_string())
                }
                // The filter was deleted: so is what waits for it.
                _ => Ok(()),
            };
            if let Err(error) = outcome {
                if self.deps.env.clock.now().ms() - batch.since < DAY_MS {
                    tracing::warn!(filter = name.1, error, "a subscriber did not take log events; it is tried again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                    continue;
                }
                tracing::error!(filter = name.1, error, "a subscriber took nothing for a day: a batch is dropped");
            }
            pause = PAUSE_FIRST;
            if self.subscribers.done(name, batch.seq)
                && let Err(error) = self.deps.state.commit(vec![delete(row_key(&batch))]).await
            {
                tracing::warn!(filter = name.1, %error, "what a subscriber took is told again after a restart");
            }
        }
    }
}
