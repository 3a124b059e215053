//! StopLogging: from here on the trail records nothing. What it selected before and this call itself are delivered, with a last
//! digest, once the call is answered.

use service::{ApiError, Call, Operation};

use super::{Empty, NameInput};
use crate::CloudTrail;

/// See the module.
pub struct StopLogging;

impl Operation for StopLogging {
    type Service = CloudTrail;
    type Input = NameInput;
    type Output = Empty;
    const NAME: &'static str = "StopLogging";
    const RESOURCE: &'static str = "trail/{Name}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: NameInput) -> Result<Empty, ApiError> {
        let cloudtrail = &*cloudtrail.changes_trail(call, &input.name).await?;
        let changing = cloudtrail.trails.change().await?;
        let found = changing.trail(&input.name, call.region).await?;
        let mut trail = found.value;
        call.note_resource("AWS::CloudTrail::Trail", &trail.arn);
        if trail.logging {
            trail.logging = false;
            trail.stopped_ms = Some(cloudtrail.shared.env.clock.now().ms());
            changing.ended_by(&call.request_id).write(trail, Some(found.rev)).await?;
        }
        Ok(Empty {})
    }
}
