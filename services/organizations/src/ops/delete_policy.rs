//! DeletePolicy: removes a policy that is attached nowhere.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::world::attached;

/// Removes a policy that is attached nowhere.
pub struct DeletePolicy;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_id: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for DeletePolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeletePolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let (organization, policy) = access::own_policy(world, call, &input.policy_id)?;
                let mut targets = world.targets(organization);
                if targets.any(|target| attached(organization, target.attached(), policy.kind).contains(&policy.id)) {
                    return Err(Error::PolicyInUseException.into());
                }
                draft.remove_policy(&policy.id);
                Ok(Output {})
            })
            .await
    }
}
