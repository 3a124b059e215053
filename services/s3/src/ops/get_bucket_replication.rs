//! GetBucketReplication: no bucket is replicated (yet).

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetBucketReplication;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for GetBucketReplication {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketReplication";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetReplicationConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let text = "The replication configuration was not found";
        Err(ApiError::new("ReplicationConfigurationNotFoundError", 404, text).with("BucketName", bucket.name))
    }
}
