//! PutBucketReplication: keeps where objects are to be copied to. Nothing is copied yet.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::bucket::Versioning;
use crate::error::Error;
use crate::members::members;
use crate::settings::{Document, REPLICATION};

/// See the module.
pub struct PutBucketReplication;

members! { input Input {
    pub replication_configuration: Document,
} bucket }
members! { output Output {} }

impl Operation for PutBucketReplication {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketReplication";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutReplicationConfiguration";
    // The gateway has verified the body; a token is for object lock, which needs no leave here.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5", "Token"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let document = crate::settings::replication::checked(s3, input.replication_configuration).await?;
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            if bucket.versioning != Some(Versioning::Enabled) {
                let text = "Versioning must be 'Enabled' on the bucket to apply a replication configuration".to_owned();
                return Err(Error::InvalidRequest(text).into());
            }
            bucket.settings.documents.insert(REPLICATION.to_owned(), document.clone());
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}
