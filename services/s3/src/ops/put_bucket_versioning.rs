//! PutBucketVersioning: keeps old versions from now on, or stops keeping them; and says whether versions are removed only with a
//! second factor. What there is stays as it is.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::bucket::Versioning;
use crate::error::Error;
use crate::members::members;

/// See the module.
pub struct PutBucketVersioning;

/// What is wanted.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Configuration {
    status: Option<String>,
    #[serde(rename = "MFADelete")]
    mfa_delete: Option<String>,
}

members! { input Input {
    pub versioning_configuration: Configuration,
    #[serde(rename = "MFA")]
    pub mfa: Option<String>,
} bucket }
members! { output Output {} }

impl Operation for PutBucketVersioning {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketVersioning";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        let mfa_delete = match input.versioning_configuration.mfa_delete.as_deref() {
            None => None,
            Some("Enabled") => Some(true),
            Some("Disabled") => Some(false),
            Some(_) => return Err(Error::MalformedXML.into()),
        };
        let versioning = match input.versioning_configuration.status.as_deref() {
            Some("Enabled") => Versioning::Enabled,
            Some("Suspended") => Versioning::Suspended,
            Some(_) => return Err(Error::MalformedXML.into()),
            None => {
                let text = "The Versioning element must be specified";
                return Err(ApiError::new("IllegalVersioningConfigurationException", 400, text));
            }
        };
        let bucket = input.bucket(s3).await?;
        let guarded = bucket.mfa_delete == Some(true);
        if mfa_delete == Some(true) || guarded {
            s3.demand_second_factor(call, input.mfa.as_deref()).await?;
        }
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            // It was asked for before the code was: to be asked again with one.
            if bucket.mfa_delete == Some(true) && !guarded {
                return Err(Error::OperationAborted.into());
            }
            let refused = |text: &str| Err(Error::InvalidBucketState(text.to_owned()).into());
            if bucket.object_lock.is_some() && versioning == Versioning::Suspended {
                return refused(
                    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
                );
            }
            if bucket.lifecycle.is_some() && mfa_delete == Some(true) {
                return refused("MFA Delete cannot be enabled on a bucket with a lifecycle configuration");
            }
            bucket.versioning = Some(versioning);
            bucket.mfa_delete = mfa_delete.or(bucket.mfa_delete);
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}
