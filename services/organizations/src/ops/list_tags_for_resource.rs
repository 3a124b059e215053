//! ListTagsForResource: lists the tags of the root, a unit, an account, a policy or the organization's own policy.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::invalid;
use crate::ops::tagged;
use crate::tags::Tag;

/// Lists the tags of the root, a unit, an account, a policy or the organization's own policy.
pub struct ListTagsForResource;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    resource_id: String,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    tags: Vec<Tag>,
    next_token: Option<String>,
}

impl Operation for ListTagsForResource {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListTagsForResource";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        access::reader(&world, call)?;
        // As many tags as a resource may have fit on a page, so that no token was ever given out.
        if input.next_token.is_some() {
            return Err(invalid("INVALID_NEXT_TOKEN", "The provided token is invalid."));
        }
        let (_, tagged) = tagged::find(&world, call, &input.resource_id, |_, _, _, _| Ok(()))?;
        Ok(Output { tags: tagged.tags().to_vec(), next_token: None })
    }
}
