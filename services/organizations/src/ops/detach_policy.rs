//! DetachPolicy: detaches a policy from a root, unit or account.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::{Error, constraint, invalid};
use crate::kinds::{PolicyType, RCP_FULL_ACCESS};
use crate::ops::attachments::put;
use crate::world::attached;

/// Detaches a policy from a root, unit or account.
pub struct DetachPolicy;

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

impl Operation for DetachPolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DetachPolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let (organization, policy, target) = access::policy_and_target(world, call, &input.policy_id, &input.target_id)?;
                let kind = policy.kind();
                if policy.id() == RCP_FULL_ACCESS {
                    let text = "You can't detach the RCPFullAWSAccess policy.";
                    return Err(invalid("NON_DETACHABLE_POLICY", text));
                }
                let mut policies = attached(organization, target.attached(), kind);
                let before = policies.len();
                policies.retain(|id| id != policy.id());
                if policies.len() == before {
                    return Err(Error::PolicyNotAttachedException.into());
                }
                if policies.is_empty() && kind == PolicyType::ServiceControlPolicy {
                    let text = "You cannot remove the last policy attached to the specified target. You must have at least one \
                                attached at all times.";
                    return Err(constraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", text));
                }
                put(draft, organization, target, kind, policies);
                Ok(Output {})
            })
            .await
    }
}
