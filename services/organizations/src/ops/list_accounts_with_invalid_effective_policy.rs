//! ListAccountsWithInvalidEffectivePolicy: lists accounts whose effective policy is invalid: none, because documents are checked when they are written.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::kinds::PolicyType;
use crate::paging::page;
use crate::views::AccountView;

/// Lists accounts whose effective policy is invalid: none, because documents are checked when they are written.
pub struct ListAccountsWithInvalidEffectivePolicy;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy_type: PolicyType,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    accounts: Vec<AccountView>,
    policy_type: PolicyType,
    next_token: Option<String>,
}

impl Operation for ListAccountsWithInvalidEffectivePolicy {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListAccountsWithInvalidEffectivePolicy";
    const RESOURCE: &'static str = "*";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { policy_type, next_token, max_results } = input;
        let world = organizations.store.world();
        access::reader(&world, call)?;
        let (accounts, next_token) = page(Vec::new(), |_| String::new(), next_token.as_deref(), max_results)?;
        Ok(Output { accounts, policy_type, next_token })
    }
}
