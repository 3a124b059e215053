//! PutObjectLockConfiguration: switches Object Lock on for a bucket with versioning, for good, and says what new versions are
//! given.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::bucket::Versioning;
use crate::error::{Error, invalid_argument};
use crate::lock::{DEFAULT_DAYS_MAX, DEFAULT_YEARS_MAX, DefaultRetention, Mode, ObjectLock, Period};
use crate::members::members;

/// See the module.
pub struct PutObjectLockConfiguration;

/// What is wanted.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Configuration {
    object_lock_enabled: Option<String>,
    rule: Option<Rule>,
}

/// What new versions are given.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Rule {
    default_retention: Option<Retention>,
}

/// How hard and how long they are kept.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Retention {
    mode: Option<String>,
    days: Option<i64>,
    years: Option<i64>,
}

members! { input Input {
    pub object_lock_configuration: Option<Configuration>,
} bucket }
members! { output Output {} }

impl Operation for PutObjectLockConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutObjectLockConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutBucketObjectLockConfiguration";
    // The gateway has verified the body; the token was for AWS's support, before buckets could do it themselves; who pays makes
    // no difference.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5", "RequestPayer", "Token"];

    async fn run(s3: &S3, _: &Call, mut input: Input) -> Result<Output, ApiError> {
        let configuration = input.object_lock_configuration.take().ok_or(Error::MalformedXML)?;
        if configuration.object_lock_enabled.as_deref() != Some("Enabled") {
            return Err(Error::MalformedXML.into());
        }
        let default = configuration.rule.map(default_retention).transpose()?;
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            if bucket.versioning != Some(Versioning::Enabled) {
                let text = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration".to_owned();
                return Err(Error::InvalidBucketState(text).into());
            }
            bucket.object_lock = Some(ObjectLock { default });
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}

fn default_retention(rule: Rule) -> Result<DefaultRetention, ApiError> {
    let Retention { mode, days, years } = rule.default_retention.ok_or(Error::MalformedXML)?;
    let mode = mode.as_deref().and_then(Mode::parse).ok_or(Error::MalformedXML)?;
    let period = match (days, years) {
        (Some(days), None) => Period::Days(checked("Days", days, DEFAULT_DAYS_MAX)?),
        (None, Some(years)) => Period::Years(checked("Years", years, DEFAULT_YEARS_MAX)?),
        _ => return Err(Error::MalformedXML.into()),
    };
    Ok(DefaultRetention { mode, period })
}

fn checked(name: &str, given: i64, max: u32) -> Result<u32, ApiError> {
    let refused = |text: &str| Err(invalid_argument(name, &given.to_string(), text));
    match u32::try_from(given) {
        Ok(0) | Err(_) if given <= 0 => refused("Default retention period must be a positive integer value."),
        Ok(number) if number <= max => Ok(number),
        _ => refused("Default retention period too large."),
    }
}
