//! GetPublicAccessBlock: what of public access is blocked.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::PublicAccessBlock;

/// See the module.
pub struct GetPublicAccessBlock;

members! { input Input {} bucket }
members! { output Output {
    pub public_access_block_configuration: PublicAccessBlock,
} }

impl Operation for GetPublicAccessBlock {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetPublicAccessBlock";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetBucketPublicAccessBlock";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let Some(block) = bucket.settings.public_access_block else {
            let text = "The public access block configuration was not found";
            let error = ApiError::new("NoSuchPublicAccessBlockConfiguration", 404, text);
            return Err(error.with("BucketName", bucket.name));
        };
        Ok(Output { public_access_block_configuration: block })
    }
}
