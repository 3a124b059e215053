//! PutBucketAcl: accepts the list that holds anyway (the owner has full control) and refuses all others.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::acl::{AccessControlPolicy, check_object, check_policy};
use crate::members::members;

/// See the module.
pub struct PutBucketAcl;

members! { input Input {
    #[serde(rename = "ACL")]
    pub acl: Option<String>,
    pub access_control_policy: Option<AccessControlPolicy>,
    pub grant_full_control: Option<String>,
    pub grant_read: Option<String>,
    #[serde(rename = "GrantReadACP")]
    pub grant_read_acp: Option<String>,
    pub grant_write: Option<String>,
    #[serde(rename = "GrantWriteACP")]
    pub grant_write_acp: Option<String>,
} bucket }
members! { output Output {} }

impl Operation for PutBucketAcl {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketAcl";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let grants = [
            &input.grant_full_control,
            &input.grant_read,
            &input.grant_read_acp,
            &input.grant_write,
            &input.grant_write_acp,
        ];
        check_object(input.acl.as_deref(), &grants)?;
        check_policy(input.access_control_policy.as_ref(), &s3.owner())?;
        Ok(Output {})
    }
}
