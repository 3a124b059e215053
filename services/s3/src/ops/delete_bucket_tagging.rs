//! DeleteBucketTagging: takes a bucket's tags away.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct DeleteBucketTagging;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for DeleteBucketTagging {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucketTagging";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutBucketTagging";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            bucket.tags.clear();
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}
