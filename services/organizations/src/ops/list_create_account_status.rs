//! ListCreateAccountStatus: lists requests for accounts of the last 90 days.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::paging::page;
use crate::records::CreationState;
use crate::views::CreationView;

/// Lists requests for accounts of the last 90 days.
pub struct ListCreateAccountStatus;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    states: Option<Vec<CreationState>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    create_account_statuses: Vec<CreationView>,
    next_token: Option<String>,
}

impl Operation for ListCreateAccountStatus {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListCreateAccountStatus";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let items: Vec<_> = world
            .creations
            .values()
            .filter(|creation| creation.organization == organization.id)
            .filter(|creation| input.states.as_ref().is_none_or(|states| states.contains(&creation.state)))
            .map(|creation| CreationView::new(creation))
            .collect();
        let (create_account_statuses, next_token) =
            page(items, |creation| creation.id.clone(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { create_account_statuses, next_token })
    }
}
