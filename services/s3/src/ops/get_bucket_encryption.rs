//! GetBucketEncryption: how contents are encrypted that come with no word on it.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::encryption;
use crate::members::members;
use crate::settings::{Document, ENCRYPTION};

/// See the module.
pub struct GetBucketEncryption;

members! { input Input {} bucket }
members! { output Output {
    pub server_side_encryption_configuration: Document,
} }

impl Operation for GetBucketEncryption {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketEncryption";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetEncryptionConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let mut bucket = input.bucket(s3).await?;
        let document = bucket.settings.documents.remove(ENCRYPTION).unwrap_or_else(encryption::of_new_bucket);
        Ok(Output { server_side_encryption_configuration: document })
    }
}
