//! DeleteChannel: removes a channel with its policy. What came in through it stays.

use service::{ApiError, Call, Operation};
use state::Expect;

use super::Empty;
use super::channels::{ChannelInput, KIND, find};
use crate::CloudTrail;
use crate::lake::change::commit_error;
use crate::rows::{self, CHANNELS, INGESTION, RESOURCE_POLICIES};

/// See the module.
pub struct DeleteChannel;

impl Operation for DeleteChannel {
    type Service = CloudTrail;
    type Input = ChannelInput;
    type Output = Empty;
    const NAME: &'static str = "DeleteChannel";
    const RESOURCE: &'static str = "channel/{Channel}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: ChannelInput) -> Result<Empty, ApiError> {
        let found = find(cloudtrail, call, &input.channel).await?;
        let channel = found.value;
        call.note_resource(KIND, &channel.arn);
        let ops = vec![
            rows::delete(CHANNELS, channel.id.as_str(), Expect::Rev(found.rev)),
            rows::delete(INGESTION, channel.id.as_str(), Expect::Any),
            rows::delete(RESOURCE_POLICIES, channel.arn.as_str(), Expect::Any),
        ];
        cloudtrail.shared.state.commit(ops).await.map_err(commit_error)?;
        Ok(Empty {})
    }
}
