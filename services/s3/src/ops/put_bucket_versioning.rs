//! PutBucketVersioning: keeps old versions from now on, or stops keeping them. What there is stays as it is.

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
} bucket }
members! { output Output {} }

impl Operation for PutBucketVersioning {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketVersioning";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    // The gateway has verified the body; deleting with a second factor cannot be switched on.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5", "MFA"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        if input.versioning_configuration.mfa_delete.as_deref() == Some("Enabled") {
            return Err(Error::NotImplemented("MFA Delete is not implemented.".to_owned()).into());
        }
        let versioning = match input.versioning_configuration.status.as_deref() {
            Some("Enabled") => Versioning::Enabled,
            Some("Suspended") => Versioning::Suspended,
            Some(_) => return Err(Error::MalformedXML.into()),
            None => {
                let text = "The Versioning element must be specified";
                return Err(ApiError::new("IllegalVersioningConfigurationException", 400, text));
            }
        };
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            bucket.versioning = Some(versioning);
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}
