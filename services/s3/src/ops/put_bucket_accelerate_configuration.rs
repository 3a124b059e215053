//! PutBucketAccelerateConfiguration: keeps whether transfer acceleration is wanted. There is one endpoint, which is as fast as it is.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::Error;
use crate::members::members;
use crate::settings::{ACCELERATE, Document};

/// See the module.
pub struct PutBucketAccelerateConfiguration;

members! { input Input {
    #[serde(rename = "AccelerateConfiguration")]
    pub configuration: Document,
} bucket }
members! { output Output {} }

impl Operation for PutBucketAccelerateConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketAccelerateConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutAccelerateConfiguration";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        if input.bucket.contains('.') {
            let text = "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names";
            return Err(Error::InvalidRequest(text.to_owned()).into());
        }
        if !input.configuration["Status"].is_string() {
            return Err(Error::MalformedXML.into());
        }
        s3.set_document(&input.bucket, input.expected_bucket_owner.as_deref(), ACCELERATE, Some(input.configuration))
            .await?;
        Ok(Output {})
    }
}
