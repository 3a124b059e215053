//! UpdatePolicy: gives a policy another name, description or document.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::content;
use crate::error::Error;
use crate::kinds::MANAGED;
use crate::records::Policy;
use crate::views::PolicyView;
use crate::world::AnyPolicy;

/// Gives a policy another name, description or document.
pub struct UpdatePolicy;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_id: String,
    name: Option<String>,
    description: Option<String>,
    content: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy: PolicyView,
}

impl Operation for UpdatePolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "UpdatePolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        organizations
            .store
            .change(|world, draft| {
                let (organization, policy) = access::own_policy(world, call, &input.policy_id)?;
                let mut changed = Policy::clone(policy);
                if let Some(name) = input.name.filter(|name| *name != changed.name) {
                    let taken = world.policies.values().any(|other| {
                        other.organization == organization.id && other.kind == changed.kind && other.name == name
                    });
                    if taken || MANAGED.iter().any(|other| other.kind == changed.kind && other.name == name) {
                        return Err(Error::DuplicatePolicyException.into());
                    }
                    changed.name = name;
                }
                if let Some(description) = input.description {
                    changed.description = description;
                }
                if let Some(document) = input.content {
                    content::check(changed.kind, &document)?;
                    changed.content = document;
                    changed.updated = call.time;
                }
                let changed = Arc::new(changed);
                let policy = PolicyView::new(organization, AnyPolicy::Own(&changed));
                draft.policy(Policy::clone(&changed));
                Ok(Output { policy })
            })
            .await
    }
}
