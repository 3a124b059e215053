//! PutPublicAccessBlock: says what of public access is blocked.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::PublicAccessBlock;

/// See the module.
pub struct PutPublicAccessBlock;

members! { input Input {
    #[serde(rename = "PublicAccessBlockConfiguration")]
    pub configuration: PublicAccessBlock,
} bucket }
members! { output Output {} }

impl Operation for PutPublicAccessBlock {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutPublicAccessBlock";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutBucketPublicAccessBlock";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            bucket.settings.public_access_block = Some(input.configuration);
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}
