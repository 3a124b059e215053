//! GetBucketEncryption: what a new bucket on AWS has. (What is really at rest: see the crate.)

use serde::Serialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetBucketEncryption;

members! { input Input {} bucket }
/// The configuration.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Configuration {
    rules: Vec<Rule>,
}

/// Its one rule.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rule {
    apply_server_side_encryption_by_default: ByDefault,
    bucket_key_enabled: bool,
}

/// What the rule says.
#[derive(Debug, Default, Serialize)]
pub struct ByDefault {
    #[serde(rename = "SSEAlgorithm")]
    algorithm: &'static str,
}

members! { output Output { pub server_side_encryption_configuration: Configuration, } }

impl Operation for GetBucketEncryption {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketEncryption";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetEncryptionConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let by_default = ByDefault { algorithm: "AES256" };
        let rule = Rule { apply_server_side_encryption_by_default: by_default, bucket_key_enabled: false };
        Ok(Output { server_side_encryption_configuration: Configuration { rules: vec![rule] } })
    }
}
