//! DeleteBucketPolicy: takes the bucket policy away, if there is one.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct DeleteBucketPolicy;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for DeleteBucketPolicy {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucketPolicy";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            bucket.policy = None;
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}
