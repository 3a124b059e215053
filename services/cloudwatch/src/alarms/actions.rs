//! Actions of alarms: each is a row from the commit of the state that asks for it until it was carried out or given up, so that a crash
//! loses none. A topic that is away is tried again; one action waits for no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Region, Timestamp};
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use ports::{HandOver, Notice, OnBehalf};
use serde::{Deserialize, Serialize};
use state::{Expect, Op, State, Typed, key};
use tokio::sync::watch;

use super::message::{self, Child, From};
use super::{Alarm, VERSION, history};
use crate::CloudWatch;

const ACTIONS: Typed<Pending> = Typed::new("cloudwatch/actions");
/// How many are carried out at a time.
const AT_ONCE_MAX: usize = 32;
/// How long one attempt may take.
const ATTEMPT_MAX: std::time::Duration = std::time::Duration::from_secs(30);
/// The pause after the first failure; each further one doubles it.
const BACKOFF_FIRST_MS: i64 = 1_000;
/// The longest pause.
const BACKOFF_MAX_MS: i64 = 5 * base::time::MINUTE_MS;
/// After this long an action is given up.
const GIVEN_UP_MS: i64 = base::time::DAY_MS;

/// An action to carry out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    v: u32,
    /// Also what a topic knows a repeated notice by.
    pub id: String,
    pub region: Region,
    pub alarm: String,
    pub alarm_arn: String,
    pub is_composite: bool,
    /// The ARN.
    pub action: String,
    pub subject: String,
    /// What a topic gets, or a function.
    pub message: String,
    /// When the alarm got into the state.
    pub state_time: Timestamp,
    /// When it was lined up.
    pub since: Timestamp,
    /// How often it failed.
    pub failures: u32,
    /// Not before this time, in milliseconds since 1970.
    pub next_ms: i64,
}

impl Pending {
    /// An action of an alarm's state.
    pub fn new(
        id: String,
        alarm: &Alarm,
        action: &str,
        from: &From,
        children: &[Child],
        account: &str,
        now: Timestamp,
    ) -> Pending {
        let message = match action.starts_with("arn:") && action.contains(":lambda:") {
            true => message::event(alarm, from, account),
            false => message::notice(alarm, from, children, account),
        };
        Pending {
            v: VERSION,
            id,
            region: alarm.region,
            alarm: alarm.name.clone(),
            alarm_arn: alarm.arn.clone(),
            is_composite: alarm.is_composite(),
            action: action.to_owned(),
            subject: message::subject(alarm),
            message,
            state_time: alarm.state.updated,
            since: now,
            failures: 0,
            next_ms: 0,
        }
    }

    /// The operation that writes it.
    pub fn op(&self) -> Result<Op, state::Error> {
        ACTIONS.put_op(&key::key(&[&self.id]), self, Expect::Any)
    }
}

/// Those that an earlier run left.
pub async fn load(state: &dyn State) -> Result<BTreeMap<String, Arc<Pending>>, state::Error> {
    let mut pending = BTreeMap::new();
    state::scan_all::<state::Error>(state, ACTIONS.table(), state::Range::all(), |row| {
        let action = ACTIONS.read(row)?.value;
        pending.insert(action.id.clone(), Arc::new(action));
        Ok(true)
    })
    .await?;
    Ok(pending)
}

impl CloudWatch {
    /// Carries out actions until told to stop: those that are lined up at once, those that failed when their pause is over.
    pub async fn carry_out(&self, mut stop: watch::Receiver<bool>) {
        let mut running = FuturesUnordered::new();
        let mut busy = std::collections::BTreeSet::new();
        loop {
            let now_ms = self.now_ms();
            let due: Vec<Arc<Pending>> = self.alarms.see(|memory| {
                let due = memory.pending.values().filter(|one| one.next_ms <= now_ms && !busy.contains(&one.id));
                due.take(AT_ONCE_MAX - running.len()).cloned().collect()
            });
            for pending in due {
                busy.insert(pending.id.clone());
                running.push(self.attempt(pending));
            }
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                Some(id) = running.next(), if !running.is_empty() => {
                    busy.remove(&id);
                }
                () = self.alarms.bell.notified() => {}
                () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
            }
        }
    }

    /// One attempt. Returns which it was.
    async fn attempt(&self, pending: Arc<Pending>) -> String {
        let outcome = match tokio::time::timeout(ATTEMPT_MAX, self.hand_over(&pending)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(HandOver::Unavailable("it took too long".to_owned())),
        };
        let now = self.deps.env.clock.now();
        let is_over = match &outcome {
            Ok(()) => true,
            Err(error) => !error.is_passing() || now.since_ms(pending.since) >= GIVEN_UP_MS,
        };
        let kept = if is_over {
            let error = outcome.err().map(|error| error.to_string());
            self.finish(&pending, error.as_deref(), now).await
        } else {
            self.put_off(&pending, now).await
        };
        if let Err(error) = kept {
            tracing::warn!(%error, action = %pending.action, "how an alarm's action ended could not be kept; it is tried again");
        }
        pending.id.clone()
    }

    async fn hand_over(&self, pending: &Pending) -> Result<(), HandOver> {
        let by = |principal| OnBehalf {
            principal,
            source_arn: pending.alarm_arn.clone(),
            source_account: Arc::clone(&self.deps.account),
        };
        let service = pending.action.split(':').nth(2).unwrap_or_default();
        match (service, &self.deps.topics, &self.deps.functions) {
            ("sns", Some(topics), _) => {
                let notice = Notice {
                    by: by("cloudwatch.amazonaws.com"),
                    topic_arn: pending.action.clone(),
                    subject: Some(pending.subject.clone()),
                    message: pending.message.clone(),
                    attributes: Vec::new(),
                    once: Some(pending.id.clone()),
                };
                topics.publish(notice).await.map(drop)
            }
            ("lambda", _, Some(functions)) => {
                functions.invoke(&pending.action, Bytes::from(pending.message.clone())).await.map(drop)
            }
            ("sns" | "lambda", ..) => {
                Err(HandOver::Invalid(format!("no service of this server takes {}", pending.action)))
            }
            _ => Err(HandOver::Invalid(format!("actions of {service} are not carried out by this server"))),
        }
    }

    async fn finish(&self, pending: &Pending, error: Option<&str>, now: Timestamp) -> Result<(), state::Error> {
        let id = base::ids::uuid(&*self.deps.env.rng);
        let item = history::action(&id, pending, error, now);
        let gone = ACTIONS.delete_op(&key::key(&[&pending.id]), Expect::Any);
        self.deps.state.commit(vec![gone, item.op()?]).await?;
        self.alarms.change_memory(|memory| memory.pending.remove(&pending.id));
        Ok(())
    }

    async fn put_off(&self, pending: &Pending, now: Timestamp) -> Result<(), state::Error> {
        let mut later = pending.clone();
        let pause = BACKOFF_FIRST_MS.saturating_mul(1 << later.failures.min(20)).min(BACKOFF_MAX_MS);
        later.failures += 1;
        later.next_ms = now.ms() + pause;
        let op = later.op()?;
        self.alarms.change_memory(|memory| memory.pending.insert(later.id.clone(), Arc::new(later)));
        self.deps.state.commit(vec![op]).await.map(drop)
    }
}
