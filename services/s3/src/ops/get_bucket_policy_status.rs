//! GetBucketPolicyStatus: whether the bucket policy lets everybody in.

use serde::Serialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::Error;
use crate::members::members;
use crate::public::is_public;

/// See the module.
pub struct GetBucketPolicyStatus;

members! { input Input {} bucket }
/// The answer.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Status {
    is_public: bool,
}

members! { output Output { pub policy_status: Status, } }

impl Operation for GetBucketPolicyStatus {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketPolicyStatus";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        match bucket.policy {
            Some(policy) => Ok(Output { policy_status: Status { is_public: is_public(&policy) } }),
            None => Err(ApiError::from(Error::NoSuchBucketPolicy).with("BucketName", bucket.name)),
        }
    }
}
