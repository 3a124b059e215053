//! CreatePolicy: makes a policy. It says nothing until it is attached.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::content;
use crate::error::{Error, constraint};
use crate::ids;
use crate::kinds::{MANAGED, POLICIES_MAX, PolicyType};
use crate::records::{FeatureSet, Policy, VERSION};
use crate::tags::{self, Tag};
use crate::views::{PolicyView, arn};
use crate::world::AnyPolicy;

/// Makes a policy.
pub struct CreatePolicy;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    content: String,
    description: String,
    name: String,
    r#type: PolicyType,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy: PolicyView,
}

impl Operation for CreatePolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreatePolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { content, description, name, r#type: kind, tags } = input;
        let Organizations { store, env, .. } = organizations;
        store
            .change(|world, draft| {
                let (organization, ..) = access::member(world, call)?;
                let resource = arn(organization, "policy", &format!("{}/*", kind.in_arn()));
                access::may(organization, call, &resource, Some(kind))?;
                if organization.feature_set != FeatureSet::All {
                    return Err(Error::PolicyTypeNotAvailableForOrganizationException.into());
                }
                content::check(kind, &content)?;
                let tags = tags::merged(&[], tags)?;
                let same = world.policies.values().filter(|policy| policy.organization == organization.id);
                let same: Vec<_> = same.filter(|policy| policy.kind == kind).collect();
                let managed = MANAGED.iter().any(|policy| policy.kind == kind && policy.name == name);
                if managed || same.iter().any(|policy| policy.name == name) {
                    return Err(Error::DuplicatePolicyException.into());
                }
                if same.len() >= POLICIES_MAX {
                    let text = "You have exceeded the number of policies that you can have in an organization.";
                    return Err(constraint("POLICY_NUMBER_LIMIT_EXCEEDED", text));
                }
                let made = Arc::new(Policy {
                    v: VERSION,
                    id: ids::policy(&env.rng, world),
                    organization: organization.id.clone(),
                    name,
                    description,
                    kind,
                    content,
                    tags,
                    updated: call.time,
                });
                let policy = PolicyView::new(organization, AnyPolicy::Own(&made));
                draft.policy(Policy::clone(&made));
                Ok(Output { policy })
            })
            .await
    }
}
