//! RemoveTags: removes tags from a trail, an event data store, a channel or a dashboard. A tag given with a value goes only if it has that value; absent tags are no error.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::Empty;
use super::settings::TagInput;
use super::tags::Tagged;
use crate::CloudTrail;

/// See the module.
pub struct RemoveTags;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    resource_id: String,
    tags_list: Vec<TagInput>,
}

impl Operation for RemoveTags {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Empty;
    const NAME: &'static str = "RemoveTags";
    const RESOURCE: &'static str = "trail/{ResourceId}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Empty, ApiError> {
        let cloudtrail = &*cloudtrail.changes_trail(call, &input.resource_id).await?;
        let tagged = Tagged::parse(cloudtrail, call, &input.resource_id)?;
        tagged.note(call);
        let gone = input.tags_list;
        let remove = |tags: &mut Vec<crate::trail::Tag>| {
            tags.retain(|tag| {
                !gone.iter().any(|gone| gone.key == tag.key && (gone.value.is_none() || gone.value == tag.value))
            });
            Ok(())
        };
        tagged.change(cloudtrail, call, remove).await?;
        Ok(Empty {})
    }
}
