//! PutBucketLogging: says into which bucket the accesses of this one are logged, or that they are not.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::Document;

/// See the module.
pub struct PutBucketLogging;

members! { input Input {
    pub bucket_logging_status: Document,
} bucket }
members! { output Output {} }

impl Operation for PutBucketLogging {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketLogging";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let document = crate::access_logs::checked(s3, &bucket, input.bucket_logging_status).await?;
        s3.set_logging(&input.bucket, input.expected_bucket_owner.as_deref(), document).await?;
        Ok(Output {})
    }
}
