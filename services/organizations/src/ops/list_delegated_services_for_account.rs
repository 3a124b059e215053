//! ListDelegatedServicesForAccount: lists the services that a member administers for the organization.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::paging::page;

/// Lists the services that a member administers for the organization.
pub struct ListDelegatedServicesForAccount;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    account_id: String,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    delegated_services: Vec<DelegatedService>,
    next_token: Option<String>,
}

impl Operation for ListDelegatedServicesForAccount {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListDelegatedServicesForAccount";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:account/o-*/{AccountId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let (_, member) = world.member(organization, &input.account_id).ok_or(Error::AccountNotFoundException)?;
        if member.delegations.is_empty() {
            return Err(Error::AccountNotRegisteredException.into());
        }
        let items: Vec<_> = member
            .delegations
            .iter()
            .map(|delegation| DelegatedService {
                service_principal: delegation.service.clone(),
                delegation_enabled_date: delegation.since,
            })
            .collect();
        let (delegated_services, next_token) =
            page(items, |service| service.service_principal.clone(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { delegated_services, next_token })
    }
}

/// The modelled `DelegatedService`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DelegatedService {
    service_principal: String,
    delegation_enabled_date: Timestamp,
}
