//! DeleteBucketMetricsConfiguration: forgets one of those that say which metrics of the bucket are wanted.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::configurations::Kind;

/// See the module.
pub struct DeleteBucketMetricsConfiguration;

members! { input Input {
    pub id: String,
} bucket }
members! { output Output {} }

impl Operation for DeleteBucketMetricsConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucketMetricsConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutMetricsConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        s3.delete_configuration(&input.bucket, Kind::Metrics, &input.id).await?;
        Ok(Output {})
    }
}
