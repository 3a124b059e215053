//! CreateAccessKey: makes an access key. Its secret is shown this once.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use base::Timestamp;

use crate::ops::named_or_caller;
use crate::store::{KEYS_MAX, Key};
use crate::{Error, Iam};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKey {
    user_name: String,
    access_key_id: String,
    status: &'static str,
    secret_access_key: String,
    create_date: Timestamp,
}

/// Makes an access key.
pub struct CreateAccessKey;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    access_key: AccessKey,
}

impl Operation for CreateAccessKey {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreateAccessKey";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, call: &Call, input: Input) -> Result<Output, ApiError> {
        let name = named_or_caller(call, input.user_name)?;
        let key = Key {
            id: base::ids::iam_id(&*iam.env.rng, "AKIA"),
            secret: base::ids::secret_key(&*iam.env.rng),
            active: true,
            created: call.time.trunc_secs(),
        };
        iam.store
            .change(&iam.account, &name, |old| {
                let mut user = old.ok_or_else(|| Error::no_user(&name))?.clone();
                if user.keys.len() >= KEYS_MAX {
                    let text = format!("Cannot exceed quota for AccessKeysPerUser: {KEYS_MAX}");
                    return Err(Error::LimitExceeded(text).into());
                }
                let access_key = AccessKey {
                    user_name: user.name.clone(),
                    access_key_id: key.id.clone(),
                    status: "Active",
                    secret_access_key: key.secret.clone(),
                    create_date: key.created,
                };
                user.keys.push(key);
                Ok((Some(user), Output { access_key }))
            })
            .await
    }
}
