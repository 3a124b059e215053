//! DeleteAccessKey: removes an access key, which is refused from the next call on.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::ops::named_or_caller;
use crate::{Error, Iam};

/// Removes an access key, which is refused from the next call on.
pub struct DeleteAccessKey;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: Option<String>,
    access_key_id: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {}

impl Operation for DeleteAccessKey {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteAccessKey";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, call: &Call, input: Input) -> Result<Output, ApiError> {
        let name = named_or_caller(call, input.user_name)?;
        iam.store
            .change(&iam.account, &name, |old| {
                let mut user = old.ok_or_else(|| Error::no_user(&name))?.clone();
                let at = user.keys.iter().position(|key| key.id == input.access_key_id);
                user.keys.remove(at.ok_or_else(|| Error::no_key(&input.access_key_id))?);
                Ok((Some(user), Output {}))
            })
            .await
    }
}
