//! ListMFADevices: the devices of a user, or of the caller if none is named.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Iam;
use crate::ops::paging::page;

/// See the module.
pub struct ListMFADevices;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    user_name: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    user_name: String,
    serial_number: String,
    enable_date: Timestamp,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "MFADevices")]
    devices: Vec<Listed>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListMFADevices {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListMFADevices";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:user/{UserName}";

    async fn run(iam: &Iam, call: &Call, input: Input) -> Result<Output, ApiError> {
        let owner = iam.device_owner(call, input.user_name.as_deref())?;
        let user = iam.owner_view(&owner);
        let user_name = user.and_then(|user| user.name().map(str::to_owned)).unwrap_or_else(|| iam.account.to_string());
        let devices = iam.mfa.of(&owner);
        let (page, marker) = page(devices, |device| device.serial.clone(), input.marker.as_deref(), input.max_items)?;
        let devices = page.iter().map(|device| Listed {
            user_name: user_name.clone(),
            serial_number: device.serial.clone(),
            enable_date: device.enabled.unwrap_or_default(),
        });
        Ok(Output { devices: devices.collect(), is_truncated: marker.is_some(), marker })
    }
}
