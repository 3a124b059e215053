//! ListPoliciesForTarget: lists the policies of a type that are attached to a root, unit or account.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::kinds::PolicyType;
use crate::paging::page;
use crate::views::PolicySummary;
use crate::world::attached;

/// Lists the policies of a type that are attached to a root, unit or account.
pub struct ListPoliciesForTarget;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    target_id: String,
    filter: PolicyType,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policies: Vec<PolicySummary>,
    next_token: Option<String>,
}

impl Operation for ListPoliciesForTarget {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListPoliciesForTarget";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let target = world.target(organization, &input.target_id).ok_or(Error::TargetNotFoundException)?;
        let ids = attached(organization, target.attached(), input.filter);
        let items: Vec<_> = ids
            .iter()
            .filter_map(|id| world.policy(organization, id))
            .map(|policy| PolicySummary::new(organization, policy))
            .collect();
        let (policies, next_token) =
            page(items, |policy| policy.id.clone(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { policies, next_token })
    }
}
