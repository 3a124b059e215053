//! GetObjectRetention: until when a version is kept.

use base::Timestamp;
use serde::Serialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::Error;
use crate::lock::missing_configuration;
use crate::members::members;

/// See the module.
pub struct GetObjectRetention;

/// How hard and until when.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Retention {
    mode: &'static str,
    retain_until_date: Timestamp,
}

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
} bucket }
members! { output Output { pub retention: Retention, } }

impl Operation for GetObjectRetention {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetObjectRetention";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        if bucket.object_lock.is_none() {
            return Err(missing_configuration());
        }
        let found = s3.find(&bucket, &input.key, input.version_id.as_deref()).await?.version;
        let retention = found.lock.retention.ok_or(Error::NoSuchObjectLockConfiguration)?;
        let (mode, retain_until_date) = (retention.mode.as_str(), retention.until());
        Ok(Output { retention: Retention { mode, retain_until_date } })
    }
}
