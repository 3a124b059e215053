//! ListOrganizationalUnitsForParent: lists the units right below the root or a unit.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::paging::page;
use crate::views::UnitView;

/// Lists the units right below the root or a unit.
pub struct ListOrganizationalUnitsForParent;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    parent_id: String,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    organizational_units: Vec<UnitView>,
    next_token: Option<String>,
}

impl Operation for ListOrganizationalUnitsForParent {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListOrganizationalUnitsForParent";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        if !world.is_parent(organization, &input.parent_id) {
            return Err(Error::ParentNotFoundException.into());
        }
        let items: Vec<_> = world
            .units_in(&organization.id, &input.parent_id)
            .into_iter()
            .map(|unit| UnitView::new(&world, organization, unit))
            .collect();
        let (organizational_units, next_token) =
            page(items, |unit| unit.id.clone(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { organizational_units, next_token })
    }
}
