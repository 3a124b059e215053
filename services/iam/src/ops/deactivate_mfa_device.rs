//! DeactivateMFADevice: takes a device from its owner.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Iam;

/// See the module.
pub struct DeactivateMFADevice;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: Option<String>,
    serial_number: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for DeactivateMFADevice {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeactivateMFADevice";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, call: &Call, input: Input) -> Result<Output, ApiError> {
        let owner = iam.device_owner(call, input.user_name.as_deref())?;
        iam.mfa.deactivate(&input.serial_number, &owner).await?;
        Ok(Output {})
    }
}
