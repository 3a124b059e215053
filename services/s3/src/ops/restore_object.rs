//! RestoreObject: makes a readable copy of an archived object for some days. Content lies in one place whatever its class, so the
//! copy is there at once, whatever the tier asked for.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::{Error, invalid_argument};
use crate::members::members;
use crate::storage::midnight_after;

/// See the module.
pub struct RestoreObject;

/// What is wanted.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Request {
    days: Option<i64>,
    glacier_job_parameters: Option<JobParameters>,
    #[serde(rename = "Type")]
    kind: Option<String>,
    tier: Option<String>,
    select_parameters: Option<serde::de::IgnoredAny>,
    output_location: Option<serde::de::IgnoredAny>,
}

/// How fast.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobParameters {
    tier: Option<String>,
}

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
    pub restore_request: Option<Request>,
} bucket }
members! { output Output {} }

impl Operation for RestoreObject {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "RestoreObject";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    // The gateway has verified the body; who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "RequestPayer"];

    async fn run(s3: &S3, call: &Call, mut input: Input) -> Result<Output, ApiError> {
        let request = input.restore_request.take().ok_or(Error::MalformedXML)?;
        if request.kind.is_some() || request.select_parameters.is_some() || request.output_location.is_some() {
            let text = "Select restores are not implemented; restore the object and read it.";
            return Err(Error::NotImplemented(text.to_owned()).into());
        }
        let days = request.days.ok_or(Error::MalformedXML)?;
        if days < 1 {
            return Err(invalid_argument("Days", &days.to_string(), "restoration days should be at least 1"));
        }
        let tier = request.glacier_job_parameters.and_then(|parameters| parameters.tier).or(request.tier);
        if !matches!(tier.as_deref(), None | Some("Standard" | "Bulk" | "Expedited")) {
            return Err(Error::MalformedXML.into());
        }
        let bucket = input.bucket(s3).await?;
        let now = s3.env.clock.now();
        let until = midnight_after(now, days);
        let restored = std::sync::atomic::AtomicBool::new(false);
        let change = |version: &mut crate::object::Version| {
            if !version.is_archived() {
                let text = "Restore is not allowed for the object's current storage class".to_owned();
                let error = ApiError::from(Error::InvalidObjectState(text));
                return Err(error.with("StorageClass", version.storage_class()));
            }
            if tier.as_deref() == Some("Expedited") && version.storage_class() == "DEEP_ARCHIVE" {
                let text = "Retrieval option is not supported by this storage class";
                return Err(invalid_argument("Tier", "Expedited", text));
            }
            restored.store(version.restored_until(now).is_some(), std::sync::atomic::Ordering::Relaxed);
            version.restored_until_ms = Some(until.ms());
            Ok(())
        };
        s3.try_change_version(&bucket, &input.key, input.version_id.as_deref(), change).await?;
        if !restored.into_inner() {
            call.set_status(202);
        }
        Ok(Output {})
    }
}
