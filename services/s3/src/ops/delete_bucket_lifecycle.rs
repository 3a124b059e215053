//! DeleteBucketLifecycle: takes a bucket's lifecycle rules away. What they have done stays done.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct DeleteBucketLifecycle;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for DeleteBucketLifecycle {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucketLifecycle";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutLifecycleConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        s3.set_lifecycle(&input.bucket, input.expected_bucket_owner.as_deref(), None).await?;
        Ok(Output {})
    }
}
