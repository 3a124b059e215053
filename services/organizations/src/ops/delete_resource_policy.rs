//! DeleteResourcePolicy: removes the organization's own policy.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::records::Organization;

/// Removes the organization's own policy.
pub struct DeleteResourcePolicy;

/// See the model.
#[derive(Deserialize)]
pub struct Input {}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for DeleteResourcePolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteResourcePolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, _input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let organization = access::full_manager(world, call)?;
                if organization.resource_policy.is_none() {
                    return Err(Error::ResourcePolicyNotFoundException.into());
                }
                draft.organization(Organization { resource_policy: None, ..(**organization).clone() });
                Ok(Output {})
            })
            .await
    }
}
