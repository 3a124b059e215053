//! Unsubscribe: by a signed call, or by whoever opens the link that every message has.

use std::sync::Arc;

use ports::Caller;
use serde::Deserialize;

use crate::message::{Message, What};
use crate::store::{Step, key_of};
use crate::subscription::Status;
use crate::{Error, names};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    subscription_arn: String,
}

operation! {
    /// Ends a subscription. If it was not its owner who did, whoever is at the endpoint is told, and may take it back.
    Unsubscribe asks itself on "{SubscriptionArn}": Input => (), |sns, call, input| {
        let name = names::subscription(&input.subscription_arn, "SubscriptionArn")?;
        super::check_region(call, &name.topic, "SubscriptionArn")?;
        let is_signed = !matches!(call.caller, Caller::Anonymous);
        if is_signed {
            sns.authorize(call, "Unsubscribe", &input.subscription_arn).await?;
        }
        let key = (name.topic.region, name.topic.name, name.id);
        let found = sns.store.see(|memory| memory.topic(key.0, &key.1).zip(memory.subscription(&key)));
        // What is not there has ended.
        let Some((topic, held)) = found.filter(|(_, held)| held.is_there()) else { return Ok(()) };
        if is_signed && !sns.is_owner(&call.caller, &held.owner) {
            return Err(Error::no_subscription().into());
        }
        if !is_signed && held.only_owner_ends {
            let text = "The subscription requires authentication to be deleted";
            return Err(Error::AuthorizationError(text.to_owned()).into());
        }
        if held.is_pending() && !is_signed {
            return Err(Error::invalid("SubscriptionArn").into());
        }
        let farewell = sns.question(&topic, What::Farewell { token: sns.token() });
        let now = sns.deps.env.clock.now();
        let begun = sns.store.change(|memory| {
            let Some(held) = memory.subscription(&key).filter(|held| held.is_there()) else { return Ok((Vec::new(), None)) };
            let mut steps = Vec::new();
            if let Some(topic) = memory.topic(key.0, &key.1) {
                let mut topic = topic.topic.clone();
                topic.deleted += 1;
                steps.push(Step::PutTopic(topic));
            }
            if is_signed {
                steps.push(Step::Remove(held));
                return Ok((steps, None));
            }
            let What::Farewell { token } = &farewell.what else { return Ok((Vec::new(), None)) };
            let mut one = (**held).clone();
            one.status = Status::Ended { token: token.clone() };
            one.since = now;
            let (ops, items) = sns.deliveries.plan(&farewell, vec![key_of(&one)], now.ms())?;
            steps.push(Step::Put(one));
            steps.extend(ops.into_iter().map(Step::Row));
            Ok((steps, Some(items)))
        }).await?;
        sns.forget_lane(&key).await;
        if let Some(items) = begun {
            let farewell: Arc<Message> = Arc::new(farewell);
            sns.this().send_off(Some(farewell), items);
        }
        Ok(())
    }
}
