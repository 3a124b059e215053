//! CreateTopic, DeleteTopic, GetTopicAttributes, SetTopicAttributes, ListTopics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::page;
use crate::store::{Step, key_of};
use crate::subscription::Subscription;
use crate::tags::{self, Tag};
use crate::topic::{self, Setting};
use crate::{Error, names, order};

/// Topics of one region. Source: AWS General Reference, "Amazon SNS endpoints and quotas".
const TOPICS_MAX: usize = 100_000;
/// Subscriptions removed in one commit.
const BATCH: usize = 2_000;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateInput {
    name: String,
    attributes: Option<BTreeMap<String, String>>,
    tags: Option<Vec<Tag>>,
    data_protection_policy: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateOutput {
    topic_arn: String,
}

operation! {
    /// Makes a topic; one that is there as it is asked for is answered with.
    CreateTopic on "{Name}": CreateInput => CreateOutput, |sns, call, input| {
        let given = input.attributes.unwrap_or_default();
        let account = &sns.deps.account;
        let tags = tags::merged(&[], input.tags.clone().unwrap_or_default())?;
        let mut made = topic::make(call.region, account, &input.name, &given, tags)?;
        made.data_protection = input.data_protection_policy.filter(|text| !text.is_empty());
        if let Some(policy) = &made.data_protection {
            super::data_protection::check(policy)?;
        }
        let topic_arn = names::topic_arn(call.region, account, &input.name);
        call.note_resource("AWS::SNS::Topic", topic_arn.as_str());
        sns.store.change(|memory| {
            if let Some(old) = memory.topic(call.region, &made.name) {
                if given.keys().any(|name| old.get(name) != made.get(name)) {
                    return Err(Error::because("Attributes", "Topic already exists with different attributes").into());
                }
                let sorted = |tags: &[Tag]| tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect::<BTreeMap<_, _>>();
                if input.tags.is_some() && sorted(&old.tags) != sorted(&made.tags) {
                    return Err(Error::because("Tags", "Topic already exists with different tags").into());
                }
                return Ok((Vec::new(), ()));
            }
            if memory.topic_count(call.region) >= TOPICS_MAX {
                return Err(Error::TopicLimitExceeded.into());
            }
            Ok((vec![Step::PutTopic(made)], ()))
        }).await?;
        Ok(CreateOutput { topic_arn })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TopicInput {
    topic_arn: String,
}

operation! {
    /// Removes a topic with its subscriptions; one that is not there is removed already.
    DeleteTopic on "{TopicArn}": TopicInput => (), |sns, call, input| {
        let name = names::topic(&input.topic_arn, "TopicArn")?;
        super::check_region(call, &name, "TopicArn")?;
        let mut forgotten = Vec::new();
        loop {
            let mut removed = sns.store.change(|memory| {
                let subscriptions: Vec<_> = memory.of_topic(name.region, &name.name).take(BATCH).cloned().collect();
                let keys: Vec<_> = subscriptions.iter().map(|one| key_of(one)).collect();
                let is_last = subscriptions.len() < BATCH;
                let mut steps: Vec<Step> = subscriptions.into_iter().map(Step::Remove).collect();
                if is_last {
                    steps.extend(memory.topic(name.region, &name.name).map(Step::RemoveTopic));
                }
                Ok((steps, (keys, is_last)))
            }).await?;
            forgotten.append(&mut removed.0);
            if removed.1 {
                break;
            }
        }
        for key in &forgotten {
            sns.forget_lane(key).await;
        }
        sns.orders.forget(name.region, &name.name);
        order::forget(&sns.deps.state, name.region, &name.name).await.map_err(service::ApiError::unavailable)
    }
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttributesOutput {
    attributes: BTreeMap<String, String>,
}

operation! {
    /// Shows a topic.
    GetTopicAttributes on "{TopicArn}": TopicInput => AttributesOutput, |sns, call, input| {
        let topic = sns.topic(call, &input.topic_arn, "TopicArn")?;
        let (confirmed, pending) = sns.store.see(|memory| {
            let count = |is: fn(&Subscription) -> bool| memory.of_topic(topic.region, &topic.name).filter(|one| is(one)).count();
            (count(Subscription::is_confirmed), count(Subscription::is_pending))
        });
        Ok(AttributesOutput { attributes: topic::shown(&topic, &sns.deps.account, confirmed, pending) })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetInput {
    topic_arn: String,
    attribute_name: String,
    attribute_value: Option<String>,
}

operation! {
    /// Sets an attribute of a topic.
    SetTopicAttributes on "{TopicArn}": SetInput => (), |sns, call, input| {
        let topic = sns.topic(call, &input.topic_arn, "TopicArn")?;
        let value = input.attribute_value.unwrap_or_default();
        sns.change_topic(&topic, |topic| topic::set(topic, &sns.deps.account, &input.attribute_name, &value, Setting::Change)).await
    }
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
    topics: Vec<CreateOutput>,
    next_token: Option<String>,
}

operation! {
    /// Lists the topics of the region.
    ListTopics on "*": ListInput => ListOutput, |sns, call, input| {
        let all = sns.store.see(|memory| {
            let entry = |held: &std::sync::Arc<crate::store::HeldTopic>| {
                (held.name.clone(), CreateOutput { topic_arn: held.arn(&sns.deps.account) })
            };
            memory.topics(call.region).map(entry).collect()
        });
        let (topics, next_token) = page(all, input.next_token.as_deref())?;
        Ok(ListOutput { topics, next_token })
    }
}
