//! PutBucketAcl: gives a bucket an access control list, in the place of the one it has.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::acl::{AccessControlPolicy, Of, Requested};
use crate::error::Error;
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

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        let requested = Requested {
            canned: input.acl.as_deref(),
            headers: vec![
                ("FULL_CONTROL", input.grant_full_control.as_deref()),
                ("READ", input.grant_read.as_deref()),
                ("READ_ACP", input.grant_read_acp.as_deref()),
                ("WRITE", input.grant_write.as_deref()),
                ("WRITE_ACP", input.grant_write_acp.as_deref()),
            ],
            policy: input.access_control_policy.as_ref(),
        };
        if requested.is_empty() {
            input.bucket(s3).await?;
            return Err(Error::MissingSecurityHeader.into());
        }
        let owner = s3.owner(&call.account);
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            let arn = bucket.arn();
            bucket.settings.grants = requested.check(call, bucket, Of::Bucket, &owner, ("s3:PutBucketAcl", &arn))?;
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}
