//! ListParents: names the root or unit that an account or unit is in.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::paging::page;

/// Names the root or unit that an account or unit is in.
pub struct ListParents;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    child_id: String,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    parents: Vec<Parent>,
    next_token: Option<String>,
}

impl Operation for ListParents {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListParents";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let target = world.target(organization, &input.child_id);
        let parent = target.and_then(|target| target.parent()).ok_or(Error::ChildNotFoundException)?;
        let kind = if parent == organization.root { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
        let items: Vec<_> = vec![Parent { id: parent.to_owned(), r#type: kind }];
        let (parents, next_token) =
            page(items, |parent| parent.id.clone(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { parents, next_token })
    }
}

/// The modelled `Parent`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parent {
    id: String,
    r#type: &'static str,
}
