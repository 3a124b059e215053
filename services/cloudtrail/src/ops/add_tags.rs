//! AddTags: adds tags to a trail, an event data store, a channel or a dashboard, over those with the same keys.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::Empty;
use super::settings::TagInput;
use super::tags::{self, Tagged};
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
        let cloudtrail = &*cloudtrail.changes_trail(call, &input.resource_id).await?;
        let tagged = Tagged::parse(cloudtrail, call, &input.resource_id)?;
        tagged.note(call);
        tagged.change(cloudtrail, call, |tags| tags::add(tags, input.tags_list)).await?;
        Ok(Empty {})
    }
}
