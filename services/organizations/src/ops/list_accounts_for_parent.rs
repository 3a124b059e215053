//! ListAccountsForParent: lists the accounts right below the root or a unit.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::paging::page;
use crate::views::AccountView;

/// Lists the accounts right below the root or a unit.
pub struct ListAccountsForParent;

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
    accounts: Vec<AccountView>,
    next_token: Option<String>,
}

impl Operation for ListAccountsForParent {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListAccountsForParent";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        if !world.is_parent(organization, &input.parent_id) {
            return Err(Error::ParentNotFoundException.into());
        }
        let items: Vec<_> =
            world.members(&organization.id).filter(|(_, member)| member.parent == input.parent_id).collect();
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
