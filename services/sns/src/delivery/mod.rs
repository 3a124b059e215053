//! Deliveries: each is a row that was written with the publish, and is removed once its subscriber has the message, or nobody tries any
//! more. Each subscription has a lane of its own, so that one that hangs, fails or lies holds up no other; and no publisher waits for any.
//!
//! ```text
//! Publish ─▶ one commit: message, a row for each subscriber ─▶ lanes (memory) ─▶ send ─▶ done ─▶ finisher: rows removed, many at once
//!                                                             ▲      │ failed: later, by the retry policy
//!                                                             └──────┘ no more: to the dead-letter queue
//! ```

pub mod envelope;
mod finisher;
pub(crate) use finisher::run as finish;
mod lane;
mod ledger;
mod send;
pub(crate) use send::PHONES;
pub mod shape;
pub(crate) mod status;
#[cfg(test)]
mod status_tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base::Region;
use serde::{Deserialize, Serialize};
use state::{Expect, Op, Range, State, Table};
use tokio::sync::{mpsc, oneshot, watch};

use crate::Sns;
use crate::message::Message;
use crate::store::{self, SubscriptionKey};
use lane::Lane;
use ledger::Ledger;

pub(crate) const MESSAGES: Table = "sns/messages";
const PENDING: Table = "sns/pending";

/// Deliveries that may wait for one subscription, in memory by their numbers alone. What comes then is not delivered to it, and counted:
/// a subscriber that is so far behind has been told for days.
pub const WAITING_MAX: usize = 100_000;
/// Outcomes that may wait to be written.
const OUTCOMES_MAX: usize = 8_192;

/// A delivery, as it is stored beside its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// 1.
    pub version: u32,
    /// The identifier of the message.
    pub message: String,
    /// Of a FIFO topic: its messages of one group go out one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub due_ms: i64,
    /// Whether it goes to the dead-letter queue now.
    #[serde(default)]
    pub is_dead: bool,
}

/// A delivery on its way.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// Its place among all.
    pub number: u64,
    /// What is stored of it.
    pub pending: Pending,
}

/// Deliveries that begin, each with its lane.
pub(crate) type Begun = Vec<(SubscriptionKey, Item)>;

/// What became of a delivery, to be written.
pub(crate) enum Outcome {
    /// It is over.
    Over { lane: SubscriptionKey, item: Item },
    /// It will be tried again.
    Later { lane: SubscriptionKey, item: Item },
    /// Nothing; whoever asks wants to know when all before it is written.
    Mark(oneshot::Sender<()>),
}

/// What a service keeps of deliveries.
pub(crate) struct Deliveries {
    pub(crate) state: Arc<dyn State>,
    lanes: Mutex<BTreeMap<SubscriptionKey, Arc<Lane>>>,
    ledger: Mutex<Ledger>,
    outcomes: mpsc::Sender<Outcome>,
    stop: watch::Sender<bool>,
    /// Each lane that runs holds a receiver.
    running: watch::Sender<()>,
    /// What an earlier run left.
    left: Mutex<Vec<(SubscriptionKey, Item)>>,
}

/// The key of a delivery.
fn pending_key(lane: &SubscriptionKey, number: u64) -> Vec<u8> {
    let (region, topic, id) = lane;
    state::key::key(&[region.as_str(), topic, id, &format!("{number:020}")])
}

impl Deliveries {
    /// Reads what earlier runs left. [`Sns::begin`] puts it on its way.
    pub(crate) async fn open(state: Arc<dyn State>) -> Result<(Deliveries, mpsc::Receiver<Outcome>), state::Error> {
        let mut left = Vec::new();
        let mut ledger = Ledger::default();
        state::scan_all(&*state, PENDING, Range::all(), |row| {
            let read = || -> Option<(SubscriptionKey, Item)> {
                let parts = state::key::texts(&row.key)?;
                let [region, topic, id, number] = parts.as_slice() else { return None };
                let pending = serde_json::from_slice(&row.value).ok()?;
                let lane = (Region::parse(region)?, topic.clone(), id.clone());
                Some((lane, Item { number: number.parse().ok()?, pending }))
            };
            match read() {
                Some((lane, item)) => {
                    ledger.found(&item);
                    left.push((lane, item));
                }
                None => tracing::error!(key = ?row.key, "a delivery that waits does not read; it is not made"),
            }
            Ok::<_, state::Error>(true)
        })
        .await?;
        let (outcomes, receiver) = mpsc::channel(OUTCOMES_MAX);
        let deliveries = Deliveries {
            state,
            lanes: Mutex::default(),
            ledger: Mutex::new(ledger),
            outcomes,
            stop: watch::Sender::new(false),
            running: watch::Sender::new(()),
            left: Mutex::new(left),
        };
        Ok((deliveries, receiver))
    }

    /// What an earlier run left, once.
    pub(crate) fn take_left(&self) -> Vec<(SubscriptionKey, Item)> {
        std::mem::take(&mut self.left.lock().expect("no holder of this lock can panic"))
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no holder of this lock can panic")
    }

    /// The rows of a message for these subscriptions: to be committed, and then handed to [`Sns::send_off`].
    pub(crate) fn plan(
        &self,
        message: &Message,
        lanes: Vec<SubscriptionKey>,
        now_ms: i64,
    ) -> Result<(Vec<Op>, Begun), service::ApiError> {
        if lanes.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut ops = vec![store::put(MESSAGES, &[&message.id], message, Expect::Any)?];
        let mut items = Vec::new();
        for lane in lanes {
            let group = message.sequence.as_ref().and(message.group_id.clone());
            let pending =
                Pending { version: 1, message: message.id.clone(), group, attempts: 0, due_ms: now_ms, is_dead: false };
            let item = Item { number: self.ledger().next_number(), pending };
            ops.push(pending_op(&lane, &item)?);
            items.push((lane, item));
        }
        Ok((ops, items))
    }

    /// How many deliveries wait for a subscription.
    pub(crate) fn waiting(&self, lane: &SubscriptionKey) -> usize {
        let lanes = self.lanes.lock().expect("no holder of this lock can panic");
        lanes.get(lane).map_or(0, |lane| lane.waiting())
    }

    /// How many deliveries wait altogether.
    pub(crate) fn waiting_all(&self) -> usize {
        let lanes = self.lanes.lock().expect("no holder of this lock can panic");
        lanes.values().map(|lane| lane.waiting()).sum()
    }
}

/// The operation that writes a delivery.
fn pending_op(lane: &SubscriptionKey, item: &Item) -> Result<Op, service::ApiError> {
    let value = serde_json::to_vec(&item.pending).map_err(service::ApiError::internal)?;
    Ok(Op::Put { table: PENDING, key: pending_key(lane, item.number), value: value.into(), expect: Expect::Any })
}

impl Sns {
    /// Puts deliveries on their way whose rows are durable.
    pub(crate) fn send_off(self: &Arc<Self>, message: Option<Arc<Message>>, items: Vec<(SubscriptionKey, Item)>) {
        if let Some(message) = message {
            self.deliveries.ledger().sent(message, items.len());
        }
        for (key, item) in items {
            let lane = {
                let mut lanes = self.deliveries.lanes.lock().expect("no holder of this lock can panic");
                Arc::clone(lanes.entry(key.clone()).or_insert_with(|| Arc::new(Lane::new(key))))
            };
            if lane.add(item) {
                let running = self.deliveries.running.subscribe();
                let sns = Arc::clone(self);
                tokio::spawn(async move {
                    lane::run(sns, lane).await;
                    drop(running);
                });
            }
        }
    }

    /// Gives up what waits for a subscription that is gone.
    pub(crate) async fn forget_lane(&self, key: &SubscriptionKey) {
        let lane = self.deliveries.lanes.lock().expect("no holder of this lock can panic").remove(key);
        let Some(lane) = lane else { return };
        for item in lane.drain() {
            let over = Outcome::Over { lane: key.clone(), item };
            if self.deliveries.outcomes.send(over).await.is_err() {
                return;
            }
        }
        lane.wake();
    }

    /// Ends all lanes and writes what became of deliveries. What was not delivered is at the next start.
    pub async fn stop(&self) {
        self.deliveries.stop.send_replace(true);
        self.deliveries.running.closed().await;
        self.settle().await;
        self.statuses.stop().await;
    }

    /// Completes when what has become of deliveries so far is written.
    pub async fn settle(&self) {
        let (mark, marked) = oneshot::channel();
        if self.deliveries.outcomes.send(Outcome::Mark(mark)).await.is_ok() {
            let _ = marked.await;
        }
    }
}
