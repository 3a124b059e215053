//! RegisterOrganizationDelegatedAdmin: lets a member make and change the trails and event data stores of the organization.

use std::sync::Arc;

use ports::{DelegationError, Delegations};
use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::Empty;
use crate::CloudTrail;
use crate::delivery::worker::PRINCIPAL;
use crate::error::Error;

/// See the module.
pub struct RegisterOrganizationDelegatedAdmin;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    member_account_id: String,
}

impl Operation for RegisterOrganizationDelegatedAdmin {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Empty;
    const NAME: &'static str = "RegisterOrganizationDelegatedAdmin";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, _call: &Call, input: Input) -> Result<Empty, ApiError> {
        let member = input.member_account_id;
        let delegations = manages(cloudtrail)?;
        if *member == *cloudtrail.shared.account {
            let text = "The management account of an organization cannot be registered as a delegated administrator.";
            return Err(Error::CannotDelegateManagementAccountException(text.to_owned()).into());
        }
        let done = delegations.register(&cloudtrail.shared.account, &member, PRINCIPAL).await;
        done.map_err(|error| refusal(error, &member))?;
        Ok(Empty {})
    }
}

/// Who keeps the delegations of the organization that this account manages.
pub(super) fn manages(cloudtrail: &CloudTrail) -> Result<Arc<dyn Delegations>, ApiError> {
    let absent = || {
        let text = "The request could not be processed because your account is not a member of an organization.";
        Error::OrganizationsNotInUseException(text.to_owned())
    };
    let place = cloudtrail.shared.membership().ok_or_else(absent)?;
    if !place.is_management {
        let text = "The request could not be processed because your account is not the management account of the organization.";
        return Err(Error::NotOrganizationManagementAccountException(text.to_owned()).into());
    }
    cloudtrail.check_trust(&place)?;
    let organized = cloudtrail.shared.organized.as_ref().ok_or_else(absent)?;
    Ok(Arc::clone(&organized.delegations))
}

/// What is said if it was not done.
pub(super) fn refusal(error: DelegationError, account: &str) -> ApiError {
    match error {
        DelegationError::NoSuchAccount => {
            let text = format!("The account {account} was not found or is not part of the organization.");
            Error::AccountNotFoundException(text).into()
        }
        DelegationError::Registered => {
            let text =
                format!("The account {account} is already registered as the CloudTrail delegated administrator.");
            Error::AccountRegisteredException(text).into()
        }
        DelegationError::NotRegistered => {
            let text = format!("The account {account} is not registered as the CloudTrail delegated administrator.");
            Error::AccountNotRegisteredException(text).into()
        }
        DelegationError::TooMany => {
            let text = "The maximum number of CloudTrail delegated administrators is reached.";
            Error::DelegatedAdminAccountLimitExceededException(text.to_owned()).into()
        }
        DelegationError::Refused(why) => Error::InvalidParameterException(why).into(),
        DelegationError::Unavailable(error) => ApiError::unavailable(error),
    }
}
