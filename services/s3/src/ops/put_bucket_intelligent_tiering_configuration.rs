//! PutBucketIntelligentTieringConfiguration: keeps when objects go to the archive tiers. Nothing is made of it yet.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::Document;
use crate::settings::configurations::Kind;

/// See the module.
pub struct PutBucketIntelligentTieringConfiguration;

members! { input Input {
    pub id: String,
    pub intelligent_tiering_configuration: Document,
} bucket }
members! { output Output {} }

impl Operation for PutBucketIntelligentTieringConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketIntelligentTieringConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutIntelligentTieringConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        s3.put_configuration(
            &input.bucket,
            Kind::IntelligentTiering,
            &input.id,
            input.intelligent_tiering_configuration,
        )
        .await?;
        Ok(Output {})
    }
}
