//! GetPublicAccessBlock: everything public is blocked, as for a new bucket on AWS; PutBucketPolicy keeps to it.

use serde::Serialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetPublicAccessBlock;

members! { input Input {} bucket }
/// What is blocked.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Configuration {
    block_public_acls: bool,
    ignore_public_acls: bool,
    block_public_policy: bool,
    restrict_public_buckets: bool,
}

members! { output Output { pub public_access_block_configuration: Configuration, } }

impl Operation for GetPublicAccessBlock {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetPublicAccessBlock";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetBucketPublicAccessBlock";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let configuration = Configuration {
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: true,
            restrict_public_buckets: true,
        };
        Ok(Output { public_access_block_configuration: configuration })
    }
}
