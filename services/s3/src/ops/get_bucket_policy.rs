//! GetBucketPolicy: the bucket policy, byte for byte as it was put.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::Error;
use crate::members::members;

/// See the module.
pub struct GetBucketPolicy;

members! { input Input {} bucket }
members! { output Output { pub policy: String, } }

impl Operation for GetBucketPolicy {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketPolicy";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        match bucket.policy {
            Some(policy) => Ok(Output { policy }),
            None => Err(ApiError::from(Error::NoSuchBucketPolicy).with("BucketName", bucket.name)),
        }
    }
}
