//! Publishing: who gets a message is decided, and stored with it, in one commit; then it goes its way ([`crate::delivery`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base::{Region, ids};
use service::ApiError;
use sha2::{Digest, Sha256};

use crate::delivery::WAITING_MAX;
use crate::filter;
use crate::measure::Became;
use crate::message::{Checked, Message, What};
use crate::order::{self, Order};
use crate::sealing::Publisher;
use crate::store::{HeldTopic, SubscriptionKey, key_of};
use crate::{Error, Sns};

/// Something to publish, checked.
pub(crate) struct Ready {
    /// What is said.
    pub checked: Checked,
    /// `MessageGroupId`.
    pub group_id: Option<String>,
    /// `MessageDeduplicationId`.
    pub deduplication_id: Option<String>,
    /// What other services name it by, so that it is published once.
    pub once: Option<String>,
}

/// What was published, or had been before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// Its identifier.
    pub id: String,
    /// Its number in a FIFO topic.
    pub sequence: Option<String>,
}

/// Topics whose order is known.
#[derive(Default)]
pub(crate) struct Orders(Mutex<HashMap<(Region, String), Slot>>);

/// `None`: it is to be read.
type Slot = Arc<tokio::sync::Mutex<Option<Order>>>;

impl Orders {
    fn of(&self, topic: &HeldTopic) -> Slot {
        let mut orders = self.0.lock().expect("no holder of this lock can panic");
        Arc::clone(orders.entry((topic.region, topic.name.clone())).or_default())
    }

    /// Forgets a topic that is gone.
    pub fn forget(&self, region: Region, name: &str) {
        self.0.lock().expect("no holder of this lock can panic").remove(&(region, name.to_owned()));
    }
}

/// Refuses what FIFO topics ask for and others do not take.
pub(crate) fn check_order(
    topic: &HeldTopic,
    group_id: Option<&str>,
    deduplication_id: Option<&str>,
) -> Result<(), Error> {
    if topic.is_fifo() {
        if group_id.is_none() {
            return Err(Error::invalid("The MessageGroupId parameter is required for FIFO topics"));
        }
        if deduplication_id.is_none() && !topic.deduplicates_by_content() {
            return Err(Error::invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
            ));
        }
    } else if deduplication_id.is_some() {
        return Err(Error::because(
            "MessageDeduplicationId",
            "The request includes MessageDeduplicationId parameter that is not valid for this topic type",
        ));
    }
    Ok(())
}

impl Sns {
    /// Publishes to a topic, all in one commit. Durable for every subscriber when this returns.
    pub(crate) async fn publish(
        &self,
        topic: &HeldTopic,
        by: &Publisher<'_>,
        ready: Vec<Ready>,
    ) -> Result<Vec<Published>, ApiError> {
        let has_names = ready.iter().any(|one| one.once.is_some());
        if !topic.is_fifo() && !has_names {
            return self.publish_in(topic, by, ready, None).await;
        }
        let slot = self.orders.of(topic);
        let mut slot = slot.lock().await;
        let mut order = match slot.take() {
            Some(order) => order,
            None => {
                let loaded = Order::load(&*self.deps.state, topic.region, &topic.name).await;
                loaded.map_err(ApiError::unavailable)?
            }
        };
        let published = self.publish_in(topic, by, ready, Some(&mut order)).await?;
        // What was learned of a commit that failed is not kept: it is read again.
        *slot = Some(order);
        Ok(published)
    }

    async fn publish_in(
        &self,
        topic: &HeldTopic,
        by: &Publisher<'_>,
        ready: Vec<Ready>,
        mut order: Option<&mut Order>,
    ) -> Result<Vec<Published>, ApiError> {
        let now = self.deps.env.clock.now();
        let mut published = Vec::with_capacity(ready.len());
        let (mut ops, mut begun, mut names) = (Vec::new(), Vec::new(), Vec::new());
        let mut sizes = Vec::new();
        for one in ready {
            let id = ids::uuid(&*self.deps.env.rng);
            let mut sequence = None;
            let mut deduplication_id = one.deduplication_id.clone();
            if let Some(order) = order.as_deref_mut() {
                let by_content = || base::ids::hex(&Sha256::digest(one.checked.text.as_bytes()));
                let (scope, known_as, window) = match (&one.once, topic.is_fifo()) {
                    (Some(once), _) => ("once", Some(once.clone()), order::ONCE_WINDOW_MS),
                    (None, true) => {
                        let known_as = one.deduplication_id.clone().unwrap_or_else(by_content);
                        deduplication_id = Some(known_as.clone());
                        let scope = one.group_id.as_deref().filter(|_| topic.deduplicates_in_groups());
                        (scope.unwrap_or_default(), Some(known_as), order::WINDOW_MS)
                    }
                    (None, false) => ("", None, 0),
                };
                if let Some(known_as) = known_as {
                    let name = order::name(scope, &known_as);
                    if let Some(known) = order.known(&name, now) {
                        published.push(Published { id: known.id.clone(), sequence: known.sequence.clone() });
                        continue;
                    }
                    if order.is_full(now) {
                        return Err(ApiError::unavailable("too many messages of a topic are known"));
                    }
                    sequence = topic.is_fifo().then(|| order.take_number());
                    order.learn(name.clone(), id.clone(), sequence.clone(), now.plus_ms(window));
                    names.push(name);
                }
            }
            sizes.push(one.checked.bytes);
            let message = Message {
                version: 1,
                id: id.clone(),
                region: topic.region,
                topic: topic.name.clone(),
                what: What::Notification,
                time: now,
                subject: one.checked.subject,
                text: one.checked.text,
                texts: one.checked.texts,
                attributes: one.checked.attributes,
                group_id: one.group_id,
                deduplication_id,
                sequence: sequence.clone(),
                phone: None,
                sealed: None,
            };
            // First, since it may be refused: subscribers who are found are counted.
            let sealed = match topic.get("KmsMasterKeyId") {
                Some(_) => Some(self.sealed(topic, by, &message).await?),
                None => None,
            };
            let lanes = self.subscribers(topic, &message);
            let message = sealed.unwrap_or(message);
            let (rows, items) = self.deliveries.plan(&message, lanes, now.ms())?;
            ops.extend(rows);
            begun.push((Arc::new(message), items));
            published.push(Published { id, sequence });
        }
        if let Some(order) = order {
            ops.extend(order.ops(topic.region, &topic.name, &names, topic.is_fifo() && !names.is_empty(), now)?);
        }
        if !ops.is_empty() {
            self.deps.state.commit(ops).await.map_err(ApiError::unavailable)?;
        }
        sizes.into_iter().for_each(|bytes| self.tally.published(topic.region, &topic.name, bytes));
        let this = self.this();
        for (message, items) in begun.into_iter().filter(|(_, items)| !items.is_empty()) {
            this.send_off(Some(message), items);
        }
        Ok(published)
    }

    /// Who gets a message.
    fn subscribers(&self, topic: &HeldTopic, message: &Message) -> Vec<SubscriptionKey> {
        let confirmed: Vec<_> = self.store.see(|memory| {
            let all = memory.of_topic(topic.region, &topic.name);
            // Nothing is pushed to devices: applications are only kept.
            all.filter(|one| one.is_confirmed() && one.protocol != "application").cloned().collect()
        });
        let mut lanes = Vec::with_capacity(confirmed.len());
        for one in confirmed {
            let fits = match one.filter() {
                None => true,
                Some(None) => false,
                Some(Some(filter)) => {
                    let attributes = message.attributes.iter().map(|(name, attribute)| filter::Attribute {
                        name,
                        kind: &attribute.kind,
                        value: &attribute.value,
                    });
                    filter.matches(attributes, message.text_for(&one.protocol))
                }
            };
            if !fits {
                self.tally.became(topic.region, &topic.name, Became::FilteredOut);
                continue;
            }
            let key = key_of(&one);
            if self.deliveries.waiting(&key) >= WAITING_MAX {
                self.figures.given_up(&one.protocol);
                tracing::warn!(
                    subscription = one.arn(&self.deps.account),
                    "too many notifications wait for a subscriber; a further one is not kept"
                );
                continue;
            }
            self.figures.published(&one.protocol);
            lanes.push(key);
        }
        lanes
    }

    /// A text message to a phone, durable when this returns.
    pub(crate) async fn publish_to_phone(
        &self,
        region: Region,
        phone: String,
        checked: Checked,
    ) -> Result<String, ApiError> {
        let now = self.deps.env.clock.now();
        let id = ids::uuid(&*self.deps.env.rng);
        let message = Message {
            version: 1,
            id: id.clone(),
            region,
            topic: crate::delivery::PHONES.to_owned(),
            what: What::Notification,
            time: now,
            subject: None,
            text: checked.text,
            texts: checked.texts,
            attributes: checked.attributes,
            group_id: None,
            deduplication_id: None,
            sequence: None,
            phone: Some(phone),
            sealed: None,
        };
        let lane = (region, crate::delivery::PHONES.to_owned(), "sms".to_owned());
        if self.deliveries.waiting(&lane) >= WAITING_MAX {
            return Err(ApiError::unavailable("too many text messages wait"));
        }
        let (ops, items) = self.deliveries.plan(&message, vec![lane], now.ms())?;
        self.deps.state.commit(ops).await.map_err(ApiError::unavailable)?;
        self.figures.published("sms");
        self.this().send_off(Some(Arc::new(message)), items);
        Ok(id)
    }
}
