//! GetBucketAcl: the access control list of a bucket.

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

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let owner = s3.owner(&call.account);
        let grants = bucket.settings.grants.unwrap_or_else(|| full_control(&owner));
        Ok(Output { owner: Some(owner), grants })
    }
}
