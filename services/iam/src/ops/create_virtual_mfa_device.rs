//! CreateVirtualMFADevice: makes a device that nobody has yet. Only this answer shows its seed.

use base::Timestamp;
use model::Blob;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call, Operation};

use crate::mfa::{qr_code, totp};
use crate::tags::{self, Tag};
use crate::{Error, Iam};

/// Makes a device that nobody has yet.
pub struct CreateVirtualMFADevice;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    path: Option<String>,
    #[serde(rename = "VirtualMFADeviceName")]
    name: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// The modelled `VirtualMFADevice`, with its seed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Made {
    serial_number: String,
    base32_string_seed: Blob,
    #[serde(rename = "QRCodePNG")]
    qr_code_png: Option<Blob>,
    enable_date: Option<Timestamp>,
    tags: Vec<Tag>,
}

/// See the model.
#[derive(Serialize)]
pub struct Output {
    #[serde(rename = "VirtualMFADevice")]
    device: Made,
}

impl Operation for CreateVirtualMFADevice {
    type Service = Iam;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "CreateVirtualMFADevice";
    const RESOURCE: &'static str = "arn:aws:iam::{account}:mfa/{VirtualMFADeviceName}";

    async fn run(iam: &Iam, _call: &Call, input: Input) -> Result<Output, ApiError> {
        let Input { path, name, tags } = input;
        let path = path.unwrap_or_else(|| "/".to_owned());
        if !path.starts_with('/') || !path.ends_with('/') {
            let text = "The specified value for path is invalid. It must begin and end with / and contain only \
                        alphanumeric characters and/or / characters.";
            return Err(Error::ValidationError(text.into()).into());
        }
        let serial = format!("arn:aws:iam::{}:mfa{path}{name}", iam.account);
        // What names a device elsewhere in the API is no longer than this.
        if serial.len() > SERIAL_BYTES_MAX || !name.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c))
        {
            let text = "The specified value for virtualMFADeviceName is invalid.";
            return Err(Error::ValidationError(text.into()).into());
        }
        let tags = tags::set(tags::Keys::Exact, "MFADevice", &[], tags)?;
        let mut seed = [0; totp::SEED_BYTES];
        iam.env.rng.fill(&mut seed);
        let device = iam.mfa.create(&serial, &seed, tags).await?;
        let text = totp::base32(&seed);
        let uri = format!("otpauth://totp/Amazon%20Web%20Services:{name}@{}?secret={text}", iam.account);
        let device = Made {
            serial_number: serial,
            base32_string_seed: Blob::from(text),
            qr_code_png: qr_code(&uri).map(Blob::from),
            enable_date: None,
            tags: device.tags.clone(),
        };
        Ok(Output { device })
    }
}

/// The longest serial number. Source: IAM's model, `serialNumberType`.
const SERIAL_BYTES_MAX: usize = 256;
