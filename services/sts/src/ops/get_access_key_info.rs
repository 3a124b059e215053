//! GetAccessKeyInfo: says which account an access key belongs to, whether or not it is active or still good.

use std::sync::Arc;

use ports::Credentials as _;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::{Error, Sts};

/// Says which account an access key belongs to.
pub struct GetAccessKeyInfo;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    access_key_id: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    account: Arc<str>,
}

impl Operation for GetAccessKeyInfo {
    type Service = Sts;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetAccessKeyInfo";
    const RESOURCE: &'static str = "*";

    async fn run(sts: &Sts, _: &Call, input: Input) -> Result<Output, ApiError> {
        let id = input.access_key_id.as_str();
        let found = match sts.find(id).await? {
            Some(found) => Some(found),
            None => sts.deps.credentials.find(id).await?,
        };
        // AWS reads the account from the key itself; here only keys that were issued have one.
        let account = found.and_then(|credential| credential.caller.account().cloned());
        let unknown = || Error::ValidationError(format!("Access key {id} was not issued by this server."));
        Ok(Output { account: account.ok_or_else(unknown)? })
    }
}
