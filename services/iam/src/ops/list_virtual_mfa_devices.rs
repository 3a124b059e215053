//! ListVirtualMFADevices: all devices, and whose they are. Seeds are not shown again.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::Iam;
use crate::ops::paging::page;
use crate::views::User;

/// See the module.
pub struct ListVirtualMFADevices;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    assignment_status: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    serial_number: String,
    user: Option<User>,
    enable_date: Option<Timestamp>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "VirtualMFADevices")]
    devices: Vec<Listed>,
    is_truncated: bool,
    marker: Option<String>,
}

impl Operation for ListVirtualMFADevices {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListVirtualMFADevices";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:mfa/*";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        // The model lets nothing else through.
        let wanted = match input.assignment_status.as_deref() {
            Some("Assigned") => Some(true),
            Some("Unassigned") => Some(false),
            _ => None,
        };
        let mut devices = iam.mfa.all();
        devices.retain(|device| wanted.is_none_or(|assigned| device.owner.is_some() == assigned));
        let (page, marker) = page(devices, |device| device.serial.clone(), input.marker.as_deref(), input.max_items)?;
        let devices = page.iter().map(|device| Listed {
            serial_number: device.serial.clone(),
            user: device.owner.as_ref().and_then(|owner| iam.owner_view(owner)),
            enable_date: device.enabled,
        });
        Ok(Output { devices: devices.collect(), is_truncated: marker.is_some(), marker })
    }
}
