//! UpdateChannel: changes the name or the destinations of a channel.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::channels::{KIND, check_destinations, find};
use crate::CloudTrail;
use crate::lake::channel::{self, Channel, Destination, check_unique};

/// See the module.
pub struct UpdateChannel;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    channel: String,
    destinations: Option<Vec<Destination>>,
    name: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    channel_arn: String,
    name: String,
    source: String,
    destinations: Vec<Destination>,
}

impl Operation for UpdateChannel {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "UpdateChannel";
    const RESOURCE: &'static str = "channel/{Channel}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let _stores = cloudtrail.lake.stores.change().await?;
        let found = find(cloudtrail, call, &input.channel).await?;
        let mut channel = found.value;
        call.note_resource(KIND, &channel.arn);
        if let Some(name) = input.name {
            check_unique(&channel::of_region(cloudtrail, call.region).await?, &channel.id, &name)?;
            channel.name = name;
        }
        if let Some(destinations) = input.destinations {
            check_destinations(cloudtrail, call, &destinations).await?;
            channel.destinations = destinations;
        }
        channel::put(cloudtrail, &channel, Some(found.rev)).await?;
        let Channel { arn, name, source, destinations, .. } = channel;
        Ok(Output { channel_arn: arn, name, source, destinations })
    }
}
