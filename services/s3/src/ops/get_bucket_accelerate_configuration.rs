//! GetBucketAccelerateConfiguration: acceleration was never switched on, which AWS answers with nothing.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetBucketAccelerateConfiguration;

members! { input Input {} bucket }
members! { output Output {} }

impl Operation for GetBucketAccelerateConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketAccelerateConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetAccelerateConfiguration";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        Ok(Output {})
    }
}
