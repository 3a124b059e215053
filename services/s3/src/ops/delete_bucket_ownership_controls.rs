//! DeleteBucketOwnershipControls: goes back to what there was before ownership controls: access control lists.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct DeleteBucketOwnershipControls;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for DeleteBucketOwnershipControls {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucketOwnershipControls";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutBucketOwnershipControls";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            bucket.settings.ownership = None;
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}
