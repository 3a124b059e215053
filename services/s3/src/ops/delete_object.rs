//! DeleteObject: deletes an object, leaving a delete marker where the bucket has versioning, or one version for good.

use base::Timestamp;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::conditions::WriteCondition;
use crate::error::header_not_implemented;
use crate::members::members;
use crate::object::check_key;

/// See the module.
pub struct DeleteObject;

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
    #[serde(rename = "MFA")]
    pub mfa: Option<String>,
    pub bypass_governance_retention: Option<bool>,
    pub if_match: Option<String>,
    pub if_match_last_modified_time: Option<Timestamp>,
    pub if_match_size: Option<i64>,
} bucket }

members! { output Output {
    pub delete_marker: Option<bool>,
    pub version_id: Option<String>,
} }

impl Operation for DeleteObject {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "DeleteObject";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const VERSION_ACTION: &'static str = "DeleteObjectVersion";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        check_key(&input.key)?;
        if let Some(time) = input.if_match_last_modified_time {
            return Err(header_not_implemented("x-amz-if-match-last-modified-time", &time.http_date()));
        }
        if let Some(size) = input.if_match_size {
            return Err(header_not_implemented("x-amz-if-match-size", &size.to_string()));
        }
        let condition = WriteCondition::parse(input.if_match.as_deref(), None)?;
        let bucket = input.bucket(s3).await?;
        let bypass = s3.bypasses(call, &bucket, &input.key, input.bypass_governance_retention).await?;
        let version_id = input.version_id.as_deref();
        if version_id.is_some() {
            s3.check_second_factor(call, &bucket, input.mfa.as_deref()).await?;
        }
        let deleted = s3.delete_version(&input.bucket, &input.key, version_id, &condition, bypass).await?;
        Ok(Output { delete_marker: deleted.delete_marker.then_some(true), version_id: deleted.version_id })
    }
}
