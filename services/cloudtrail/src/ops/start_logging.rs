//! StartLogging: from here on the trail records. This call itself is the first that it may select.

use service::{ApiError, Call, Operation};

use super::{Empty, NameInput};
use crate::CloudTrail;

/// See the module.
pub struct StartLogging;

impl Operation for StartLogging {
    type Service = CloudTrail;
    type Input = NameInput;
    type Output = Empty;
    const NAME: &'static str = "StartLogging";
    const RESOURCE: &'static str = "trail/{Name}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: NameInput) -> Result<Empty, ApiError> {
        let cloudtrail = &*cloudtrail.changes_trail(call, &input.name).await?;
        cloudtrail.follow_members().await?;
        let changing = cloudtrail.trails.change().await?;
        let found = changing.trail(&input.name, call.region).await?;
        let mut trail = found.value;
        call.note_resource("AWS::CloudTrail::Trail", &trail.arn);
        if !trail.logging {
            trail.logging = true;
            trail.started_ms = Some(cloudtrail.shared.env.clock.now().ms());
            changing.write(trail, Some(found.rev)).await?;
        }
        Ok(Empty {})
    }
}
