//! PutBucketEncryption: says how contents are encrypted that come with no word on it: under host keys
//! (AES256), or under a key of KMS. As on AWS, the key is not looked for before it is used.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::encryption;
use crate::members::members;
use crate::settings::{Document, ENCRYPTION};

/// See the module.
pub struct PutBucketEncryption;

members! { input Input {
    #[serde(rename = "ServerSideEncryptionConfiguration")]
    pub configuration: Document,
} bucket }
members! { output Output {} }

impl Operation for PutBucketEncryption {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketEncryption";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutEncryptionConfiguration";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let document = encryption::checked(input.configuration)?;
        s3.set_document(&input.bucket, input.expected_bucket_owner.as_deref(), ENCRYPTION, Some(document)).await?;
        Ok(Output {})
    }
}
