//! GetBucketAcl: the owner has full control, and nobody else anything.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::acl::{Grant, Owner, full_control};
use crate::members::members;

/// See the module.
pub struct GetBucketAcl;

members! { input Input {} bucket }
members! { output Output { pub owner: Option<Owner>, pub grants: Vec<Grant>, } }

impl Operation for GetBucketAcl {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketAcl";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let policy = full_control(&s3.owner());
        Ok(Output { owner: policy.owner, grants: policy.grants })
    }
}
