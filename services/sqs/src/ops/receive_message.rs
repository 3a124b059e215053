//! ReceiveMessage.

use std::collections::BTreeMap;

use datakeys::For;
use serde::{Deserialize, Serialize};

use super::check_range;
use crate::attributes::{VISIBILITY_SECS_MAX, WAIT_SECS_MAX};
use crate::message::{AttributeValue, check_identifier, chosen, md5_of_attributes};
use crate::receive::{Received, Wanted};
use crate::{Error, KEY_CONTEXT};

/// What may be asked for of the server's own attributes.
const SYSTEM: [&str; 10] = [
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    receive_request_attempt_id: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Message {
    message_id: String,
    receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    md5_of_body: String,
    body: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_message_attributes: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<String, AttributeValue>,
}

operation! {
    /// Receives messages, which are hidden from others for a while.
    ReceiveMessage: Input => Output, |sqs, call, input| {
        let live = sqs.queue(call, &input.queue_url, "ReceiveMessage").await?;
        check_range(input.max_number_of_messages, "MaxNumberOfMessages", 1..=10)?;
        check_range(input.visibility_timeout, "VisibilityTimeout", 0..=VISIBILITY_SECS_MAX)?;
        if let Some(secs) = input.wait_time_seconds
            && !(0..=WAIT_SECS_MAX).contains(&secs)
        {
            let reason = format!("Must be >= 0 and <= {WAIT_SECS_MAX}, if provided.");
            return Err(Error::value(secs, "WaitTimeSeconds", &reason).into());
        }
        let asked: Vec<String> =
            input.attribute_names.into_iter().chain(input.message_system_attribute_names).collect();
        if let Some(unknown) = asked.iter().find(|name| !SYSTEM.contains(&name.as_str())) {
            return Err(Error::InvalidAttributeName(unknown.clone()).into());
        }
        if let Some(attempt) = &input.receive_request_attempt_id {
            if !live.is_fifo {
                return Err(Error::queue_type(attempt, "ReceiveRequestAttemptId").into());
            }
            check_identifier("ReceiveRequestAttemptId", attempt)?;
        }
        let setup = live.setup();
        let secs = |given: Option<i64>, name: &str| given.unwrap_or_else(|| setup.number(name)) * 1000;
        let wanted = Wanted {
            max: usize::try_from(input.max_number_of_messages.unwrap_or(1)).unwrap_or(1),
            visibility_ms: secs(input.visibility_timeout, "VisibilityTimeout"),
            wait_ms: secs(input.wait_time_seconds, "ReceiveMessageWaitTimeSeconds"),
            attempt: input.receive_request_attempt_id.as_deref(),
        };
        let context = call.context(&[]);
        let opens = For {
            caller: &call.caller,
            request: Some(&context),
        service: "sqs",
        context: KEY_CONTEXT,
            source_arn: None,
            region: call.region,
            resource_arn: &live.arn,
            reuse_ms: setup.ms("KmsDataKeyReusePeriodSeconds"),
            now_ms: call.time.ms(),
        };
        let received = sqs.receive(&live, &wanted, &opens).await?;
        let shown = |received| shown(received, &asked, &input.message_attribute_names);
        Ok(Output { messages: received.into_iter().map(shown).collect() })
    }
}

fn shown(received: Received, asked: &[String], attribute_names: &[String]) -> Message {
    let Received { handle, entry, content } = received;
    let mut system: BTreeMap<String, String> = BTreeMap::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|_| asked.iter().any(|asked| asked == "All" || asked == name)) {
            system.insert(name.to_owned(), value);
        }
    };
    put("SenderId", Some(content.sender));
    put("SentTimestamp", Some(entry.sent_ms.to_string()));
    put("ApproximateReceiveCount", Some(entry.count.to_string()));
    put("ApproximateFirstReceiveTimestamp", Some(entry.first_ms.to_string()));
    put("SequenceNumber", content.sequence);
    put("MessageDeduplicationId", content.deduplication_id);
    put("MessageGroupId", entry.group.map(|group| group.to_string()));
    put("AWSTraceHeader", content.system.get("AWSTraceHeader").map(|header| header.value.clone()));
    put("DeadLetterQueueSourceArn", content.source_arn);
    let attributes = chosen(&content.attributes, attribute_names);
    Message {
        message_id: content.id,
        receipt_handle: handle,
        md5_of_body: content.md5,
        body: content.body,
        attributes: system,
        md5_of_message_attributes: md5_of_attributes(&attributes),
        message_attributes: attributes.into_iter().map(|(name, value)| (name, value.shown())).collect(),
    }
}
