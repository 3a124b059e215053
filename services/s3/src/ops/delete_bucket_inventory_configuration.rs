//! DeleteBucketInventoryConfiguration: forgets one of those that say which inventories of the bucket are wanted.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::configurations::Kind;

/// See the module.
pub struct DeleteBucketInventoryConfiguration;

members! { input Input {
    pub id: String,
} bucket }
members! { output Output {} }

impl Operation for DeleteBucketInventoryConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteBucketInventoryConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutInventoryConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        s3.delete_configuration(&input.bucket, Kind::Inventory, &input.id).await?;
        Ok(Output {})
    }
}
