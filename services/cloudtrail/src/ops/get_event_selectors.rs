//! GetEventSelectors: what a trail selects.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::put_event_selectors::Output;
use crate::CloudTrail;

/// See the module.
pub struct GetEventSelectors;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    trail_name: String,
}

impl Operation for GetEventSelectors {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetEventSelectors";
    const RESOURCE: &'static str = "trail/{TrailName}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let cloudtrail = &*cloudtrail.shows_trail(call, &input.trail_name).await?;
        let trail = cloudtrail.trails.find(&input.trail_name, call.region).await?;
        Ok(Output {
            event_selectors: trail.selectors.basic(),
            advanced_event_selectors: trail.selectors.advanced(),
            trail_arn: trail.arn,
        })
    }
}
