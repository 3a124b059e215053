//! GetBucketCors: no bucket has a CORS configuration (yet).

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetBucketCors;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for GetBucketCors {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketCors";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetBucketCORS";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let text = "The CORS configuration does not exist";
        Err(ApiError::new("NoSuchCORSConfiguration", 404, text).with("BucketName", bucket.name))
    }
}
