//! RemoveAccountFromOrganization: takes a member out of the organization. It stays an account.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::joining::leave;

/// Takes a member out of the organization.
pub struct RemoveAccountFromOrganization;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    account_id: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for RemoveAccountFromOrganization {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "RemoveAccountFromOrganization";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:account/o-*/{AccountId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let organization = access::manager(world, call)?;
                let (account, _) =
                    world.member(organization, &input.account_id).ok_or(Error::AccountNotFoundException)?;
                leave(world, draft, account, call.time)?;
                Ok(Output {})
            })
            .await
    }
}
