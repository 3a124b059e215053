//! GetBucketInventoryConfiguration: which inventories of the bucket are wanted: one of them.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::Document;
use crate::settings::configurations::Kind;

/// See the module.
pub struct GetBucketInventoryConfiguration;

members! { input Input {
    pub id: String,
} bucket }
members! { output Output {
    pub inventory_configuration: Document,
} }

impl Operation for GetBucketInventoryConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketInventoryConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetInventoryConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let document = s3.configuration(&input.bucket, Kind::Inventory, &input.id).await?;
        Ok(Output { inventory_configuration: document })
    }
}
