//! CreateChannel: makes a way for events of applications into event data stores.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use super::channels::{KIND, check_destinations};
use super::settings::TagInput;
use super::tags;
use crate::CloudTrail;
use crate::error::Error;
use crate::lake::channel::{self, CHANNELS_PER_REGION_MAX, Channel, Destination, SOURCES, arn_of, check_unique};
use crate::trail::Tag;

/// See the module.
pub struct CreateChannel;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    name: String,
    source: String,
    destinations: Vec<Destination>,
    tags: Option<Vec<TagInput>>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    channel_arn: String,
    name: String,
    source: String,
    destinations: Vec<Destination>,
    tags: Vec<Tag>,
}

impl Operation for CreateChannel {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreateChannel";
    const RESOURCE: &'static str = "channel/*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        if !SOURCES.contains(&input.source.as_str()) {
            let text =
                format!("The source {} is not valid: it must be Custom, or the name of a partner.", input.source);
            return Err(Error::InvalidSourceException(text).into());
        }
        let mut channel_tags = Vec::new();
        tags::add(&mut channel_tags, input.tags.unwrap_or_default())?;
        // With the right to change stores, so that none of the destinations is deleted meanwhile.
        let _stores = cloudtrail.lake.stores.change().await?;
        check_destinations(cloudtrail, call, &input.destinations).await?;
        let here = channel::of_region(cloudtrail, call.region).await?;
        let id = base::ids::uuid(&*cloudtrail.shared.env.rng);
        check_unique(&here, &id, &input.name)?;
        // AWS allows one channel for each source. Whoever has many applications of their own may have many for those here.
        if input.source != SOURCES[0] && here.iter().any(|other| other.source == input.source) {
            let text = format!("There is a channel for the source {} already.", input.source);
            return Err(Error::ChannelMaxLimitExceededException(text).into());
        }
        if here.len() >= CHANNELS_PER_REGION_MAX {
            let text = format!("Your account has used the maximum number of channels: {CHANNELS_PER_REGION_MAX}.");
            return Err(Error::ChannelMaxLimitExceededException(text).into());
        }
        let channel = Channel {
            version: 1,
            arn: arn_of(call.region, &call.account, &id),
            id,
            name: input.name,
            region: call.region,
            source: input.source,
            destinations: input.destinations,
            tags: channel_tags,
        };
        call.note_resource(KIND, &channel.arn);
        channel::put(cloudtrail, &channel, None).await?;
        let Channel { arn, name, source, destinations, tags, .. } = channel;
        Ok(Output { channel_arn: arn, name, source, destinations, tags })
    }
}
