//! RegisterDelegatedAdministrator: lets a member administer a service for the organization, and read about the organization.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::{Error, constraint};
use crate::ops::trusted_services::{check, delegates_max};
use crate::records::{Account, Delegation, Member};

/// Lets a member administer a service for the organization, and read about the organization.
pub struct RegisterDelegatedAdministrator;

/// What is said to one too many.
pub(crate) const TOO_MANY: &str =
    "You have exceeded the allowed number of delegated administrators for the delegated service.";

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

impl Operation for RegisterDelegatedAdministrator {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "RegisterDelegatedAdministrator";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:account/o-*/{AccountId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        register(organizations, &call.account, &input.account_id, &input.service_principal).await?;
        Ok(Output {})
    }
}

/// Does it for the account that manages the organization.
pub(crate) async fn register(
    organizations: &Organizations,
    manager: &str,
    account_id: &str,
    service: &str,
) -> Result<(), ApiError> {
    let now = organizations.env.clock.now();
    organizations
            .store
            .change(|world, draft| {
                let organization = access::full_manager_of(world, manager)?;
                check(service)?;
                let (account, member) = world.member(organization, account_id).ok_or(Error::AccountNotFoundException)?;
                if account.id == organization.management {
                    let text = "You cannot register master account/yourself as delegated administrator for your organization.";
                    return Err(constraint("CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", text));
                }
                if account.closed.is_some() {
                    let text = "You can't register a suspended account as a delegated administrator.";
                    return Err(constraint("CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR", text));
                }
                if !organization.services.iter().any(|trusted| trusted.service == service) {
                    let text = "You must enable service access before you delegate an administrator for this service. Call the \
                                AWS API EnableAWSServiceAccess first.";
                    return Err(constraint("SERVICE_ACCESS_NOT_ENABLED", text));
                }
                let has = |member: &Member| member.delegations.iter().any(|delegation| delegation.service == service);
                if has(member) {
                    return Err(Error::AccountAlreadyRegisteredException.into());
                }
                let others = world.members(&organization.id).filter(|(_, member)| has(member)).count();
                if others >= delegates_max(service) {
                    return Err(constraint("MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED", TOO_MANY));
                }
                let mut member = member.clone();
                member.delegations.push(Delegation { service: service.to_owned(), since: now });
                draft.account(Account { member: Some(member), ..(**account).clone() });
                Ok(())
            })
            .await
}
