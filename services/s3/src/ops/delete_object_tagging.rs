//! DeleteObjectTagging: takes an object's tags away.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct DeleteObjectTagging;

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
} bucket }
members! { output Output {
    pub version_id: Option<String>,
} }

impl Operation for DeleteObjectTagging {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteObjectTagging";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const VERSION_ACTION: &'static str = "DeleteObjectVersionTagging";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let version_id = input.version_id.as_deref();
        let version = s3.change_version(&bucket, &input.key, version_id, |version| version.tags.clear()).await?;
        Ok(Output { version_id: bucket.versioning.map(|_| version.id) })
    }
}
