//! Alarms in memory and in the tables, and changes of them: alarms, history and actions to carry out in one commit, then in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, RwLock};

use base::{Region, Timestamp};
use serde_json::{Value, json};
use state::{Expect, Op, Typed, key};

use super::actions::Pending;
use super::history::{self, Item};
use super::message;
use super::rule::Rule;
use super::{Alarm, Source, StateValue, Watches};
use crate::CloudWatch;
use crate::data::statistic::Statistic;
use crate::metric::Metric;
use crate::query::Queries;

pub(crate) const ALARMS: Typed<Alarm> = Typed::new("cloudwatch/alarms");
/// Operations of one commit: far fewer than a commit may have.
const COMMIT_OPS_MAX: usize = 4000;

/// By region and name.
pub type Name = (Region, String);

/// An alarm in memory, ready to be evaluated.
pub struct Held {
    /// The alarm.
    pub alarm: Arc<Alarm>,
    /// What evaluates it.
    pub compiled: Arc<Compiled>,
}

/// What evaluates an alarm.
pub enum Compiled {
    /// A metric's statistic.
    One {
        /// The metric.
        metric: Arc<Metric>,
        /// The statistic.
        statistic: Statistic,
    },
    /// An expression; the identifier of what it returns.
    Many(Box<Queries>, String),
    /// A rule over other alarms.
    Rule(Rule),
    /// It cannot be evaluated: it was put by a version that knew more.
    Broken,
}

impl Compiled {
    /// What evaluates this alarm.
    pub fn of(alarm: &Alarm) -> Compiled {
        match &alarm.watches {
            Watches::Composite(composite) => Rule::parse(&composite.rule).map_or(Compiled::Broken, Compiled::Rule),
            Watches::Metric(metric) => match &metric.source {
                Source::One { metric, stat, .. } => match Statistic::parse(stat) {
                    Some(statistic) => Compiled::One { metric: Arc::new(metric.metric()), statistic },
                    None => Compiled::Broken,
                },
                Source::Many(queries) => {
                    let returned = queries.iter().find(|query| query.return_data != Some(false));
                    let id = returned.map(|query| query.id.clone());
                    match (Queries::new(queries.clone()), id) {
                        (Ok(queries), Some(id)) => Compiled::Many(Box::new(queries), id),
                        _ => Compiled::Broken,
                    }
                }
            },
        }
    }
}

/// What is in memory.
#[derive(Default)]
pub struct Memory {
    alarms: BTreeMap<Name, Held>,
    /// Which alarms watch a metric.
    by_metric: HashMap<(Region, Arc<Metric>), BTreeSet<String>>,
    /// For which end of its periods an alarm was evaluated last.
    evaluated: HashMap<Name, i64>,
    pub(super) pending: BTreeMap<String, Arc<Pending>>,
}

/// Alarms of an account.
#[derive(Default)]
pub struct Alarms {
    pub(super) memory: RwLock<Memory>,
    /// One change at a time, so that memory follows the order of commits.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// Rings when there is something to carry out.
    pub(super) bell: tokio::sync::Notify,
}

const LOCK: &str = "no holder of this lock can panic";

impl Memory {
    fn insert(&mut self, alarm: Arc<Alarm>) {
        let name = (alarm.region, alarm.name.clone());
        let known = self.alarms.get(&name);
        // A change of state alone leaves what evaluates it.
        let compiled =
            known.filter(|held| held.alarm.configured == alarm.configured).map(|held| Arc::clone(&held.compiled));
        let compiled = compiled.unwrap_or_else(|| {
            self.unlink(&name);
            Arc::new(Compiled::of(&alarm))
        });
        let metrics: Vec<Arc<Metric>> = match &*compiled {
            Compiled::One { metric, .. } => vec![Arc::clone(metric)],
            Compiled::Many(queries, _) => queries.metrics().map(Arc::clone).collect(),
            Compiled::Rule(_) | Compiled::Broken => Vec::new(),
        };
        for metric in metrics {
            self.by_metric.entry((alarm.region, metric)).or_default().insert(alarm.name.clone());
        }
        self.alarms.insert(name, Held { alarm, compiled });
    }

    fn unlink(&mut self, name: &Name) {
        self.by_metric.retain(|(region, _), names| {
            if *region == name.0 {
                names.remove(&name.1);
            }
            !names.is_empty()
        });
        self.evaluated.remove(name);
    }

    fn remove(&mut self, name: &Name) {
        self.unlink(name);
        self.alarms.remove(name);
    }

    /// An alarm.
    pub fn alarm(&self, region: Region, name: &str) -> Option<&Arc<Alarm>> {
        self.alarms.get(&(region, name.to_owned())).map(|held| &held.alarm)
    }

    /// An alarm with what evaluates it.
    pub fn held(&self, name: &Name) -> Option<(Arc<Alarm>, Arc<Compiled>)> {
        self.alarms.get(name).map(|held| (Arc::clone(&held.alarm), Arc::clone(&held.compiled)))
    }

    /// The alarms of a region, by name.
    pub fn alarms(&self, region: Region) -> impl Iterator<Item = &Arc<Alarm>> {
        let all = self.alarms.range((region, String::new())..).take_while(move |((of, _), _)| *of == region);
        all.map(|(_, held)| &held.alarm)
    }

    /// All alarms with what evaluates them.
    pub fn all(&self) -> impl Iterator<Item = (&Name, &Held)> {
        self.alarms.iter()
    }

    /// The names of alarms that watch a metric.
    pub fn watching(&self, region: Region, metric: &Arc<Metric>) -> impl Iterator<Item = &String> {
        self.by_metric.get(&(region, Arc::clone(metric))).into_iter().flatten()
    }

    /// The alarms of a region that watch a metric of these.
    pub fn watching_any(&self, region: Region, is_of: impl Fn(&Metric) -> bool) -> impl Iterator<Item = &Arc<Alarm>> {
        let metrics = self.by_metric.iter().filter(move |((of, metric), _)| *of == region && is_of(metric));
        metrics.flat_map(|(_, names)| names).filter_map(move |name| self.alarm(region, name))
    }

    /// Says that an alarm is evaluated for periods that end here, unless it was.
    pub fn begin_evaluation(&mut self, name: &Name, end_ms: i64) -> bool {
        self.evaluated.insert(name.clone(), end_ms).is_none_or(|known| known != end_ms)
    }

    /// How many alarms are in a state.
    pub fn count(&self, state: StateValue) -> usize {
        self.alarms.values().filter(|held| held.alarm.state.value == state).count()
    }

    /// Actions that wait.
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }
}

impl Alarms {
    /// What the tables hold.
    pub async fn open(state: &dyn state::State) -> Result<Alarms, state::Error> {
        let mut memory = Memory::default();
        state::scan_all::<state::Error>(state, ALARMS.table(), state::Range::all(), |row| {
            memory.insert(Arc::new(ALARMS.read(row)?.value));
            Ok(true)
        })
        .await?;
        memory.pending = super::actions::load(state).await?;
        let alarms = Alarms { memory: RwLock::new(memory), ..Alarms::default() };
        alarms.bell.notify_one();
        Ok(alarms)
    }

    /// Looks at what is in memory.
    pub fn see<T>(&self, look: impl FnOnce(&Memory) -> T) -> T {
        look(&self.memory.read().expect(LOCK))
    }

    pub(super) fn change_memory<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> T {
        change(&mut self.memory.write().expect(LOCK))
    }
}

/// The row of an alarm.
pub(crate) fn row(region: Region, name: &str) -> Vec<u8> {
    key::key(&[region.as_str(), name])
}

/// Changes that are made together.
#[derive(Default)]
pub(crate) struct Changes {
    pub alarms: BTreeMap<Name, Alarm>,
    pub removed: BTreeSet<Name>,
    pub history: Vec<Item>,
    pub pending: Vec<Pending>,
    /// Those whose state changed, for composite alarms over them.
    pub flipped: Vec<Name>,
}

impl Changes {
    /// An alarm as it is with the changes so far.
    pub fn alarm(&self, cloudwatch: &CloudWatch, name: &Name) -> Option<Arc<Alarm>> {
        if self.removed.contains(name) {
            return None;
        }
        let changed = self.alarms.get(name).map(|alarm| Arc::new(alarm.clone()));
        changed.or_else(|| cloudwatch.alarms.see(|memory| memory.alarm(name.0, &name.1).cloned()))
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.alarms.is_empty() && self.removed.is_empty() && self.history.is_empty() && self.pending.is_empty()
    }
}

/// A state that an alarm gets.
pub(crate) struct NewState {
    pub value: StateValue,
    pub reason: String,
    pub data: Option<Value>,
    pub decided_until_ms: i64,
}

impl CloudWatch {
    /// Puts an alarm into a state: history and, if it is another one, actions.
    pub(crate) fn set_state(&self, changes: &mut Changes, alarm: &Alarm, new: NewState, now: Timestamp) {
        let mut alarm = alarm.clone();
        let old = alarm.state.clone();
        let is_other = old.value != new.value;
        alarm.state.value = new.value;
        alarm.state.reason = new.reason;
        alarm.state.reason_data = new.data.map(|data| data.to_string());
        alarm.state.updated = now;
        alarm.state.decided_until_ms = new.decided_until_ms;
        if is_other {
            alarm.state.transitioned = now;
            let id = base::ids::uuid(&*self.deps.env.rng);
            changes.history.push(history::state_update(&id, &alarm, &old, now));
            let name = (alarm.region, alarm.name.clone());
            changes.flipped.push(name);
            let from = message::From { value: old.value, reason: old.reason, data: old.reason_data, time: old.updated };
            self.act(changes, &mut alarm, from, &id, now);
        }
        changes.alarms.insert((alarm.region, alarm.name.clone()), alarm);
    }

    /// Lines up the actions of an alarm's state, if they are wanted and nothing holds them back.
    fn act(&self, changes: &mut Changes, alarm: &mut Alarm, from: message::From, id: &str, now: Timestamp) {
        if alarm.actions(alarm.state.value).is_empty() {
            return;
        }
        if !alarm.actions_enabled {
            return;
        }
        if self.holds_back(changes, alarm, &from, now) {
            return;
        }
        self.line_up(changes, alarm, &from, id, now);
    }

    /// Lines up the actions of an alarm's state.
    pub(super) fn line_up(&self, changes: &mut Changes, alarm: &Alarm, from: &message::From, id: &str, now: Timestamp) {
        let children = self.triggering(changes, alarm);
        for (at, action) in alarm.actions(alarm.state.value).iter().enumerate() {
            changes.pending.push(Pending::new(
                format!("{id}-{at}"),
                alarm,
                action,
                from,
                &children,
                &self.deps.account,
                now,
            ));
        }
    }

    /// Commits changes, composite alarms over what flipped among them; then memory shows them. The turn is held by whoever calls.
    pub(crate) async fn commit(&self, mut changes: Changes, now: Timestamp) -> Result<(), state::Error> {
        self.follow(&mut changes, now);
        if changes.is_empty() {
            return Ok(());
        }
        let mut ops: Vec<Op> = Vec::new();
        for ((region, name), alarm) in &changes.alarms {
            ops.push(ALARMS.put_op(&row(*region, name), alarm, Expect::Any)?);
        }
        for (region, name) in &changes.removed {
            ops.push(ALARMS.delete_op(&row(*region, name), Expect::Any));
        }
        for item in &changes.history {
            ops.push(item.op()?);
        }
        for pending in &changes.pending {
            ops.push(pending.op()?);
        }
        // What is over many alarms is in several commits: each alarm's own rows are near one another only in the common case. What a
        // crash leaves out is decided again by the next evaluation.
        let mut rest = ops;
        while !rest.is_empty() {
            let more = rest.split_off(rest.len().min(COMMIT_OPS_MAX));
            self.deps.state.commit(std::mem::replace(&mut rest, more)).await?;
        }
        let has_actions = !changes.pending.is_empty();
        self.alarms.change_memory(|memory| {
            for alarm in std::mem::take(&mut changes.alarms).into_values() {
                memory.insert(Arc::new(alarm));
            }
            changes.removed.iter().for_each(|name| memory.remove(name));
            for pending in changes.pending {
                memory.pending.insert(pending.id.clone(), Arc::new(pending));
            }
        });
        if has_actions {
            self.alarms.bell.notify_one();
        }
        Ok(())
    }
}

/// The first state of an alarm. Source: what AWS's API answers.
pub(crate) fn first_state(now: Timestamp) -> super::State {
    super::State {
        value: StateValue::InsufficientData,
        reason: "Unchecked: Initial alarm creation".to_owned(),
        reason_data: None,
        updated: now,
        transitioned: now,
        decided_until_ms: 0,
        evaluation: None,
        suppressed: None,
    }
}

/// A text as a part of JSON: itself, if it is JSON.
pub(crate) fn as_json(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_else(|_| json!(text)))
}

impl Alarms {
    /// The turn to change alarms.
    pub async fn lock(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}
