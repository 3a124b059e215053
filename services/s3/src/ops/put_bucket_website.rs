//! PutBucketWebsite: refused: buckets are not served as web sites.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::Error;
use crate::members::members;

/// See the module.
pub struct PutBucketWebsite;

members! { input Input {
    #[serde(rename = "WebsiteConfiguration")]
    pub configuration: serde::de::IgnoredAny,
} bucket }
members! { output Output {} }

impl Operation for PutBucketWebsite {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketWebsite";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let _ = input.configuration;
        let text = "Buckets are not served as web sites: there is no access without a signature. Put a web server that signs its \
            requests in front of the bucket.";
        Err(Error::NotImplemented(text.to_owned()).into())
    }
}
