//! GetInsightSelectors: no trail has insight selectors yet, so the answer is the one for a trail without them.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::Empty;
use crate::CloudTrail;
use crate::error::Error;

/// See the module.
pub struct GetInsightSelectors;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    trail_name: Option<String>,
    event_data_store: Option<String>,
}

impl Operation for GetInsightSelectors {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Empty;
    const NAME: &'static str = "GetInsightSelectors";
    const RESOURCE: &'static str = "trail/{TrailName}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Empty, ApiError> {
        let trail = match (input.trail_name, input.event_data_store) {
            (Some(name), None) => cloudtrail.shows_trail(call, &name).await?.trails.find(&name, call.region).await?,
            (Some(_), Some(_)) => {
                let text = "You cannot specify both TrailName and EventDataStore.";
                return Err(Error::InvalidParameterCombinationException(text.to_owned()).into());
            }
            (None, Some(store)) => {
                let text = format!("Event data store {store} does not have Insights enabled.");
                return Err(Error::InsightNotEnabledException(text).into());
            }
            (None, None) => {
                let text = "You must specify either TrailName or EventDataStore.";
                return Err(Error::InvalidParameterException(text.to_owned()).into());
            }
        };
        let text = format!("Trail {} does not have Insights enabled.", trail.arn);
        Err(Error::InsightNotEnabledException(text).into())
    }
}
