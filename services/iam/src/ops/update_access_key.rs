//! UpdateAccessKey: switches an access key on or off. Switched off, it is refused from the next call on.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::ops::named_or_caller;
use crate::{Error, Iam};

/// Switches an access key on or off.
pub struct UpdateAccessKey;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: Option<String>,
    access_key_id: String,
    status: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {}

impl Operation for UpdateAccessKey {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "UpdateAccessKey";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, call: &Call, input: Input) -> Result<Output, ApiError> {
        let name = named_or_caller(call, input.user_name)?;
        let active = match input.status.as_str() {
            "Active" => true,
            "Inactive" => false,
            other => {
                return Err(Error::ValidationError(format!("Status must be Active or Inactive, not {other}")).into());
            }
        };
        iam.store
            .change(&iam.account, &name, |old| {
                let mut user = old.ok_or_else(|| Error::no_user(&name))?.clone();
                let key = user.keys.iter_mut().find(|key| key.id == input.access_key_id);
                key.ok_or_else(|| Error::no_key(&input.access_key_id))?.active = active;
                Ok((Some(user), Output {}))
            })
            .await
    }
}
