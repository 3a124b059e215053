//! PutObjectAcl: gives an object an access control list, in the place of the one it has.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::acl::{AccessControlPolicy, Of};
use crate::error::Error;
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
    const VERSION_ACTION: &'static str = "PutObjectVersionAcl";
    // The gateway has verified the body; who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5", "RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let version_id = input.version_id.as_deref();
        s3.find(&bucket, &input.key, version_id).await?;
        let mut requested = input.requested();
        requested.headers.push(("WRITE", input.grant_write.as_deref()));
        requested.policy = input.access_control_policy.as_ref();
        if requested.is_empty() {
            return Err(Error::MissingSecurityHeader.into());
        }
        let resource = format!("{}/{}", bucket.arn(), input.key);
        let grants =
            requested.check(call, &bucket, Of::Object, &s3.owner(&call.account), ("s3:PutObjectAcl", &resource))?;
        s3.change_version(&bucket, &input.key, version_id, |version| version.grants.clone_from(&grants)).await?;
        Ok(Output {})
    }
}
