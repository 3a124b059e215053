//! DeleteBucketReplication: forgets where objects are to be copied to.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::REPLICATION;

/// See the module.
pub struct DeleteBucketReplication;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for DeleteBucketReplication {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucketReplication";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutReplicationConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        s3.set_document(&input.bucket, input.expected_bucket_owner.as_deref(), REPLICATION, None).await?;
        Ok(Output {})
    }
}
