//! PutObjectTagging: gives an object these tags in the place of those it has.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::tags::Tagging;

/// See the module.
pub struct PutObjectTagging;

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
    pub tagging: Tagging,
} bucket }
members! { output Output {
    pub version_id: Option<String>,
} }

impl Operation for PutObjectTagging {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutObjectTagging";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    // Conditions may look at what the body says.
    const ASKS_ITSELF: bool = true;
    // The gateway has verified the body; who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5", "RequestPayer"];

    async fn run(s3: &S3, call: &Call, mut input: Input) -> Result<Output, ApiError> {
        let tags = std::mem::take(&mut input.tagging).for_object()?;
        let given: Vec<_> = tags.iter().map(|(key, _)| format!("s3:requestobjecttag/{key}")).collect();
        let more: Vec<_> = given.iter().zip(&tags).map(|(name, (_, value))| (&**name, &**value)).collect();
        let action = if input.version_id.is_some() { "s3:PutObjectVersionTagging" } else { "s3:PutObjectTagging" };
        s3.authorize_with(call, action, &input.bucket, &input.key, &more).await?;
        let bucket = input.bucket(s3).await?;
        let version_id = input.version_id.as_deref();
        let version =
            s3.change_version(&bucket, &input.key, version_id, |version| version.tags.clone_from(&tags)).await?;
        Ok(Output { version_id: bucket.versioning.map(|_| version.id) })
    }
}
