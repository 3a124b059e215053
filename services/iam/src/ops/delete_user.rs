//! DeleteUser: removes a user who has no access key and no attached policy left.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::mfa::Owner;
use crate::{Error, Iam};

/// Removes a user who has no access key and no attached policy left.
pub struct DeleteUser;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {}

impl Operation for DeleteUser {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteUser";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        iam.store
            .change(&iam.account, &input.user_name, |old| {
                let user = old.ok_or_else(|| Error::no_user(&input.user_name))?;
                if !user.policies.is_empty() {
                    let text = "Cannot delete entity, must detach all policies first.";
                    return Err(Error::DeleteConflict(text.into()).into());
                }
                if !user.keys.is_empty() {
                    let text = "Cannot delete entity, must delete access keys first.";
                    return Err(Error::DeleteConflict(text.into()).into());
                }
                if !iam.mfa.of(&Owner::User(user.id.clone())).is_empty() {
                    let text = "Cannot delete entity, must delete MFA device first.";
                    return Err(Error::DeleteConflict(text.into()).into());
                }
                Ok((None, Output {}))
            })
            .await
    }
}
