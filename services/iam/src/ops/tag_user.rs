//! TagUser: sets tags on a user.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::tags::{self, Tag};
use crate::{Error, Iam};

/// Sets tags on a user.
pub struct TagUser;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {}

impl Operation for TagUser {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "TagUser";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { user_name, tags } = input;
        iam.store
            .change(&iam.account, &user_name, |old| {
                let mut user = old.ok_or_else(|| Error::no_user(&user_name))?.clone();
                user.tags = tags::merged(&user.tags, tags)?;
                Ok((Some(user), Output {}))
            })
            .await
    }
}
