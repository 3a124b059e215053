//! AttachPolicy: attaches a policy to a root, unit or account.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::{Error, constraint};
use crate::ops::attachments::put;
use crate::world::attached;

/// Attaches a policy to a root, unit or account.
pub struct AttachPolicy;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_id: String,
    target_id: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for AttachPolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "AttachPolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let (organization, policy, target) =
                    access::policy_and_target(world, call, &input.policy_id, &input.target_id)?;
                let kind = policy.kind();
                if !organization.types.contains_key(&kind) {
                    return Err(Error::PolicyTypeNotEnabledException.into());
                }
                let mut policies = attached(organization, target.attached(), kind);
                if policies.iter().any(|id| id == policy.id()) {
                    return Err(Error::DuplicatePolicyAttachmentException.into());
                }
                if policies.len() >= kind.attached_max() {
                    let text = "You have attached the maximum number of policies to the specified target.";
                    return Err(constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", text));
                }
                policies.push(policy.id().to_owned());
                put(draft, organization, target, kind, policies);
                Ok(Output {})
            })
            .await
    }
}
