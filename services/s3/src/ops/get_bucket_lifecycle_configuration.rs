//! GetBucketLifecycleConfiguration: no bucket has lifecycle rules (yet).

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetBucketLifecycleConfiguration;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for GetBucketLifecycleConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketLifecycleConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetLifecycleConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let text = "The lifecycle configuration does not exist";
        Err(ApiError::new("NoSuchLifecycleConfiguration", 404, text).with("BucketName", bucket.name))
    }
}
