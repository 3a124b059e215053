//! GetObjectTagging: an object's tags; none is an answer too.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::tags::{Tag, tag_set};

/// See the module.
pub struct GetObjectTagging;

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
} bucket }
members! { output Output {
    pub version_id: Option<String>,
    pub tag_set: Vec<Tag>,
} }

impl Operation for GetObjectTagging {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetObjectTagging";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const VERSION_ACTION: &'static str = "GetObjectVersionTagging";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let version = s3.find(&bucket, &input.key, input.version_id.as_deref()).await?.version;
        Ok(Output { tag_set: tag_set(&version.tags), version_id: bucket.versioning.map(|_| version.id) })
    }
}
