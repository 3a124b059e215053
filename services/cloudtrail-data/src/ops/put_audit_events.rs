//! PutAuditEvents: keeps events of an application in the event data stores behind a channel. Each event is taken or refused by itself.

use std::collections::BTreeSet;

use ports::{AccessRequest, ChannelError, Sent};
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::event::{self, Through};
use crate::{CloudTrailData, Error};

/// The most bytes of events in a request. Source: CloudTrail Data API reference, PutAuditEvents.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// See the module.
pub struct PutAuditEvents;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    audit_events: Vec<AuditEvent>,
    channel_arn: String,
    external_id: Option<String>,
}

/// An event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    event_data: String,
    event_data_checksum: Option<String>,
    id: String,
}

/// The answer: what became of each event.
#[derive(Serialize)]
pub struct Output {
    failed: Vec<Failed>,
    successful: Vec<Successful>,
}

/// An event that was not taken.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    error_code: &'static str,
    error_message: String,
    id: String,
}

/// An event that was taken.
#[derive(Serialize)]
pub struct Successful {
    #[serde(rename = "eventID")]
    event_id: String,
    id: String,
}

/// The model's bound on error messages, in characters.
const MESSAGE_CHARS_MAX: usize = 1_024;

impl Operation for PutAuditEvents {
    type Service = CloudTrailData;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutAuditEvents";
    const RESOURCE: &'static str = "{channelArn}";

    async fn run(service: &CloudTrailData, call: &Call, input: Input) -> Result<Output, ApiError> {
        let context = call.context(&[]);
        let request = AccessRequest {
            caller: &call.caller,
            action: "cloudtrail-data:PutAuditEvents",
            resource: &input.channel_arn,
            context: &context,
        };
        let channel = service.channels.open(&request, input.external_id.as_deref()).await;
        let channel = channel.map_err(|error| refusal(error, &input.channel_arn))?;
        let bytes: usize = input.audit_events.iter().map(|event| event.event_data.len()).sum();
        if bytes > REQUEST_BYTES_MAX {
            let text = format!("The events of a request can have at most {REQUEST_BYTES_MAX} bytes together.");
            return Err(Error::ValidationException(text).into());
        }
        let mut ids = BTreeSet::new();
        if let Some(twice) = input.audit_events.iter().find(|event| !ids.insert(event.id.as_str())) {
            let text = format!("Two or more entries in the request have the same event ID: {}", twice.id);
            return Err(Error::DuplicatedAuditEventId(text).into());
        }
        let through = Through {
            channel_arn: &channel.arn,
            region: channel.region,
            account: &channel.account,
            now: service.env.clock.now(),
        };
        let mut output = Output { failed: Vec::new(), successful: Vec::new() };
        let mut sent = Sent::default();
        for event in input.audit_events {
            let event_id = base::ids::uuid(&*service.env.rng);
            match event::record(&event.event_data, event.event_data_checksum.as_deref(), &event_id, through) {
                Ok(record) => {
                    sent.records.push((event_id.clone(), record));
                    output.successful.push(Successful { event_id, id: event.id });
                }
                Err(refusal) => {
                    sent.error.get_or_insert_with(|| refusal.code.to_owned());
                    let error_message = refusal.message.chars().take(MESSAGE_CHARS_MAX).collect();
                    output.failed.push(Failed { error_code: refusal.code, error_message, id: event.id });
                }
            }
        }
        service.channels.keep(&channel, sent).await?;
        Ok(output)
    }
}

fn refusal(error: ChannelError, arn: &str) -> ApiError {
    match error {
        ChannelError::Invalid => {
            Error::InvalidChannelARN(format!("The specified channel ARN is not a valid channel ARN: {arn}")).into()
        }
        ChannelError::NotFound => Error::ChannelNotFound(format!("The channel could not be found: {arn}")).into(),
        ChannelError::Denied => Error::ChannelInsufficientPermission(format!(
            "The caller's account ID must be the same as the channel owner's account ID, and the channel's policy must let it: {arn}"
        ))
        .into(),
        ChannelError::Unavailable(error) => ApiError::unavailable(error),
    }
}
