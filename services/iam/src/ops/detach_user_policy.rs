//! DetachUserPolicy: takes a managed policy off a user.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::{Error, Iam};

/// Takes a managed policy off a user.
pub struct DetachUserPolicy;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    policy_arn: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {}

impl Operation for DetachUserPolicy {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DetachUserPolicy";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { user_name, policy_arn } = input;
        iam.store
            .change(&iam.account, &user_name, |old| {
                let mut user = old.ok_or_else(|| Error::no_user(&user_name))?.clone();
                let Some(at) = user.policies.iter().position(|arn| *arn == policy_arn) else {
                    return Err(Error::NoSuchEntity(format!("Policy {policy_arn} was not found.")).into());
                };
                user.policies.remove(at);
                Ok((Some(user), Output {}))
            })
            .await
    }
}
