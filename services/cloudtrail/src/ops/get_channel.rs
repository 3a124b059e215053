//! GetChannel: what a channel is, and how ingestion through it last went.

use base::Timestamp;
use serde::Serialize;
use service::{ApiError, Call, Operation};

use super::channels::{ChannelInput, find};
use crate::CloudTrail;
use crate::lake::channel::{Destination, Ingestion};
use crate::rows::{self, INGESTION};

/// See the module.
pub struct GetChannel;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    channel_arn: String,
    name: String,
    source: String,
    destinations: Vec<Destination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingestion_status: Option<Status>,
}

/// How ingestion last went.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_ingestion_success_time: Option<Timestamp>,
    #[serde(rename = "LatestIngestionSuccessEventID", skip_serializing_if = "Option::is_none")]
    latest_ingestion_success_event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_ingestion_error_code: Option<String>,
    latest_ingestion_attempt_time: Timestamp,
    #[serde(rename = "LatestIngestionAttemptEventID", skip_serializing_if = "Option::is_none")]
    latest_ingestion_attempt_event_id: Option<String>,
}

impl Operation for GetChannel {
    type Service = CloudTrail;
    type Input = ChannelInput;
    type Output = Output;
    const NAME: &'static str = "GetChannel";
    const RESOURCE: &'static str = "channel/{Channel}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: ChannelInput) -> Result<Output, ApiError> {
        let channel = find(cloudtrail, call, &input.channel).await?.value;
        let ingestion = rows::get::<Ingestion>(&*cloudtrail.shared.state, INGESTION, channel.id.as_bytes()).await;
        let status = |found: Ingestion| Status {
            latest_ingestion_success_time: found.success_ms.map(Timestamp::from_ms),
            latest_ingestion_success_event_id: found.success_event,
            latest_ingestion_error_code: found.error,
            latest_ingestion_attempt_time: Timestamp::from_ms(found.attempt_ms),
            latest_ingestion_attempt_event_id: found.attempt_event,
        };
        Ok(Output {
            channel_arn: channel.arn,
            name: channel.name,
            source: channel.source,
            destinations: channel.destinations,
            ingestion_status: ingestion.map_err(ApiError::unavailable)?.map(|found| status(found.value)),
        })
    }
}
