//! GetBucketIntelligentTieringConfiguration: when objects go to the archive tiers: one of them.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::Document;
use crate::settings::configurations::Kind;

/// See the module.
pub struct GetBucketIntelligentTieringConfiguration;

members! { input Input {
    pub id: String,
} bucket }
members! { output Output {
    pub intelligent_tiering_configuration: Document,
} }

impl Operation for GetBucketIntelligentTieringConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketIntelligentTieringConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetIntelligentTieringConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let document = s3.configuration(&input.bucket, Kind::IntelligentTiering, &input.id).await?;
        Ok(Output { intelligent_tiering_configuration: document })
    }
}
