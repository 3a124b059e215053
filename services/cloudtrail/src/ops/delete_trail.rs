//! DeleteTrail: removes a trail. What it selected before and this call itself are still delivered, with a last digest; its log
//! files stay.

use service::{ApiError, Call, Operation};

use super::{Empty, NameInput};
use crate::CloudTrail;

/// See the module.
pub struct DeleteTrail;

impl Operation for DeleteTrail {
    type Service = CloudTrail;
    type Input = NameInput;
    type Output = Empty;
    const NAME: &'static str = "DeleteTrail";
    const RESOURCE: &'static str = "trail/{Name}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: NameInput) -> Result<Empty, ApiError> {
        let cloudtrail = &*cloudtrail.changes_trail(call, &input.name).await?;
        let changing = cloudtrail.trails.change().await?;
        let found = changing.trail(&input.name, call.region).await?;
        let arn = found.value.arn;
        call.note_resource("AWS::CloudTrail::Trail", &arn);
        changing.ended_by(&call.request_id).remove(&arn, found.rev).await?;
        Ok(Empty {})
    }
}
