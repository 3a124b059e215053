//! SNS's operations.

/// An operation on what `$resource` names; one that `asks itself` finds out by itself whether its caller may.
macro_rules! operation {
    ($(#[$doc:meta])* $name:ident on $resource:literal: $input:ty => $output:ty, |$sns:ident, $call:ident, $in:pat_param| $body:block) => {
        operation!(@ [$(#[$doc])*] $name $resource false $input, $output, $sns, $call, $in, $body);
    };
    ($(#[$doc:meta])* $name:ident asks itself on $resource:literal: $input:ty => $output:ty, |$sns:ident, $call:ident, $in:pat_param| $body:block) => {
        operation!(@ [$(#[$doc])*] $name $resource true $input, $output, $sns, $call, $in, $body);
    };
    (@ [$(#[$doc:meta])*] $name:ident $resource:literal $asks:literal $input:ty, $output:ty, $sns:ident, $call:ident, $in:pat_param, $body:block) => {
        $(#[$doc])*
        pub struct $name;

        impl service::Operation for $name {
            type Service = crate::Sns;
            type Input = $input;
            type Output = $output;
            const NAME: &'static str = stringify!($name);
            const RESOURCE: &'static str = $resource;
            const ASKS_ITSELF: bool = $asks;

            async fn run($sns: &crate::Sns, $call: &service::Call, $in: $input) -> Result<$output, service::ApiError> $body
        }
    };
}

pub mod confirm_subscription;
pub mod data_protection;
pub mod permissions;
pub mod platforms;
pub mod publish;
pub mod publish_batch;
pub mod sandbox;
pub mod sms;
pub mod subscribe;
pub mod subscriptions;
pub mod tags;
pub mod topics;
pub mod unsubscribe;

use std::sync::Arc;

use ports::Caller;
use serde::Serialize;
use service::paging::Page;
use service::{ApiError, Call};

use crate::names::{self, SubscriptionName, TopicName};
use crate::store::{HeldSubscription, HeldTopic, Step, SubscriptionKey};
use crate::topic::Topic;
use crate::{Error, Sns};

/// Entries of a page. Source: SNS API reference, ListTopics, ListSubscriptions: up to 100.
const PAGE: usize = 100;

/// What says nothing.
#[derive(Serialize)]
pub struct Empty {}

/// One page of what is in the order of its keys.
fn page<T>(items: Vec<(String, T)>, token: Option<&str>) -> Result<(Vec<T>, Option<String>), Error> {
    let Page { items, next_token } = service::paging::page(items, |(key, _)| key, token, PAGE)
        .map_err(|_| Error::because("NextToken", "An invalid NextToken was given"))?;
    Ok((items.into_iter().map(|(_, item)| item).collect(), next_token))
}

/// A topic's ARN is of the region that is called; who is not known calls no region.
fn check_region(call: &Call, name: &TopicName, member: &str) -> Result<(), Error> {
    if name.region == call.region || matches!(call.caller, Caller::Anonymous) {
        return Ok(());
    }
    Err(Error::invalid(member))
}

impl Sns {
    /// The topic of an ARN.
    fn topic(&self, call: &Call, arn: &str, member: &str) -> Result<Arc<HeldTopic>, ApiError> {
        let name = names::topic(arn, member)?;
        check_region(call, &name, member)?;
        if *name.account != *self.deps.account {
            return Err(Error::no_topic().into());
        }
        self.store.see(|memory| memory.topic(name.region, &name.name)).ok_or_else(|| Error::no_topic().into())
    }

    /// The name of a subscription, if it is one of this account's.
    fn subscription_name(&self, call: &Call, arn: &str) -> Result<SubscriptionName, ApiError> {
        let name = names::subscription(arn, "SubscriptionArn")?;
        check_region(call, &name.topic, "SubscriptionArn")?;
        if *name.topic.account != *self.deps.account {
            return Err(Error::no_subscription().into());
        }
        Ok(name)
    }

    /// The subscription of an ARN, for its owner or its topic's.
    fn subscription(&self, call: &Call, arn: &str) -> Result<(Arc<HeldTopic>, Arc<HeldSubscription>), ApiError> {
        let name = self.subscription_name(call, arn)?;
        let key: SubscriptionKey = (name.topic.region, name.topic.name, name.id);
        let found = self.store.see(|memory| memory.topic(key.0, &key.1).zip(memory.subscription(&key)));
        let found = found.filter(|(_, one)| one.is_there() && self.is_owner(&call.caller, &one.owner));
        found.ok_or_else(|| Error::no_subscription().into())
    }

    /// Changes a topic that is there.
    async fn change_topic<T>(
        &self,
        held: &HeldTopic,
        change: impl FnOnce(&mut Topic) -> Result<T, Error>,
    ) -> Result<T, ApiError> {
        self.store
            .change(|memory| {
                let found = memory.topic(held.region, &held.name).ok_or_else(Error::no_topic)?;
                let mut topic = found.topic.clone();
                let answer = change(&mut topic)?;
                let steps = if topic == found.topic { Vec::new() } else { vec![Step::PutTopic(topic)] };
                Ok((steps, answer))
            })
            .await
    }
}
