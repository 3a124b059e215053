//! AddTags: adds tags to a trail, over those with the same keys.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::settings::TagInput;
use super::{Empty, tags};
use crate::CloudTrail;

/// See the module.
pub struct AddTags;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    resource_id: String,
    tags_list: Vec<TagInput>,
}

impl Operation for AddTags {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Empty;
    const NAME: &'static str = "AddTags";
    const RESOURCE: &'static str = "trail/{ResourceId}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Empty, ApiError> {
        let arn = tags::resource(cloudtrail, &input.resource_id)?;
        call.note_resource("AWS::CloudTrail::Trail", &arn);
        cloudtrail.trails.change_tags(&arn, |tags| tags::add(tags, input.tags_list)).await?;
        Ok(Empty {})
    }
}
