//! GetResourcePolicy: the policy of an event data store, a channel or a dashboard, as it was given.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use super::put_resource_policy::Output;
use super::resource_policies::{none, resource};
use crate::CloudTrail;
use crate::lake::policies::text_of;

/// See the module.
pub struct GetResourcePolicy;

/// The request, also of DeleteResourcePolicy.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    pub(super) resource_arn: String,
}

impl Operation for GetResourcePolicy {
    type Service = CloudTrail;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetResourcePolicy";
    const RESOURCE: &'static str = "{ResourceArn}";

    async fn run(cloudtrail: &CloudTrail, call: &Call, input: Input) -> Result<Output, ApiError> {
        resource(cloudtrail, call, &input.resource_arn).await?;
        let text = text_of(&cloudtrail.shared, &input.resource_arn).await.map_err(ApiError::unavailable)?;
        let resource_policy = text.ok_or_else(|| none(&input.resource_arn))?;
        Ok(Output { resource_arn: input.resource_arn, resource_policy })
    }
}
