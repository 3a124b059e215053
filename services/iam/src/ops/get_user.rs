//! GetUser: shows a user, or the caller if none is named.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use ports::Caller;

use crate::ops::named_or_caller;
use crate::ops::user_view::User;
use crate::{Error, Iam};

/// Shows a user, or the caller if none is named.
pub struct GetUser;

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
    user: User,
}

impl Operation for GetUser {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetUser";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, call: &Call, input: Input) -> Result<Output, ApiError> {
        if let (None, Caller::Root { account, .. }) = (&input.user_name, &call.caller) {
            return Ok(Output { user: User::root(account) });
        }
        let name = named_or_caller(call, input.user_name)?;
        let user = iam.store.user(&name).ok_or_else(|| Error::no_user(&name))?;
        Ok(Output { user: User::with_tags(&user) })
    }
}
