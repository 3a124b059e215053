//! DisableAWSServiceAccess: ends a service's access to the organization.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::constraint;
use crate::ops::trusted_services::check;
use crate::records::Organization;

/// Ends a service's access to the organization.
pub struct DisableAWSServiceAccess;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    service_principal: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for DisableAWSServiceAccess {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DisableAWSServiceAccess";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let service = input.service_principal;
        organizations
            .store
            .change(|world, draft| {
                let organization = access::full_manager(world, call)?;
                check(&service)?;
                let mut members = world.members(&organization.id);
                if members.any(|(_, member)| member.delegations.iter().any(|delegation| delegation.service == service)) {
                    let text = "You cannot disable access of a service that has a delegated administrator. Deregister all delegated \
                                administrators for the service first.";
                    return Err(constraint("DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE", text));
                }
                if organization.services.iter().any(|trusted| trusted.service == service) {
                    let mut changed = Organization::clone(organization);
                    changed.services.retain(|trusted| trusted.service != service);
                    draft.organization(changed);
                }
                Ok(Output {})
            })
            .await
    }
}
