//! ListEffectivePolicyValidationErrors: lists what is wrong with an effective policy: nothing, because documents are checked when they are written.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Organizations;
use crate::access;
use crate::error::Error;
use crate::kinds::PolicyType;
use crate::paging::page;

/// Lists what is wrong with an effective policy: nothing, because documents are checked when they are written.
pub struct ListEffectivePolicyValidationErrors;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    account_id: String,
    policy_type: PolicyType,
    next_token: Option<String>,
    max_results: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    account_id: String,
    policy_type: PolicyType,
    path: String,
    evaluation_timestamp: Timestamp,
    next_token: Option<String>,
    effective_policy_validation_errors: Vec<()>,
}

impl Operation for ListEffectivePolicyValidationErrors {
    type Service = Organizations;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListEffectivePolicyValidationErrors";
    const RESOURCE: &'static str = "arn:aws:organizations::{account}:account/o-*/{AccountId}";

    async fn run(organizations: &Organizations, call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { account_id, policy_type, next_token, max_results } = input;
        let world = organizations.store.world();
        let organization = access::reader(&world, call)?;
        world.member(organization, &account_id).ok_or(Error::AccountNotFoundException)?;
        let (errors, next_token) = page(Vec::new(), |()| String::new(), next_token.as_deref(), max_results)?;
        let path = world.path(organization, &account_id);
        Ok(Output {
            account_id,
            policy_type,
            path,
            evaluation_timestamp: call.time,
            next_token,
            effective_policy_validation_errors: errors,
        })
    }
}
