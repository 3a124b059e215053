//! PutBucketCors: says which origins browsers may let use the bucket.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::{CORS, Document};

/// See the module.
pub struct PutBucketCors;

members! { input Input {
    #[serde(rename = "CORSConfiguration")]
    pub configuration: Document,
} bucket }
members! { output Output {} }

impl Operation for PutBucketCors {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketCors";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutBucketCORS";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        crate::settings::cors::check(&input.configuration)?;
        s3.set_document(&input.bucket, input.expected_bucket_owner.as_deref(), CORS, Some(input.configuration)).await?;
        Ok(Output {})
    }
}
