//! PutResourcePolicy: gives an event data store, a channel or a dashboard a policy, in place of the one it has.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};
use state::Expect;

use super::resource_policies::resource;
use crate::CloudTrail;
use crate::lake::policies::{Stored, check};
use crate::rows::{self, RESOURCE_POLICIES};

/// See the module.
pub struct PutResourcePolicy;

/// The request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    resource_arn: String,
    resource_policy: String,
}

/// The answer, also of GetResourcePolicy.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    pub(super) resource_arn: String,
    pub(super) resource_policy: String,
}

impl Operation for PutResourcePolicy {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutResourcePolicy";
    const RESOURCE: &'static str = "{ResourceArn}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        let of_channel = resource(cloudtrail, call, &input.resource_arn).await?;
        check(&input.resource_policy, &input.resource_arn, of_channel)?;
        let stored = Stored { version: 1, text: input.resource_policy };
        let put = rows::put(RESOURCE_POLICIES, input.resource_arn.as_str(), &stored, Expect::Any);
        cloudtrail.shared.state.commit(vec![put]).await.map_err(ApiError::unavailable)?;
        Ok(Output { resource_arn: input.resource_arn, resource_policy: stored.text })
    }
}
