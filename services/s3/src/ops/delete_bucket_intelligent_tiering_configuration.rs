//! DeleteBucketIntelligentTieringConfiguration: forgets one of those that say when objects go to the archive tiers.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::configurations::Kind;

/// See the module.
pub struct DeleteBucketIntelligentTieringConfiguration;

members! { input Input {
    pub id: String,
} bucket }
members! { output Output {} }

impl Operation for DeleteBucketIntelligentTieringConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucketIntelligentTieringConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutIntelligentTieringConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        s3.delete_configuration(&input.bucket, Kind::IntelligentTiering, &input.id).await?;
        Ok(Output {})
    }
}
