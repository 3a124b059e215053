//! DeleteBucketCors: lets browsers use the bucket from its own origin alone.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::CORS;

/// See the module.
pub struct DeleteBucketCors;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for DeleteBucketCors {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucketCors";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutBucketCORS";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        s3.set_document(&input.bucket, input.expected_bucket_owner.as_deref(), CORS, None).await?;
        Ok(Output {})
    }
}
