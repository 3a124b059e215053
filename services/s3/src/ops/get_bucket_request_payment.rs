//! GetBucketRequestPayment: the owner pays.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetBucketRequestPayment;

members! { input Input {} bucket }
members! { output Output { pub payer: &'static str, } }

impl Operation for GetBucketRequestPayment {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketRequestPayment";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        Ok(Output { payer: "BucketOwner" })
    }
}
