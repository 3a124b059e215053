//! GetCallerIdentity: shows whose credentials signed the call. Needs no permission.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Sts;

/// Shows whose credentials signed the call.
pub struct GetCallerIdentity;

/// See the model.
#[derive(Deserialize)]
pub struct Input {}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user_id: String,
    account: String,
    arn: String,
}

impl Operation for GetCallerIdentity {
    type Service = Sts;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetCallerIdentity";
    const RESOURCE: &'static str = "*";

    async fn run(_: &Sts, call: &Call, _: Input) -> Result<Output, ApiError> {
        let caller = &call.caller;
        match (caller.principal_id(), caller.account(), caller.arn()) {
            (Some(id), Some(account), Some(arn)) => Ok(Output { user_id: id, account: account.to_string(), arn }),
            _ => Err(ApiError::new("AccessDenied", 403, "The caller has no identity to show.")),
        }
    }
}
