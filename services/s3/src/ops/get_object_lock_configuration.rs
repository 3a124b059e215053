//! GetObjectLockConfiguration: no bucket has object locks (yet).

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetObjectLockConfiguration;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for GetObjectLockConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetObjectLockConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetBucketObjectLockConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let text = "Object Lock configuration does not exist for this bucket";
        Err(ApiError::new("ObjectLockConfigurationNotFoundError", 404, text).with("BucketName", bucket.name))
    }
}
