//! DecodeAuthorizationMessage: shows what an encoded text of a refusal says.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::{Error, Sts};

/// Shows what an encoded text of a refusal says.
pub struct DecodeAuthorizationMessage;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    encoded_message: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    decoded_message: String,
}

impl Operation for DecodeAuthorizationMessage {
    type Service = Sts;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DecodeAuthorizationMessage";
    const RESOURCE: &'static str = "*";

    async fn run(sts: &Sts, call: &Call, input: Input) -> Result<Output, ApiError> {
        let account = call.caller.account().unwrap_or(&call.account);
        let decoded_message = sts.messages.open_message(account, &input.encoded_message);
        Ok(Output { decoded_message: decoded_message.ok_or(Error::InvalidAuthorizationMessageException)? })
    }
}
