//! EnableMFADevice: gives a device to a user who shows two of its codes in a row. The account's own name is its number.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Iam;

/// See the module.
pub struct EnableMFADevice;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: String,
    serial_number: String,
    authentication_code1: String,
    authentication_code2: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for EnableMFADevice {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "EnableMFADevice";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, call: &Call, input: Input) -> Result<Output, ApiError> {
        let owner = iam.device_owner(call, Some(&input.user_name))?;
        let codes = (input.authentication_code1.as_str(), input.authentication_code2.as_str());
        iam.mfa.enable(&input.serial_number, owner, codes, iam.env.clock.now()).await?;
        Ok(Output {})
    }
}
