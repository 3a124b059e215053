//! DescribePolicy: shows a policy with its document.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::views::PolicyView;

/// Shows a policy with its document.
pub struct DescribePolicy;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_id: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy: PolicyView,
}

impl Operation for DescribePolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DescribePolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let policy = world.policy(organization, &input.policy_id).ok_or(Error::PolicyNotFoundException)?;
        Ok(Output { policy: PolicyView::new(organization, policy) })
    }
}
