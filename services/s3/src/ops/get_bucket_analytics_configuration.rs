//! GetBucketAnalyticsConfiguration: how storage classes are to be analysed: one of them.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::Document;
use crate::settings::configurations::Kind;

/// See the module.
pub struct GetBucketAnalyticsConfiguration;

members! { input Input {
    pub id: String,
} bucket }
members! { output Output {
    pub analytics_configuration: Document,
} }

impl Operation for GetBucketAnalyticsConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketAnalyticsConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetAnalyticsConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let document = s3.configuration(&input.bucket, Kind::Analytics, &input.id).await?;
        Ok(Output { analytics_configuration: document })
    }
}
