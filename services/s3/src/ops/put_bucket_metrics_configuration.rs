//! PutBucketMetricsConfiguration: keeps which metrics of the bucket are wanted. Nothing is made of it yet.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::Document;
use crate::settings::configurations::Kind;

/// See the module.
pub struct PutBucketMetricsConfiguration;

members! { input Input {
    pub id: String,
    pub metrics_configuration: Document,
} bucket }
members! { output Output {} }

impl Operation for PutBucketMetricsConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketMetricsConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutMetricsConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        s3.put_configuration(&input.bucket, Kind::Metrics, &input.id, input.metrics_configuration).await?;
        Ok(Output {})
    }
}
