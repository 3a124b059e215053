//! ConfirmSubscription: by a signed call, or by whoever opens the link that only the endpoint got.

use base::time::HOUR_MS;
use ports::Caller;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::store::Step;
use crate::subscription::Status;

/// Source: SNS API reference, Subscribe: tokens are valid for two days.
const TOKEN_MS: i64 = 48 * HOUR_MS;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    topic_arn: String,
    token: String,
    authenticate_on_unsubscribe: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    subscription_arn: String,
}

operation! {
    /// Confirms that an endpoint wants what it was subscribed to.
    ConfirmSubscription asks itself on "{TopicArn}": Input => Output, |sns, call, input| {
        let is_signed = !matches!(call.caller, Caller::Anonymous);
        if is_signed {
            sns.authorize(call, "ConfirmSubscription", &input.topic_arn).await?;
        }
        let topic = sns.topic(call, &input.topic_arn, "TopicArn")?;
        let now = sns.deps.env.clock.now();
        let one = sns.store.change(|memory| {
            let mut all = memory.of_topic(topic.region, &topic.name);
            let held = all.find(|one| match &one.status {
                Status::Pending { token } | Status::Ended { token } => *token == input.token,
                Status::Confirmed => one.answered.as_deref() == Some(input.token.as_str()),
            });
            let held = held.ok_or_else(|| Error::invalid("Token"))?;
            if held.is_confirmed() {
                return Ok((Vec::new(), (***held).clone()));
            }
            if now.since_ms(held.since) > TOKEN_MS {
                return Err(Error::invalid("Token").into());
            }
            let mut one = (***held).clone();
            one.status = Status::Confirmed;
            one.answered = Some(input.token.clone());
            one.confirmed_by_signature = is_signed;
            one.only_owner_ends =
                is_signed && input.authenticate_on_unsubscribe.is_some_and(|text| text.eq_ignore_ascii_case("true"));
            Ok((vec![Step::Put(one.clone())], one))
        }).await?;
        Ok(Output { subscription_arn: one.arn(&sns.deps.account) })
    }
}
