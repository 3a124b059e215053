//! DeletePublicAccessBlock: blocks no public access any more. (Nobody without a signature gets in all the same.)

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct DeletePublicAccessBlock;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for DeletePublicAccessBlock {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeletePublicAccessBlock";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutBucketPublicAccessBlock";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            bucket.settings.public_access_block = None;
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}
