//! DeleteBucketWebsite: no bucket is a web site, so there is nothing to take away.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct DeleteBucketWebsite;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for DeleteBucketWebsite {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucketWebsite";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        Ok(Output {})
    }
}
