//! UntagUser: takes tags off a user. Keys that are not there are no error.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::{Error, Iam};

/// Takes tags off a user.
pub struct UntagUser;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    tag_keys: Vec<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {}

impl Operation for UntagUser {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "UntagUser";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { user_name, tag_keys } = input;
        iam.store
            .change(&iam.account, &user_name, |old| {
                let mut user = old.ok_or_else(|| Error::no_user(&user_name))?.clone();
                user.tags.retain(|tag| !tag_keys.iter().any(|key| key.eq_ignore_ascii_case(&tag.key)));
                Ok((Some(user), Output {}))
            })
            .await
    }
}
