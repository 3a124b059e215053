//! GetBucketTagging: a bucket's tags.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::Error;
use crate::members::members;
use crate::tags::{Tag, tag_set};

/// See the module.
pub struct GetBucketTagging;

members! { input Input {} bucket }
members! { output Output { pub tag_set: Vec<Tag>, } }

impl Operation for GetBucketTagging {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketTagging";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        if bucket.tags.is_empty() {
            return Err(ApiError::from(Error::NoSuchTagSet).with("BucketName", bucket.name));
        }
        Ok(Output { tag_set: tag_set(&bucket.tags) })
    }
}
