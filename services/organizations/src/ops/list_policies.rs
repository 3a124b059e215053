//! ListPolicies: lists the policies of a type.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::kinds::{MANAGED, PolicyType};
use crate::paging::page;
use crate::views::PolicySummary;
use crate::world::AnyPolicy;

/// Lists the policies of a type.
pub struct ListPolicies;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
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

impl Operation for ListPolicies {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListPolicies";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        let own = world.policies.values().filter(|policy| policy.organization == organization.id).map(AnyPolicy::Own);
        let items: Vec<_> = MANAGED
            .iter()
            .map(AnyPolicy::Managed)
            .chain(own)
            .filter(|policy| policy.kind() == input.filter)
            .map(|policy| PolicySummary::new(organization, policy))
            .collect();
        let (policies, next_token) =
            page(items, |policy| policy.id.clone(), input.next_token.as_deref(), input.max_results)?;
        Ok(Output { policies, next_token })
    }
}
