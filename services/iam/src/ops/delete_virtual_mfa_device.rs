//! DeleteVirtualMFADevice: removes a device that nobody has.

use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Iam;

/// Removes a device that nobody has.
pub struct DeleteVirtualMFADevice;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    serial_number: String,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {}

impl Operation for DeleteVirtualMFADevice {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteVirtualMFADevice";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:mfa/{SerialNumber}";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        iam.mfa.delete(&input.serial_number).await?;
        Ok(Output {})
    }
}
