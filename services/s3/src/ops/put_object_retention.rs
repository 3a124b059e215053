//! PutObjectRetention: says until when a version is kept. It is made weaker only in governance mode, by those who may.

use base::Timestamp;
use serde::Deserialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::Error;
use crate::lock::{Mode, check_future, missing_configuration};
use crate::members::members;

/// See the module.
pub struct PutObjectRetention;

/// What is wanted; nothing takes the retention away.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Retention {
    mode: Option<String>,
    retain_until_date: Option<Timestamp>,
}

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
    pub retention: Option<Retention>,
    pub bypass_governance_retention: Option<bool>,
} bucket }
members! { output Output {} }

impl Operation for PutObjectRetention {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutObjectRetention";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    // Conditions may look at what the body says.
    const ASKS_ITSELF: bool = true;
    // The gateway has verified the body; who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5", "RequestPayer"];

    async fn run(s3: &S3, call: &Call, mut input: Input) -> Result<Output, ApiError> {
        let retention = input.retention.take().ok_or(Error::MalformedXML)?;
        let until = retention.retain_until_date.map(Timestamp::iso8601);
        let more = [
            retention.mode.as_deref().map(|mode| ("s3:object-lock-mode", mode)),
            until.as_deref().map(|until| ("s3:object-lock-retain-until-date", until)),
        ];
        let more: Vec<_> = more.into_iter().flatten().collect();
        s3.authorize_with(call, "s3:PutObjectRetention", &input.bucket, &input.key, &more).await?;
        let bucket = input.bucket(s3).await?;
        if bucket.object_lock.is_none() {
            return Err(missing_configuration());
        }
        let now = s3.env.clock.now();
        let new = match (retention.mode.as_deref(), retention.retain_until_date) {
            (None, None) => None,
            (Some(mode), Some(until)) => {
                let mode = Mode::parse(mode).ok_or(Error::MalformedXML)?;
                check_future("RetainUntilDate", until, now)?;
                Some(crate::lock::Retention { mode, until_ms: until.ms() })
            }
            _ => return Err(Error::MalformedXML.into()),
        };
        let bypass = s3.bypasses(call, &bucket, &input.key, input.bypass_governance_retention).await?;
        let change = |version: &mut crate::object::Version| version.lock.retain(new, now, bypass);
        s3.try_change_version(&bucket, &input.key, input.version_id.as_deref(), change).await?;
        Ok(Output {})
    }
}
