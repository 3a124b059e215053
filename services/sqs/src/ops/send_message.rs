//! SendMessage, SendMessageBatch.

use std::collections::BTreeMap;

use datakeys::For;
use serde::{Deserialize, Serialize};
use service::Call;

use super::{BatchResultErrorEntry, check_batch};
use crate::attributes::{DELAY_SECS_MAX, MESSAGE_BYTES_MAX};
use crate::message::{
    AttributeValue, check_body, check_identifier, checked_attributes, checked_system, md5_hex, md5_of_attributes,
    size_bytes,
};
use crate::queue::{Live, Sent};
use crate::send::{Outgoing, Sender, content_id};
use crate::{Error, KEY_CONTEXT};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    queue_url: String,
    message_body: String,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, AttributeValue>,
    #[serde(default)]
    message_system_attributes: BTreeMap<String, AttributeValue>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_message_body: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_message_attributes: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_message_system_attributes: Option<String>,
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchInput {
    queue_url: String,
    #[serde(default)]
    entries: Vec<Entry>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    id: String,
    message_body: String,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, AttributeValue>,
    #[serde(default)]
    message_system_attributes: BTreeMap<String, AttributeValue>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchOutput {
    successful: Vec<Successful>,
    failed: Vec<BatchResultErrorEntry>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Successful {
    id: String,
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_message_body: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_message_attributes: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_message_system_attributes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

/// The digests of a message.
struct Digests {
    body: String,
    attributes: Option<String>,
    system: Option<String>,
}

impl Digests {
    fn of(message: &Outgoing) -> Digests {
        Digests {
            body: md5_hex(message.body.as_bytes()),
            attributes: md5_of_attributes(&message.attributes),
            system: md5_of_attributes(&message.system),
        }
    }
}

/// What an entry of either operation says, as far as the queue takes it.
fn checked(live: &Live, entry: Entry) -> Result<Outgoing, Error> {
    check_body(&entry.message_body)?;
    let mut message = Outgoing {
        body: entry.message_body,
        attributes: checked_attributes(entry.message_attributes)?,
        system: checked_system(entry.message_system_attributes)?,
        delay_ms: entry.delay_seconds.map(|secs| secs * 1000),
        group: entry.message_group_id,
        deduplication_id: entry.message_deduplication_id,
    };
    let setup = live.setup();
    let most = setup.number("MaximumMessageSize");
    if size_bytes(&message.body, &message.attributes) > usize::try_from(most).unwrap_or(usize::MAX) {
        let text = format!("One or more parameters are invalid. Reason: Message must be shorter than {most} bytes.");
        return Err(Error::InvalidParameterValue(text));
    }
    if let Some(secs) = entry.delay_seconds {
        if live.is_fifo && secs != 0 {
            return Err(Error::queue_type(secs, "DelaySeconds"));
        }
        if !(0..=DELAY_SECS_MAX).contains(&secs) {
            let reason = format!("DelaySeconds must be >= 0 and <= {DELAY_SECS_MAX}.");
            return Err(Error::value(secs, "DelaySeconds", &reason));
        }
    }
    if let Some(group) = &message.group {
        check_identifier("MessageGroupId", group)?;
    }
    if let Some(id) = &message.deduplication_id {
        check_identifier("MessageDeduplicationId", id)?;
        if !live.is_fifo {
            return Err(Error::queue_type(id, "MessageDeduplicationId"));
        }
    }
    if live.is_fifo {
        message.delay_ms = None;
        message.group.as_ref().ok_or(Error::MissingParameter("MessageGroupId"))?;
        if message.deduplication_id.is_none() {
            if !setup.is("ContentBasedDeduplication") {
                let text = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
                            explicitly";
                return Err(Error::InvalidParameterValue(text.to_owned()));
            }
            message.deduplication_id = Some(content_id(&message.body));
        }
    }
    Ok(message)
}

/// Runs `send` as the caller of a call.
fn sender<'a>(call: &'a Call, live: &'a Live, context: &'a ports::RequestContext<'a>) -> Sender<'a> {
    let key_user = For {
        caller: &call.caller,
        request: Some(context),
        service: "sqs",
        context: KEY_CONTEXT,
        source_arn: None,
        region: call.region,
        resource_arn: &live.arn,
        reuse_ms: live.setup().ms("KmsDataKeyReusePeriodSeconds"),
        now_ms: call.time.ms(),
    };
    Sender { id: call.caller.principal_id().unwrap_or_default(), key_user }
}

operation! {
    /// Puts a message into a queue.
    SendMessage: Input => Output, |sqs, call, input| {
        let live = sqs.queue(call, &input.queue_url, "SendMessage").await?;
        let message = checked(&live, Entry {
            id: String::new(),
            message_body: input.message_body,
            delay_seconds: input.delay_seconds,
            message_attributes: input.message_attributes,
            message_system_attributes: input.message_system_attributes,
            message_deduplication_id: input.message_deduplication_id,
            message_group_id: input.message_group_id,
        })?;
        let digests = Digests::of(&message);
        let context = call.context(&[]);
        let sent = sqs.put(&live, &sender(call, &live, &context), vec![message]).await?;
        let Some(Sent { id, sequence, .. }) = sent.into_iter().next() else {
            return Err(service::ApiError::internal("nothing was sent"));
        };
        Ok(Output {
            md5_of_message_body: digests.body,
            md5_of_message_attributes: digests.attributes,
            md5_of_message_system_attributes: digests.system,
            message_id: id,
            sequence_number: sequence,
        })
    }
}

operation! {
    /// Puts up to ten messages into a queue, each for itself.
    SendMessageBatch: BatchInput => BatchOutput, |sqs, call, input| {
        let live = sqs.queue(call, &input.queue_url, "SendMessage").await?;
        check_batch("SendMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let mut failed = Vec::new();
        let mut good = Vec::new();
        let mut total_bytes = 0;
        for entry in input.entries {
            total_bytes += entry.message_body.len();
            let id = entry.id.clone();
            match checked(&live, entry) {
                Ok(message) => {
                    total_bytes += size_bytes("", &message.attributes);
                    good.push((id, Digests::of(&message), message));
                }
                Err(error) => failed.push(BatchResultErrorEntry::new(id, error)),
            }
        }
        if total_bytes > usize::try_from(MESSAGE_BYTES_MAX).unwrap_or(usize::MAX) {
            return Err(Error::BatchRequestTooLong(total_bytes).into());
        }
        let (heads, messages): (Vec<_>, Vec<_>) =
            good.into_iter().map(|(id, digests, message)| ((id, digests), message)).unzip();
        let context = call.context(&[]);
        let sent = match messages.is_empty() {
            true => Vec::new(),
            false => sqs.put(&live, &sender(call, &live, &context), messages).await?,
        };
        let successful = heads.into_iter().zip(sent).map(|((id, digests), sent)| Successful {
            id,
            message_id: sent.id,
            md5_of_message_body: digests.body,
            md5_of_message_attributes: digests.attributes,
            md5_of_message_system_attributes: digests.system,
            sequence_number: sent.sequence,
        });
        Ok(BatchOutput { successful: successful.collect(), failed })
    }
}
