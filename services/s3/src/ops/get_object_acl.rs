//! GetObjectAcl: the access control list of an object.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::acl::{Grant, Owner, full_control};
use crate::members::members;

/// See the module.
pub struct GetObjectAcl;

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
} bucket }
members! { output Output {
    pub owner: Option<Owner>,
    pub grants: Vec<Grant>,
} }

impl Operation for GetObjectAcl {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetObjectAcl";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const VERSION_ACTION: &'static str = "GetObjectVersionAcl";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let place = s3.find(&bucket, &input.key, input.version_id.as_deref()).await?;
        let owner = s3.owner(&call.account);
        let grants = place.version.grants.unwrap_or_else(|| full_control(&owner));
        Ok(Output { owner: Some(owner), grants })
    }
}
