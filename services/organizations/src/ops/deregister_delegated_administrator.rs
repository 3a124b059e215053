//! DeregisterDelegatedAdministrator: ends what RegisterDelegatedAdministrator began.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::ops::trusted_services::check;
use crate::records::Account;

/// Ends what RegisterDelegatedAdministrator began.
pub struct DeregisterDelegatedAdministrator;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    account_id: String,
    service_principal: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for DeregisterDelegatedAdministrator {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeregisterDelegatedAdministrator";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:account/o-*/{AccountId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        deregister(organizations, &call.account, &input.account_id, &input.service_principal).await?;
        Ok(Output {})
    }
}

/// Does it for the account that manages the organization.
pub(crate) async fn deregister(
    organizations: &Organizations,
    manager: &str,
    account_id: &str,
    service: &str,
) -> Result<(), ApiError> {
    organizations
        .store
        .change(|world, draft| {
            let organization = access::full_manager_of(world, manager)?;
            check(service)?;
            let (account, member) = world.member(organization, account_id).ok_or(Error::AccountNotFoundException)?;
            let mut member = member.clone();
            let before = member.delegations.len();
            member.delegations.retain(|delegation| delegation.service != service);
            if member.delegations.len() == before {
                return Err(Error::AccountNotRegisteredException.into());
            }
            draft.account(Account { member: Some(member), ..(**account).clone() });
            Ok(())
        })
        .await
}
