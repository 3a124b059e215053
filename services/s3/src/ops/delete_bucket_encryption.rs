//! DeleteBucketEncryption: goes back to what a new bucket has: AES256.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::ENCRYPTION;

/// See the module.
pub struct DeleteBucketEncryption;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for DeleteBucketEncryption {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucketEncryption";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutEncryptionConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        s3.set_document(&input.bucket, input.expected_bucket_owner.as_deref(), ENCRYPTION, None).await?;
        Ok(Output {})
    }
}
