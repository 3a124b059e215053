//! HeadBucket: whether there is a bucket, and where.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct HeadBucket;

members! { input Input {} bucket }

members! { output Output {
    pub bucket_region: String,
    pub bucket_arn: String,
    pub access_point_alias: bool,
} }

impl Operation for HeadBucket {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "HeadBucket";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "ListBucket";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        Ok(Output { bucket_region: bucket.region.to_string(), bucket_arn: bucket.arn(), access_point_alias: false })
    }
}
