//! GetBucketReplication: where objects are to be copied to.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::{Document, REPLICATION};

/// See the module.
pub struct GetBucketReplication;

members! { input Input {} bucket }
members! { output Output {
    pub replication_configuration: Document,
} }

impl Operation for GetBucketReplication {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketReplication";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetReplicationConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let mut bucket = input.bucket(s3).await?;
        match bucket.settings.documents.remove(REPLICATION) {
            Some(document) => Ok(Output { replication_configuration: document }),
            None => {
                let text = "The replication configuration was not found";
                let error = ApiError::new("ReplicationConfigurationNotFoundError", 404, text);
                Err(error.with("BucketName", bucket.name))
            }
        }
    }
}
