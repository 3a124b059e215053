//! DescribeResourcePolicy: shows the organization's own policy.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::ops::resource_policies::ResourcePolicyView;

/// Shows the organization's own policy.
pub struct DescribeResourcePolicy;

/// See the model.
#[derive(Deserialize)]
pub struct Input {}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    resource_policy: ResourcePolicyView,
}

impl Operation for DescribeResourcePolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DescribeResourcePolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, _input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let policy = organization.resource_policy.as_ref().ok_or(Error::ResourcePolicyNotFoundException)?;
        Ok(Output { resource_policy: ResourcePolicyView::new(organization, policy) })
    }
}
