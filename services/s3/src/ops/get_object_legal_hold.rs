//! GetObjectLegalHold: whether a version is held.

use serde::Serialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::Error;
use crate::lock::{hold_text, missing_configuration};
use crate::members::members;

/// See the module.
pub struct GetObjectLegalHold;

/// Whether.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LegalHold {
    status: &'static str,
}

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
} bucket }
members! { output Output { pub legal_hold: LegalHold, } }

impl Operation for GetObjectLegalHold {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetObjectLegalHold";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        if bucket.object_lock.is_none() {
            return Err(missing_configuration());
        }
        let found = s3.find(&bucket, &input.key, input.version_id.as_deref()).await?.version;
        let held = found.lock.legal_hold.ok_or(Error::NoSuchObjectLockConfiguration)?;
        Ok(Output { legal_hold: LegalHold { status: hold_text(held) } })
    }
}
