//! ListBucketAnalyticsConfigurations: how storage classes are to be analysed: all of them, page by page.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::Document;
use crate::settings::configurations::Kind;

/// See the module.
pub struct ListBucketAnalyticsConfigurations;

members! { input Input {
    pub continuation_token: Option<String>,
} bucket }
members! { output Output {
    pub analytics_configuration_list: Vec<Document>,
    pub continuation_token: Option<String>,
    pub is_truncated: bool,
    pub next_continuation_token: Option<String>,
} }

impl Operation for ListBucketAnalyticsConfigurations {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListBucketAnalyticsConfigurations";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetAnalyticsConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let page = s3.configurations(&input.bucket, Kind::Analytics, input.continuation_token.as_deref()).await?;
        Ok(Output {
            analytics_configuration_list: page.documents,
            continuation_token: input.continuation_token,
            is_truncated: page.next.is_some(),
            next_continuation_token: page.next,
        })
    }
}
