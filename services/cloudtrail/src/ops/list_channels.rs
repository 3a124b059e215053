//! ListChannels: ARN and name of the channels of the region, by UUID.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::CloudTrail;
use crate::lake::channel::{self, Channel};
use crate::lake::paging::{page, page_size};

/// See the module.
pub struct ListChannels;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    channels: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A channel.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    channel_arn: String,
    name: String,
}

impl Operation for ListChannels {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListChannels";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let max = page_size(input.max_results)?;
        let here = channel::of_region(cloudtrail, call.region).await?;
        let token = input.next_token.as_deref();
        let page = page(here, |channel| &channel.id, token, max)?;
        let listed = |channel: Channel| Listed { channel_arn: channel.arn, name: channel.name };
        Ok(Output { channels: page.items.into_iter().map(listed).collect(), next_token: page.next_token })
    }
}
