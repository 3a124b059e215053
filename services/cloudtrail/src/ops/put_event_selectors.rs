//! PutEventSelectors: replaces what a trail selects. Takes effect for calls that finish after it.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::CloudTrail;
use crate::selectors::{AdvancedEventSelector, EventSelector, rules};

/// See the module.
pub struct PutEventSelectors;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    trail_name: String,
    event_selectors: Option<Vec<EventSelector>>,
    advanced_event_selectors: Option<Vec<AdvancedEventSelector>>,
}

/// The answer, also of GetEventSelectors.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "TrailARN")]
    pub(super) trail_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_selectors: Option<Vec<EventSelector>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advanced_event_selectors: Option<Vec<AdvancedEventSelector>>,
}

impl Operation for PutEventSelectors {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutEventSelectors";
    const RESOURCE: &'static str = "trail/{TrailName}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let cloudtrail = &*cloudtrail.changes_trail(call, &input.trail_name).await?;
        let changing = cloudtrail.trails.change().await?;
        let found = changing.trail(&input.trail_name, call.region).await?;
        let mut trail = found.value;
        call.note_resource("AWS::CloudTrail::Trail", &trail.arn);
        trail.selectors = rules::check(input.event_selectors, input.advanced_event_selectors)?;
        let trail = changing.write(trail, Some(found.rev)).await?;
        Ok(Output {
            event_selectors: trail.selectors.basic(),
            advanced_event_selectors: trail.selectors.advanced(),
            trail_arn: trail.arn,
        })
    }
}
