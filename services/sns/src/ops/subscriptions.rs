//! GetSubscriptionAttributes, SetSubscriptionAttributes, ListSubscriptions, ListSubscriptionsByTopic.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::page;
use crate::ops::subscribe::FILTERS_MAX;
use crate::store::{HeldSubscription, Step, key_of};
use crate::{Error, names, subscription};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInput {
    subscription_arn: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    attributes: BTreeMap<String, String>,
}

operation! {
    /// Shows a subscription.
    GetSubscriptionAttributes on "{SubscriptionArn}": GetInput => GetOutput, |sns, call, input| {
        let (topic, held) = sns.subscription(call, &input.subscription_arn)?;
        Ok(GetOutput { attributes: subscription::shown(&held, &topic, &sns.deps.account) })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetInput {
    subscription_arn: String,
    attribute_name: String,
    attribute_value: Option<String>,
}

operation! {
    /// Sets an attribute of a subscription.
    SetSubscriptionAttributes on "{SubscriptionArn}": SetInput => (), |sns, call, input| {
        let (topic, held) = sns.subscription(call, &input.subscription_arn)?;
        let given = BTreeMap::from([(input.attribute_name, input.attribute_value.unwrap_or_default())]);
        let key = key_of(&held);
        sns.store.change(|memory| {
            let held = memory.subscription(&key).filter(|held| held.is_there()).ok_or_else(Error::no_subscription)?;
            let mut one = (**held).clone();
            subscription::set(&mut one, &topic, &given, false)?;
            if one == **held {
                return Ok((Vec::new(), ()));
            }
            if one.get("FilterPolicy").is_some() && !held.filters() {
                let filters = memory.of_topic(topic.region, &topic.name).filter(|one| one.filters()).count();
                if filters >= FILTERS_MAX {
                    let text = format!("Filter policy limit exceeded. A topic can have up to {FILTERS_MAX} filter policies");
                    return Err(Error::FilterPolicyLimitExceeded(text).into());
                }
            }
            Ok((vec![Step::Put(one)], ()))
        }).await
    }
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    subscription_arn: String,
    owner: String,
    protocol: String,
    endpoint: String,
    topic_arn: String,
}

fn entry(held: &Arc<HeldSubscription>, account: &str) -> (String, Entry) {
    let entry = Entry {
        subscription_arn: if held.is_pending() { "PendingConfirmation".to_owned() } else { held.arn(account) },
        owner: held.owner.clone(),
        protocol: held.protocol.clone(),
        endpoint: held.endpoint.clone(),
        topic_arn: names::topic_arn(held.region, account, &held.topic),
    };
    (format!("{}:{}", held.topic, held.id), entry)
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    subscriptions: Vec<Entry>,
    next_token: Option<String>,
}

operation! {
    /// Lists the subscriptions of the region.
    ListSubscriptions on "*": ListInput => ListOutput, |sns, call, input| {
        let mut all: Vec<_> = sns.store.see(|memory| {
            memory.of_region(call.region).filter(|one| one.is_there()).map(|one| entry(one, &sns.deps.account)).collect()
        });
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (subscriptions, next_token) = page(all, input.next_token.as_deref())?;
        Ok(ListOutput { subscriptions, next_token })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListByTopicInput {
    topic_arn: String,
    next_token: Option<String>,
}

operation! {
    /// Lists the subscriptions of a topic.
    ListSubscriptionsByTopic on "{TopicArn}": ListByTopicInput => ListOutput, |sns, call, input| {
        let topic = sns.topic(call, &input.topic_arn, "TopicArn")?;
        let all = sns.store.see(|memory| {
            let all = memory.of_topic(topic.region, &topic.name).filter(|one| one.is_there());
            all.map(|one| entry(one, &sns.deps.account)).collect()
        });
        let (subscriptions, next_token) = page(all, input.next_token.as_deref())?;
        Ok(ListOutput { subscriptions, next_token })
    }
}
