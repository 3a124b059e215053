//! PutObjectLegalHold: keeps a version until the hold is taken off again, whatever its retention.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::Error;
use crate::lock::missing_configuration;
use crate::members::members;

/// See the module.
pub struct PutObjectLegalHold;

/// What is wanted.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LegalHold {
    status: Option<String>,
}

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
    pub legal_hold: Option<LegalHold>,
} bucket }
members! { output Output {} }

impl Operation for PutObjectLegalHold {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutObjectLegalHold";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    // Conditions may look at what the body says.
    const ASKS_ITSELF: bool = true;
    // The gateway has verified the body; who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5", "RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        let status = input.legal_hold.as_ref().and_then(|hold| hold.status.as_deref());
        let more = status.map(|status| ("s3:object-lock-legal-hold", status));
        s3.authorize_with(call, "s3:PutObjectLegalHold", &input.bucket, &input.key, more.as_slice()).await?;
        let hold = match status {
            Some("ON") => true,
            Some("OFF") => false,
            _ => return Err(Error::MalformedXML.into()),
        };
        let bucket = input.bucket(s3).await?;
        if bucket.object_lock.is_none() {
            return Err(missing_configuration());
        }
        let version_id = input.version_id.as_deref();
        s3.change_version(&bucket, &input.key, version_id, |version| version.lock.legal_hold = Some(hold)).await?;
        Ok(Output {})
    }
}
