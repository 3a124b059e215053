//! PutBucketRequestPayment: says who pays for requests. There is one account, so it makes no difference.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::{Document, PAYER};

/// See the module.
pub struct PutBucketRequestPayment;

members! { input Input {
    #[serde(rename = "RequestPaymentConfiguration")]
    pub configuration: Document,
} bucket }
members! { output Output {} }

impl Operation for PutBucketRequestPayment {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketRequestPayment";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        s3.set_document(&input.bucket, input.expected_bucket_owner.as_deref(), PAYER, Some(input.configuration))
            .await?;
        Ok(Output {})
    }
}
