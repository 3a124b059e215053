//! PutResourcePolicy: writes the organization's own policy, which lets members do what only the management account may else.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::invalid;
use crate::ids;
use crate::ops::resource_policies::{ResourcePolicyView, check};
use crate::records::{Organization, ResourcePolicy};
use crate::tags::{self, Tag};

/// Writes the organization's own policy, which lets members do what only the management account may else.
pub struct PutResourcePolicy;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    content: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    resource_policy: ResourcePolicyView,
}

impl Operation for PutResourcePolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutResourcePolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { content, tags } = input;
        let Organizations { store, env, .. } = organizations;
        store
            .change(|world, draft| {
                let organization = access::full_manager(world, call)?;
                check(&content)?;
                let made = match &organization.resource_policy {
                    Some(_) if !tags.is_empty() => {
                        let text =
                            "You can add tags only when you create the resource policy. Use TagResource to tag it now.";
                        return Err(invalid("TARGET_NOT_SUPPORTED", text));
                    }
                    Some(old) => ResourcePolicy { content, ..old.clone() },
                    None => {
                        let tags = tags::merged(&[], tags)?;
                        ResourcePolicy { id: ids::resource_policy(&env.rng), content, tags }
                    }
                };
                let resource_policy = ResourcePolicyView::new(organization, &made);
                draft.organization(Organization { resource_policy: Some(made), ..(**organization).clone() });
                Ok(Output { resource_policy })
            })
            .await
    }
}
