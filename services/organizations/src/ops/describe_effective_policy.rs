//! DescribeEffectivePolicy: shows what the management policies of a type, from the root to an account, come to there.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::effective;
use crate::error::{Error, invalid};
use crate::kinds::PolicyType;
use crate::world::attached;

/// Shows what the management policies of a type, from the root to an account, come to there.
pub struct DescribeEffectivePolicy;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_type: PolicyType,
    target_id: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    effective_policy: EffectivePolicy,
}

impl Operation for DescribeEffectivePolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DescribeEffectivePolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let (organization, caller, _) = access::member(&world, call)?;
        let id = input.target_id.unwrap_or_else(|| caller.id.clone());
        if id != caller.id {
            access::reader(&world, call)?;
        }
        if !base::arn::is_account_id(&id) {
            let text = "You can only view the effective policy of an account.";
            return Err(invalid("TARGET_NOT_SUPPORTED", text));
        }
        world.member(organization, &id).ok_or(Error::TargetNotFoundException)?;
        let (mut levels, mut updated) = (Vec::new(), None);
        for target in world.line(organization, &id) {
            let ids = attached(organization, target.attached(), input.policy_type);
            let policies = ids.iter().filter_map(|id| world.policies.get(id));
            let read = policies.filter_map(|policy| {
                updated = updated.max(Some(policy.updated));
                serde_json::from_str(&policy.content).ok()
            });
            levels.push(read.collect());
        }
        let (Some(merged), Some(updated)) = (effective::merge(&levels), updated) else {
            return Err(Error::EffectivePolicyNotFoundException.into());
        };
        Ok(Output {
            effective_policy: EffectivePolicy {
                policy_content: merged.to_string(),
                last_updated_timestamp: updated,
                target_id: id,
                policy_type: input.policy_type,
            },
        })
    }
}

/// The modelled `EffectivePolicy`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EffectivePolicy {
    policy_content: String,
    last_updated_timestamp: Timestamp,
    target_id: String,
    policy_type: PolicyType,
}
