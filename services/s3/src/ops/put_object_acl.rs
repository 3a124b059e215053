//! PutObjectAcl: accepts the list that holds anyway (the owner has full control) and refuses all others.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::acl::{AccessControlPolicy, check_policy};
use crate::members::members;

/// See the module.
pub struct PutObjectAcl;

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
    pub access_control_policy: Option<AccessControlPolicy>,
    pub grant_write: Option<String>,
} bucket object_acl }
members! { output Output {} }

impl Operation for PutObjectAcl {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutObjectAcl";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    // The gateway has verified the body; who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5", "RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        if input.version_id.is_some() {
            s3.authorize(call, "s3:PutObjectVersionAcl", &input.bucket, &input.key).await?;
        }
        let bucket = input.bucket(s3).await?;
        s3.find(&bucket, &input.key, input.version_id.as_deref()).await?;
        input.check_acl()?;
        crate::acl::check_object(None, &[&input.grant_write])?;
        check_policy(input.access_control_policy.as_ref(), &s3.owner())?;
        Ok(Output {})
    }
}
