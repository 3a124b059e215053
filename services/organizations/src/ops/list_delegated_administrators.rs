//! ListDelegatedAdministrators: lists the delegated administrators, of one service or of any.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::paging::page;
use crate::views::AdministratorView;

/// Lists the delegated administrators, of one service or of any.
pub struct ListDelegatedAdministrators;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    service_principal: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    delegated_administrators: Vec<AdministratorView>,
    next_token: Option<String>,
}

impl Operation for ListDelegatedAdministrators {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListDelegatedAdministrators";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let items: Vec<_> = world
            .members(&organization.id)
            .filter(|(_, member)| match &input.service_principal {
                Some(service) => member.delegations.iter().any(|delegation| delegation.service == *service),
                None => !member.delegations.is_empty(),
            })
            .map(|(account, member)| AdministratorView::new(organization, account, member, call.time))
            .collect();
        let (delegated_administrators, next_token) =
            page(items, |administrator| administrator.id.clone(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { delegated_administrators, next_token })
    }
}
