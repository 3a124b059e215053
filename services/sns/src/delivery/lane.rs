//! [`Lane`]: what waits for one subscription, and the task that sends it, which is there only while something waits.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::status::Tried;
use super::{Item, Outcome};
use crate::Sns;
use crate::store::SubscriptionKey;

/// Deliveries to one subscription that are under way at once.
const PARALLEL: usize = 8;
/// The longest sleep before the clock is looked at again: it may be set.
const CLOCK_CHECK: Duration = Duration::from_secs(1);
/// How long a stop waits for deliveries that are under way. What is cut off is delivered again.
const STOP_WAIT: Duration = Duration::from_secs(3);
/// How far one looks for a message of a group that is not held up.
const LOOK_AHEAD: usize = 1_000;

/// See the module.
pub(crate) struct Lane {
    key: SubscriptionKey,
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Default)]
struct Queue {
    /// By when they are due, then by number; those of groups by number alone, so that order is kept.
    waiting: BTreeMap<(i64, u64), Item>,
    /// Groups of which a message is under way.
    busy: HashSet<String>,
    is_running: bool,
    /// With a limit on deliveries a second: when the next may begin.
    next_start_ms: i64,
}

fn place(item: &Item) -> (i64, u64) {
    (if item.pending.group.is_some() { 0 } else { item.pending.due_ms }, item.number)
}

impl Queue {
    /// What is due, if there is anything; else when something will be.
    fn take(&mut self, now_ms: i64) -> Result<Item, Option<i64>> {
        let mut held_up: HashSet<&str> = self.busy.iter().map(String::as_str).collect();
        let mut next = None::<i64>;
        let mut found = None;
        for (place, item) in self.waiting.iter().take(LOOK_AHEAD) {
            let due = item.pending.due_ms.max(self.next_start_ms);
            match &item.pending.group {
                Some(group) if held_up.contains(group.as_str()) => continue,
                Some(group) if due > now_ms => {
                    held_up.insert(group);
                    next = Some(next.map_or(due, |next| next.min(due)));
                }
                None if due > now_ms => {
                    next = Some(next.map_or(due, |next| next.min(due)));
                    break;
                }
                _ => {
                    found = Some(*place);
                    break;
                }
            }
        }
        let item = found.and_then(|place| self.waiting.remove(&place)).ok_or(next)?;
        self.busy.extend(item.pending.group.clone());
        Ok(item)
    }
}

impl Lane {
    /// Nothing waits.
    pub fn new(key: SubscriptionKey) -> Lane {
        Lane { key, queue: Mutex::default(), wake: Notify::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no holder of this lock can panic")
    }

    /// Adds a delivery; whether the lane is to be run.
    pub fn add(&self, item: Item) -> bool {
        let mut queue = self.queue();
        queue.waiting.insert(place(&item), item);
        let must_run = !std::mem::replace(&mut queue.is_running, true);
        drop(queue);
        self.wake.notify_one();
        must_run
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }

    /// Takes all that wait.
    pub fn drain(&self) -> Vec<Item> {
        std::mem::take(&mut self.queue().waiting).into_values().collect()
    }

    /// Has the lane look again.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Sends what waits, until nothing does or the service stops.
pub(crate) async fn run(sns: Arc<Sns>, lane: Arc<Lane>) {
    let mut stop = sns.deliveries.stop.subscribe();
    let mut going: JoinSet<(Item, Tried)> = JoinSet::new();
    loop {
        if *stop.borrow() {
            break;
        }
        let now_ms = sns.now_ms();
        let mut next = None;
        let per_second = sns.per_second(&lane.key);
        while going.len() < PARALLEL {
            let taken = lane.queue().take(now_ms);
            match taken {
                Ok(item) => {
                    if let Some(count) = per_second {
                        lane.queue().next_start_ms = now_ms + 1_000 / i64::from(count).max(1);
                    }
                    let (sns, key) = (Arc::clone(&sns), lane.key.clone());
                    going.spawn(async move {
                        let tried = sns.attempt(&key, &item).await;
                        (item, tried)
                    });
                }
                Err(due) => {
                    next = due;
                    break;
                }
            }
        }
        if going.is_empty() {
            let mut queue = lane.queue();
            if queue.waiting.is_empty() {
                queue.is_running = false;
                return;
            }
        }
        let pause = match next {
            Some(due) => Duration::from_millis(u64::try_from(due - now_ms).unwrap_or(0)).min(CLOCK_CHECK),
            None => CLOCK_CHECK,
        };
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(ended) = going.join_next(), if !going.is_empty() => settle(&sns, &lane, ended).await,
            () = lane.wake.notified() => {}
            () = tokio::time::sleep(pause), if going.len() < PARALLEL => {}
        }
    }
    let rest = async {
        while let Some(ended) = going.join_next().await {
            settle(&sns, &lane, ended).await;
        }
    };
    let _ = tokio::time::timeout(STOP_WAIT, rest).await;
    lane.queue().is_running = false;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Whoever could say so is gone: that is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Says what becomes of a delivery that was tried.
async fn settle(sns: &Arc<Sns>, lane: &Lane, ended: Result<(Item, Tried), tokio::task::JoinError>) {
    let (mut item, tried) = match ended {
        Ok(ended) => ended,
        Err(error) => {
            tracing::error!(%error, "a delivery broke off; it is made again at the next start");
            return;
        }
    };
    let later = sns.after(&lane.key, &mut item, tried);
    let group = item.pending.group.clone();
    let outcome = match later {
        true => {
            lane.queue().waiting.insert(place(&item), item.clone());
            Outcome::Later { lane: lane.key.clone(), item }
        }
        false => Outcome::Over { lane: lane.key.clone(), item },
    };
    if let Some(group) = group {
        lane.queue().busy.remove(&group);
    }
    let _ = sns.deliveries.outcomes.send(outcome).await;
}
