//! AttachUserPolicy: attaches a managed policy to a user. Attaching it again changes nothing.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::store::POLICIES_MAX;
use crate::{Error, Iam, policies};

/// Attaches a managed policy to a user.
pub struct AttachUserPolicy;

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

impl Operation for AttachUserPolicy {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "AttachUserPolicy";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { user_name, policy_arn } = input;
        iam.store
            .change(&iam.account, &user_name, |old| {
                let mut user = old.ok_or_else(|| Error::no_user(&user_name))?.clone();
                if !policies::exists(&policy_arn) {
                    let text = format!("Policy {policy_arn} does not exist or is not attachable.");
                    return Err(Error::NoSuchEntity(text).into());
                }
                if !user.policies.contains(&policy_arn) {
                    if user.policies.len() == POLICIES_MAX {
                        let text = format!("Cannot exceed quota for PoliciesPerUser: {POLICIES_MAX}");
                        return Err(Error::LimitExceeded(text).into());
                    }
                    user.policies.push(policy_arn);
                }
                Ok((Some(user), Output {}))
            })
            .await
    }
}
