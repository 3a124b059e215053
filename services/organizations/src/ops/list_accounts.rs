//! ListAccounts: lists the accounts of the organization.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::paging::page;
use crate::views::AccountView;

/// Lists the accounts of the organization.
pub struct ListAccounts;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    accounts: Vec<AccountView>,
    next_token: Option<String>,
}

impl Operation for ListAccounts {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListAccounts";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let items: Vec<_> = world.members(&organization.id).collect();
        let (accounts, next_token) =
            page(items, |(account, _)| account.id.clone(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output {
            accounts: accounts
                .into_iter()
                .map(|(account, member)| AccountView::new(&world, organization, account, member, call.time))
                .collect(),
            next_token,
        })
    }
}
