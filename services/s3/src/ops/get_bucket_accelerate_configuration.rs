//! GetBucketAccelerateConfiguration: whether transfer acceleration is wanted; nothing if nobody ever said.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::ACCELERATE;

/// See the module.
pub struct GetBucketAccelerateConfiguration;

members! { input Input {} bucket }
members! { output Output {
    pub status: Option<String>,
} }

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
        let bucket = input.bucket(s3).await?;
        let status = bucket.settings.documents.get(ACCELERATE).and_then(|document| document["Status"].as_str());
        Ok(Output { status: status.map(str::to_owned) })
    }
}
