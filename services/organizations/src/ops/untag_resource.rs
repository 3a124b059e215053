//! UntagResource: removes tags from the root, a unit, an account, a policy or the organization's own policy.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::ops::tagged;
use crate::tags;

/// Removes tags from the root, a unit, an account, a policy or the organization's own policy.
pub struct UntagResource;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    resource_id: String,
    tag_keys: Vec<String>,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for UntagResource {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "UntagResource";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { resource_id, tag_keys } = input;
        organizations
            .store
            .change(|world, draft| {
                let (organization, tagged) = tagged::find(world, call, &resource_id, access::may)?;
                tags::refuse_system_tags(tag_keys.iter().map(String::as_str))?;
                let mut tags = tagged.tags().to_vec();
                tags.retain(|tag| !tag_keys.contains(&tag.key));
                tagged.put(draft, organization, tags);
                Ok(Output {})
            })
            .await
    }
}
