//! GetBucketNotificationConfiguration: whom to tell of what happens in the bucket.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::{Document, NOTIFICATION};

/// See the module.
pub struct GetBucketNotificationConfiguration;

members! { input Input {} bucket }
members! { output Output {
    pub topic_configurations: Option<Document>,
    pub queue_configurations: Option<Document>,
    pub lambda_function_configurations: Option<Document>,
    pub event_bridge_configuration: Option<Document>,
} }

impl Operation for GetBucketNotificationConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketNotificationConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetBucketNotification";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let mut bucket = input.bucket(s3).await?;
        let mut document = bucket.settings.documents.remove(NOTIFICATION).unwrap_or_default();
        let mut take = |name: &str| document.get_mut(name).map(Document::take);
        Ok(Output {
            topic_configurations: take("TopicConfigurations"),
            queue_configurations: take("QueueConfigurations"),
            lambda_function_configurations: take("LambdaFunctionConfigurations"),
            event_bridge_configuration: take("EventBridgeConfiguration"),
        })
    }
}
