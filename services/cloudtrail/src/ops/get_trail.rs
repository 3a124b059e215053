//! GetTrail: the settings of one trail.

use serde::Serialize;
use service::{ApiError, Call, Operation};

use super::NameInput;
use super::view::TrailView;
use crate::CloudTrail;

/// See the module.
pub struct GetTrail;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    trail: TrailView,
}

impl Operation for GetTrail {
    type Service = CloudTrail;
    type Input = NameInput;
    type Output = Output;
    const NAME: &'static str = "GetTrail";
    const RESOURCE: &'static str = "trail/{Name}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: NameInput) -> Result<Output, ApiError> {
        let cloudtrail = &*cloudtrail.shows_trail(call, &input.name).await?;
        Ok(Output { trail: cloudtrail.trails.find(&input.name, call.region).await?.into() })
    }
}
