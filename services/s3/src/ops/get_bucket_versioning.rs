//! GetBucketVersioning: whether old versions are kept; nothing if they never were.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetBucketVersioning;

members! { input Input {} bucket }
members! { output Output {
    pub status: Option<&'static str>,
    #[serde(rename = "MFADelete")]
    pub mfa_delete: Option<&'static str>,
} }

impl Operation for GetBucketVersioning {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketVersioning";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let mfa_delete = bucket.mfa_delete.map(|enabled| if enabled { "Enabled" } else { "Disabled" });
        Ok(Output { status: bucket.versioning.map(crate::bucket::Versioning::as_str), mfa_delete })
    }
}
