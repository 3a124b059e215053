//! EnableAWSServiceAccess: lets a service work in all accounts of the organization. Enabling it again changes nothing.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::ops::trusted_services::check;
use crate::records::{Delegation, Organization};

/// Lets a service work in all accounts of the organization.
pub struct EnableAWSServiceAccess;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    service_principal: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for EnableAWSServiceAccess {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "EnableAWSServiceAccess";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let service = input.service_principal;
        organizations
            .store
            .change(|world, draft| {
                let organization = access::full_manager(world, call)?;
                check(&service)?;
                if !organization.services.iter().any(|trusted| trusted.service == service) {
                    let mut changed = Organization::clone(organization);
                    changed.services.push(Delegation { service, since: call.time });
                    draft.organization(changed);
                }
                Ok(Output {})
            })
            .await
    }
}
