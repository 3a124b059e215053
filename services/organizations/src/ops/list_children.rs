//! ListChildren: names the units or the accounts right below the root or a unit.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::paging::page;

/// Names the units or the accounts right below the root or a unit.
pub struct ListChildren;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    parent_id: String,
    child_type: String,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    children: Vec<Child>,
    next_token: Option<String>,
}

impl Operation for ListChildren {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListChildren";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        if !world.is_parent(organization, &input.parent_id) {
            return Err(Error::ParentNotFoundException.into());
        }
        let ids: Vec<&str> = match input.child_type.as_str() {
            "ACCOUNT" => world
                .accounts_in(&organization.id, &input.parent_id)
                .iter()
                .map(|account| account.id.as_str())
                .collect(),
            _ => world.units_in(&organization.id, &input.parent_id).iter().map(|unit| unit.id.as_str()).collect(),
        };
        let items: Vec<_> =
            ids.into_iter().map(|id| Child { id: id.to_owned(), r#type: input.child_type.clone() }).collect();
        let (children, next_token) =
            page(items, |child| child.id.clone(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { children, next_token })
    }
}

/// The modelled `Child`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Child {
    id: String,
    r#type: String,
}
