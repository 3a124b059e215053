//! DescribeAccount: shows an account of the organization.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::views::AccountView;

/// Shows an account of the organization.
pub struct DescribeAccount;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    account_id: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    account: AccountView,
}

impl Operation for DescribeAccount {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DescribeAccount";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:account/o-*/{AccountId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let found = world.member(organization, &input.account_id);
        let (account, member) = found.ok_or(Error::AccountNotFoundException)?;
        Ok(Output { account: AccountView::new(&world, organization, account, member, call.time) })
    }
}
