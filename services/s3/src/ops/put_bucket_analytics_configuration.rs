//! PutBucketAnalyticsConfiguration: keeps how storage classes are to be analysed. Nothing is made of it yet.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::Document;
use crate::settings::configurations::Kind;

/// See the module.
pub struct PutBucketAnalyticsConfiguration;

members! { input Input {
    pub id: String,
    pub analytics_configuration: Document,
} bucket }
members! { output Output {} }

impl Operation for PutBucketAnalyticsConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketAnalyticsConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutAnalyticsConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        s3.put_configuration(&input.bucket, Kind::Analytics, &input.id, input.analytics_configuration).await?;
        Ok(Output {})
    }
}
