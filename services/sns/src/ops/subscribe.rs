//! Subscribe.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::ids;
use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::message::{Message, What};
use crate::store::{HeldTopic, Step, key_of};
use crate::subscription::{self, Status, Subscription};
use crate::{Error, Sns};

/// Subscriptions of one topic. AWS has more; each is looked at with every message.
pub const SUBSCRIPTIONS_MAX: usize = 10_000;
/// Those of them that filter. Source: SNS developer guide, "Filter policy constraints".
pub const FILTERS_MAX: usize = 200;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    topic_arn: String,
    protocol: String,
    endpoint: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
    return_subscription_arn: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    subscription_arn: String,
}

impl Sns {
    /// What a question to whoever is at an endpoint is made of.
    pub(crate) fn question(&self, topic: &HeldTopic, what: What) -> Message {
        Message {
            version: 1,
            id: ids::uuid(&*self.deps.env.rng),
            region: topic.region,
            topic: topic.name.clone(),
            what,
            time: self.deps.env.clock.now(),
            subject: None,
            text: String::new(),
            texts: BTreeMap::new(),
            attributes: BTreeMap::new(),
            group_id: topic.is_fifo().then(|| "confirmation".to_owned()),
            deduplication_id: None,
            sequence: None,
            phone: None,
            sealed: None,
        }
    }

    /// What only whoever is at an endpoint knows.
    pub(crate) fn token(&self) -> String {
        let mut bytes = [0; 64];
        self.deps.env.rng.fill(&mut bytes);
        ids::hex(&bytes)
    }
}

operation! {
    /// Subscribes an endpoint to a topic.
    Subscribe on "{TopicArn}": Input => Output, |sns, call, input| {
        let topic = sns.topic(call, &input.topic_arn, "TopicArn")?;
        let account = &sns.deps.account;
        let owner = call.caller.account().unwrap_or(account).to_string();
        let endpoint = input.endpoint.filter(|endpoint| !endpoint.is_empty()).ok_or_else(|| Error::invalid("Endpoint"));
        let endpoint = match endpoint {
            Ok(endpoint) => subscription::check_endpoint(&input.protocol, &endpoint, &topic)?,
            // The protocol is looked at first.
            Err(missing) => match subscription::check_endpoint(&input.protocol, "", &topic) {
                Err(error) if error.to_string().contains("does not support this protocol") => return Err(error.into()),
                _ => return Err(missing.into()),
            },
        };
        if input.protocol == "lambda" && !sns.deps.functions.is_known(&endpoint) {
            tracing::warn!(function = endpoint, "a function is subscribed that no endpoint stands for; name one in the configuration");
        }
        let now = sns.deps.env.clock.now();
        let asks = subscription::asks(&input.protocol, &endpoint, &owner);
        let mut made = Subscription {
            version: 1,
            region: topic.region,
            topic: topic.name.clone(),
            id: ids::uuid(&*sns.deps.env.rng),
            owner,
            principal: call.caller.principal_arn().unwrap_or_default(),
            protocol: input.protocol,
            endpoint,
            attributes: BTreeMap::new(),
            status: if asks { Status::Pending { token: sns.token() } } else { Status::Confirmed },
            since: now,
            answered: None,
            confirmed_by_signature: !asks,
            only_owner_ends: false,
        };
        let given = input.attributes.unwrap_or_default();
        subscription::set(&mut made, &topic, &given, true)?;
        let question = sns.question(&topic, What::Notification);
        let (held, begun) = sns.store.change(|memory| {
            if memory.topic(topic.region, &topic.name).is_none() {
                return Err(Error::no_topic().into());
            }
            let (mut count, mut filters, mut old) = (0, 0, None);
            for one in memory.of_topic(topic.region, &topic.name) {
                count += 1;
                filters += usize::from(one.filters());
                if one.is_there() && one.protocol == made.protocol && one.endpoint == made.endpoint {
                    old = Some(Arc::clone(one));
                }
            }
            let one = match &old {
                Some(old) => {
                    if given.keys().any(|name| old.get(name) != made.get(name)) {
                        return Err(Error::because("Attributes", "Subscription already exists with different attributes").into());
                    }
                    (***old).clone()
                }
                None if count >= SUBSCRIPTIONS_MAX => return Err(Error::SubscriptionLimitExceeded.into()),
                None if made.get("FilterPolicy").is_some() && filters >= FILTERS_MAX => {
                    let text = format!("Filter policy limit exceeded. A topic can have up to {FILTERS_MAX} filter policies");
                    return Err(Error::FilterPolicyLimitExceeded(text).into());
                }
                None => made,
            };
            let mut steps = Vec::new();
            let mut begun = None;
            if let Status::Pending { token } = &one.status {
                let message = Message { what: What::Confirmation { token: token.clone() }, ..question };
                let (ops, items) = sns.deliveries.plan(&message, vec![key_of(&one)], now.ms())?;
                steps.extend(ops.into_iter().map(Step::Row));
                begun = Some((Arc::new(message), items));
            }
            if old.is_none() {
                steps.push(Step::Put(one.clone()));
            }
            Ok::<_, ApiError>((steps, (one, begun)))
        }).await?;
        if let Some((message, items)) = begun {
            sns.this().send_off(Some(message), items);
        }
        let shows = held.is_confirmed() || input.return_subscription_arn == Some(true);
        let subscription_arn = if shows { held.arn(account) } else { "pending confirmation".to_owned() };
        Ok(Output { subscription_arn })
    }
}
