//! DeleteResourcePolicy: takes the policy from an event data store, a channel or a dashboard.

use service::{ApiError, Call, Operation};
use state::Expect;

use super::Empty;
use super::get_resource_policy::Input;
use super::resource_policies::{none, resource};
use crate::CloudTrail;
use crate::rows::{self, RESOURCE_POLICIES};

/// See the module.
pub struct DeleteResourcePolicy;

impl Operation for DeleteResourcePolicy {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Empty;
    const NAME: &'static str = "DeleteResourcePolicy";
    const RESOURCE: &'static str = "{ResourceArn}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Empty, ApiError> {
        resource(cloudtrail, call, &input.resource_arn).await?;
        let delete = rows::delete(RESOURCE_POLICIES, input.resource_arn.as_str(), Expect::Present);
        match cloudtrail.shared.state.commit(vec![delete]).await {
            Ok(_) => Ok(Empty {}),
            Err(error) if error.is_conflict() => Err(none(&input.resource_arn).into()),
            Err(error) => Err(ApiError::unavailable(error)),
        }
    }
}
