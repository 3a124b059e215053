//! Topics and subscriptions: kept in `state`, answered from memory. A change is durable before memory shows it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use base::Region;
use bytes::Bytes;
use policy::{Policy, PolicySet};
use serde::Serialize;
use serde::de::DeserializeOwned;
use service::ApiError;
use state::{Expect, Op, State, Table};

use crate::filter::Filter;
use crate::subscription::Subscription;
use crate::topic::Topic;

const TOPICS: Table = "sns/topics";
const SUBSCRIPTIONS: Table = "sns/subscriptions";

/// A topic in memory.
pub struct HeldTopic {
    rev: u64,
    /// The topic.
    pub topic: Topic,
    /// Its policy, ready to be asked. One that does not read lets nobody in.
    pub policies: Arc<PolicySet>,
}

impl std::ops::Deref for HeldTopic {
    type Target = Topic;

    fn deref(&self) -> &Topic {
        &self.topic
    }
}

/// A subscription in memory.
pub struct HeldSubscription {
    rev: u64,
    /// The subscription.
    pub subscription: Subscription,
    /// Its filter, ready to be held against messages. One that does not read lets nothing through.
    filter: Option<Option<Filter>>,
}

impl std::ops::Deref for HeldSubscription {
    type Target = Subscription;

    fn deref(&self) -> &Subscription {
        &self.subscription
    }
}

impl HeldSubscription {
    /// Its filter; `Some(None)`: one that lets nothing through.
    pub fn filter(&self) -> Option<Option<&Filter>> {
        self.filter.as_ref().map(Option::as_ref)
    }

    /// Whether it filters.
    pub fn filters(&self) -> bool {
        self.filter.is_some()
    }
}

/// By region and name.
type TopicKey = (Region, String);
/// By region, topic and identifier.
pub type SubscriptionKey = (Region, String, String);

/// What is in memory.
#[derive(Default)]
pub struct Memory {
    topics: BTreeMap<TopicKey, Arc<HeldTopic>>,
    subscriptions: BTreeMap<SubscriptionKey, Arc<HeldSubscription>>,
}

/// One step of a change.
pub enum Step {
    /// Writes a topic.
    PutTopic(Topic),
    /// Removes a topic.
    RemoveTopic(Arc<HeldTopic>),
    /// Writes a subscription.
    Put(Subscription),
    /// Removes a subscription.
    Remove(Arc<HeldSubscription>),
    /// Rows of others that belong to the change.
    Row(Op),
}

pub(crate) struct Store {
    state: Arc<dyn State>,
    account: Arc<str>,
    memory: RwLock<Memory>,
    /// One change at a time, so that memory follows the order of commits.
    changes: tokio::sync::Mutex<()>,
}

impl Memory {
    /// A topic.
    pub fn topic(&self, region: Region, name: &str) -> Option<Arc<HeldTopic>> {
        self.topics.get(&(region, name.to_owned())).cloned()
    }

    /// All topics of a region, by name.
    pub fn topics(&self, region: Region) -> impl Iterator<Item = &Arc<HeldTopic>> {
        let range = (Bound::Included((region, String::new())), Bound::Unbounded);
        self.topics.range(range).take_while(move |((of, _), _)| *of == region).map(|(_, held)| held)
    }

    /// How many topics there are in a region.
    pub fn topic_count(&self, region: Region) -> usize {
        self.topics(region).count()
    }

    /// A subscription, also one that ended.
    pub fn subscription(&self, key: &SubscriptionKey) -> Option<Arc<HeldSubscription>> {
        self.subscriptions.get(key).cloned()
    }

    /// The subscriptions of a topic, by identifier, also those that ended.
    pub fn of_topic<'a>(&'a self, region: Region, topic: &'a str) -> impl Iterator<Item = &'a Arc<HeldSubscription>> {
        let range = (Bound::Included((region, topic.to_owned(), String::new())), Bound::Unbounded);
        let found = self.subscriptions.range(range);
        found.take_while(move |((of, name, _), _)| *of == region && name == topic).map(|(_, held)| held)
    }

    /// The subscriptions of a region, by topic and identifier, also those that ended.
    pub fn of_region(&self, region: Region) -> impl Iterator<Item = &Arc<HeldSubscription>> {
        let range = (Bound::Included((region, String::new(), String::new())), Bound::Unbounded);
        self.subscriptions.range(range).take_while(move |((of, ..), _)| *of == region).map(|(_, held)| held)
    }

    /// All subscriptions, also those that ended.
    pub fn all(&self) -> impl Iterator<Item = &Arc<HeldSubscription>> {
        self.subscriptions.values()
    }

    fn hold_topic(&mut self, account: &str, rev: u64, topic: Topic) {
        let arn = topic.arn(account);
        let policies = match Policy::parse(&topic.policy(account)) {
            Ok(policy) => PolicySet::new([(arn, policy)]),
            Err(error) => {
                tracing::error!(topic = arn, %error, "the policy of a topic does not read; it lets nobody in");
                PolicySet::empty()
            }
        };
        let key = (topic.region, topic.name.clone());
        self.topics.insert(key, Arc::new(HeldTopic { rev, topic, policies: Arc::new(policies) }));
    }

    fn hold(&mut self, rev: u64, subscription: Subscription) {
        let filter = subscription.get("FilterPolicy").map(|_| subscription.filter());
        self.subscriptions.insert(key_of(&subscription), Arc::new(HeldSubscription { rev, subscription, filter }));
    }

    fn op(&self, step: &Step) -> Result<Op, ApiError> {
        Ok(match step {
            Step::PutTopic(topic) => {
                let rev = self.topics.get(&(topic.region, topic.name.clone())).map(|held| held.rev);
                put(TOPICS, &[topic.region.as_str(), &topic.name], topic, rev.into())?
            }
            Step::RemoveTopic(held) => delete(TOPICS, &[held.region.as_str(), &held.name], Expect::Rev(held.rev)),
            Step::Put(one) => {
                let rev = self.subscriptions.get(&key_of(one)).map(|held| held.rev);
                put(SUBSCRIPTIONS, &[one.region.as_str(), &one.topic, &one.id], one, rev.into())?
            }
            Step::Remove(held) => {
                delete(SUBSCRIPTIONS, &[held.region.as_str(), &held.topic, &held.id], Expect::Rev(held.rev))
            }
            Step::Row(op) => op.clone(),
        })
    }

    fn apply(&mut self, account: &str, step: Step, rev: u64) {
        match step {
            Step::PutTopic(topic) => self.hold_topic(account, rev, topic),
            Step::RemoveTopic(held) => drop(self.topics.remove(&(held.region, held.name.clone()))),
            Step::Put(one) => self.hold(rev, one),
            Step::Remove(held) => drop(self.subscriptions.remove(&key_of(&held))),
            Step::Row(_) => {}
        }
    }
}

/// Where a subscription is found.
pub fn key_of(subscription: &Subscription) -> SubscriptionKey {
    (subscription.region, subscription.topic.clone(), subscription.id.clone())
}

/// The operation that writes a document.
pub fn put<T: Serialize>(table: Table, name: &[&str], value: &T, expect: Expect) -> Result<Op, ApiError> {
    let value = Bytes::from(serde_json::to_vec(value).map_err(ApiError::internal)?);
    Ok(Op::Put { table, key: state::key::key(name), value, expect })
}

/// The operation that removes one.
pub fn delete(table: Table, name: &[&str], expect: Expect) -> Op {
    Op::Delete { table, key: state::key::key(name), expect }
}

async fn read<T: DeserializeOwned>(
    state: &dyn State,
    table: Table,
    mut each: impl FnMut(u64, T),
) -> Result<(), state::Error> {
    state::scan_all(state, table, state::Range::all(), |row| {
        let value = serde_json::from_slice(&row.value)
            .map_err(|error| state::Error::Document { table, source: Arc::new(error) })?;
        each(row.rev, value);
        Ok::<_, state::Error>(true)
    })
    .await
}

impl Store {
    pub async fn open(state: Arc<dyn State>, account: Arc<str>) -> Result<Store, state::Error> {
        let mut memory = Memory::default();
        read(&*state, TOPICS, |rev, topic| memory.hold_topic(&account, rev, topic)).await?;
        read(&*state, SUBSCRIPTIONS, |rev, one| memory.hold(rev, one)).await?;
        Ok(Store { state, account, memory: RwLock::new(memory), changes: tokio::sync::Mutex::new(()) })
    }

    /// Looks at what there is.
    pub fn see<T>(&self, look: impl FnOnce(&Memory) -> T) -> T {
        look(&self.memory.read().expect("no holder of this lock can panic"))
    }

    /// Changes what there is by the steps that `plan` makes of it. Returns when that is durable.
    pub async fn change<T>(
        &self,
        plan: impl FnOnce(&Memory) -> Result<(Vec<Step>, T), ApiError>,
    ) -> Result<T, ApiError> {
        let _turn = self.changes.lock().await;
        let (steps, ops, answer) = self.see(|memory| {
            let (steps, answer) = plan(memory)?;
            let ops: Vec<Op> = steps.iter().map(|step| memory.op(step)).collect::<Result<_, _>>()?;
            Ok::<_, ApiError>((steps, ops, answer))
        })?;
        if steps.is_empty() {
            return Ok(answer);
        }
        let info = self.state.commit(ops).await.map_err(ApiError::unavailable)?;
        let mut memory = self.memory.write().expect("no holder of this lock can panic");
        for (at, step) in steps.into_iter().enumerate() {
            memory.apply(&self.account, step, info.revs.get(at).copied().unwrap_or_default());
        }
        Ok(answer)
    }
}
