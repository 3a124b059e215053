//! Publish.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::message::{Draft, GivenAttribute};
use crate::publish::{Ready, check_order};
use crate::sealing::Publisher;
use crate::{Error, subscription};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    topic_arn: Option<String>,
    target_arn: Option<String>,
    phone_number: Option<String>,
    message: String,
    subject: Option<String>,
    message_structure: Option<String>,
    message_attributes: Option<BTreeMap<String, GivenAttribute>>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    message_id: String,
    sequence_number: Option<String>,
}

operation! {
    /// Publishes a message to a topic, a phone, or the endpoint of an application.
    Publish asks itself on "{TopicArn}": Input => Output, |sns, call, input| {
        let target = input.topic_arn.as_deref().or(input.target_arn.as_deref());
        sns.authorize(call, "Publish", target.unwrap_or("*")).await?;
        let given = [&input.topic_arn, &input.target_arn, &input.phone_number].into_iter().flatten().count();
        if given == 0 {
            return Err(Error::because("TopicArn or TargetArn", "no value for required parameter").into());
        }
        if given > 1 {
            return Err(Error::invalid("TopicArn or TargetArn Reason: only one of TopicArn, TargetArn and PhoneNumber may be given").into());
        }
        let draft = Draft {
            subject: input.subject,
            message: input.message,
            structure: input.message_structure,
            attributes: input.message_attributes.unwrap_or_default(),
            group_id: input.message_group_id,
            deduplication_id: input.message_deduplication_id,
        };
        if let Some(phone) = input.phone_number {
            let number = subscription::phone(&phone).filter(|_| phone.starts_with('+'));
            let number = number.ok_or_else(|| Error::because("PhoneNumber", format!("{phone} is not valid to publish to")))?;
            let message_id = sns.publish_to_phone(call.region, number, draft.check(None)?).await?;
            return Ok(Output { message_id, sequence_number: None });
        }
        let target = target.unwrap_or_default();
        if target.contains(":endpoint/") {
            draft.check(None)?;
            sns.check_endpoint_of_application(call.region, target).await?;
            // Nothing is pushed to devices.
            return Ok(Output { message_id: base::ids::uuid(&*sns.deps.env.rng), sequence_number: None });
        }
        let member = if input.topic_arn.is_some() { "TopicArn" } else { "TargetArn" };
        let topic = sns.topic(call, target, member)?;
        let checked = draft.check(None)?;
        check_order(&topic, draft.group_id.as_deref(), draft.deduplication_id.as_deref())?;
        let Draft { group_id, deduplication_id, .. } = draft;
        let context = call.context(&[]);
        let by = Publisher { caller: &call.caller, request: Some(&context), source_arn: None };
        let ready = Ready { checked, group_id, deduplication_id, once: None };
        let published = sns.publish(&topic, &by, vec![ready]).await?;
        let one = published.into_iter().next().ok_or_else(|| service::ApiError::internal("nothing was published"))?;
        Ok(Output { message_id: one.id, sequence_number: one.sequence })
    }
}
