//! TagResource: sets tags on the root, a unit, an account, a policy or the organization's own policy.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::ops::tagged;
use crate::tags::{self, Tag};

/// Sets tags on the root, a unit, an account, a policy or the organization's own policy.
pub struct TagResource;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    resource_id: String,
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for TagResource {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "TagResource";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { resource_id, tags: new } = input;
        organizations
            .store
            .change(|world, draft| {
                let (organization, tagged) = tagged::find(world, call, &resource_id, access::may)?;
                let tags = tags::merged(tagged.tags(), new)?;
                tagged.put(draft, organization, tags);
                Ok(Output {})
            })
            .await
    }
}
