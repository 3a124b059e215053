//! GetObjectLockConfiguration: whether a bucket has Object Lock, and what new versions are given.

use serde::Serialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::lock::Period;
use crate::members::members;

/// See the module.
pub struct GetObjectLockConfiguration;

/// What the bucket has.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Configuration {
    object_lock_enabled: &'static str,
    rule: Option<Rule>,
}

/// What new versions are given.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rule {
    default_retention: Retention,
}

/// How hard and how long they are kept.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Retention {
    mode: &'static str,
    days: Option<u32>,
    years: Option<u32>,
}

members! { input Input {} bucket }
members! { output Output { pub object_lock_configuration: Configuration, } }

impl Operation for GetObjectLockConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetObjectLockConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetBucketObjectLockConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let Some(lock) = bucket.object_lock else {
            let text = "Object Lock configuration does not exist for this bucket";
            let error = ApiError::new("ObjectLockConfigurationNotFoundError", 404, text);
            return Err(error.with("BucketName", bucket.name));
        };
        let rule = lock.default.map(|default| {
            let (days, years) = match default.period {
                Period::Days(days) => (Some(days), None),
                Period::Years(years) => (None, Some(years)),
            };
            Rule { default_retention: Retention { mode: default.mode.as_str(), days, years } }
        });
        Ok(Output { object_lock_configuration: Configuration { object_lock_enabled: "Enabled", rule } })
    }
}
