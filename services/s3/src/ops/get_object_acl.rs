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
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        if input.version_id.is_some() {
            s3.authorize(call, "s3:GetObjectVersionAcl", &input.bucket, &input.key).await?;
        }
        let bucket = input.bucket(s3).await?;
        let place = s3.find(&bucket, &input.key, input.version_id.as_deref()).await?;
        let owner = s3.owner();
        let grants = place.version.grants.unwrap_or_else(|| full_control(&owner));
        Ok(Output { owner: Some(owner), grants })
    }
}
