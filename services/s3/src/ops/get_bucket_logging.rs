//! GetBucketLogging: into which bucket the accesses of this one are logged; nothing if they are not.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::{Document, LOGGING};

/// See the module.
pub struct GetBucketLogging;

members! { input Input {} bucket }
members! { output Output {
    pub logging_enabled: Option<Document>,
} }

impl Operation for GetBucketLogging {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketLogging";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let mut bucket = input.bucket(s3).await?;
        let document = bucket.settings.documents.get_mut(LOGGING);
        Ok(Output { logging_enabled: document.map(|document| document["LoggingEnabled"].take()) })
    }
}
