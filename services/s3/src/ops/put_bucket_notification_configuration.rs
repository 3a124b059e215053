//! PutBucketNotificationConfiguration: keeps whom to tell of what happens in the bucket. Nobody is told yet.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::{Document, NOTIFICATION};

/// See the module.
pub struct PutBucketNotificationConfiguration;

members! { input Input {
    pub notification_configuration: Document,
} bucket }
members! { output Output {} }

impl Operation for PutBucketNotificationConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketNotificationConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutBucketNotification";
    // No destination is there to be tried.
    const IGNORES: &'static [&'static str] = &["SkipDestinationValidation"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let document = crate::settings::notification::checked(input.notification_configuration, &*s3.env.rng)?;
        s3.set_document(&input.bucket, input.expected_bucket_owner.as_deref(), NOTIFICATION, document).await?;
        Ok(Output {})
    }
}
