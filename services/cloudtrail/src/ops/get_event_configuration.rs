//! GetEventConfiguration: what PutEventConfiguration set for a trail or an event data store.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::event_configuration::{Output, read, target};
use crate::CloudTrail;

/// See the module.
pub struct GetEventConfiguration;

/// The request: one of both.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    trail_name: Option<String>,
    event_data_store: Option<String>,
}

impl Operation for GetEventConfiguration {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetEventConfiguration";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let target = target(cloudtrail, call, input.trail_name.as_deref(), input.event_data_store.as_deref()).await?;
        let configuration = read(cloudtrail, target.arn()).await?;
        Ok(target.shown(configuration))
    }
}
