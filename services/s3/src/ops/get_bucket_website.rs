//! GetBucketWebsite: no bucket is a web site (yet).

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetBucketWebsite;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for GetBucketWebsite {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketWebsite";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let text = "The specified bucket does not have a website configuration";
        Err(ApiError::new("NoSuchWebsiteConfiguration", 404, text).with("BucketName", bucket.name))
    }
}
