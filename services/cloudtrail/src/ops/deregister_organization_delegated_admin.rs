//! DeregisterOrganizationDelegatedAdmin: ends what RegisterOrganizationDelegatedAdmin began. What the account made for the organization
//! stays.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::Empty;
use super::register_organization_delegated_admin::{manages, refusal};
use crate::CloudTrail;
use crate::delivery::worker::PRINCIPAL;

/// See the module.
pub struct DeregisterOrganizationDelegatedAdmin;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    delegated_admin_account_id: String,
}

impl Operation for DeregisterOrganizationDelegatedAdmin {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Empty;
    const NAME: &'static str = "DeregisterOrganizationDelegatedAdmin";
    const RESOURCE: &'static str = "*";

    async fn run(cloudtrail: &CloudTrail, _call: &Call, input: Input) -> Result<Empty, ApiError> {
        let account = input.delegated_admin_account_id;
        let delegations = manages(cloudtrail)?;
        let done = delegations.deregister(&cloudtrail.shared.account, &account, PRINCIPAL).await;
        done.map_err(|error| refusal(error, &account))?;
        Ok(Empty {})
    }
}
