//! PutBucketOwnershipControls: says who owns objects, and whether there are access control lists.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::Error;
use crate::members::members;
use crate::settings::Ownership;
use serde::Deserialize;

/// See the module.
pub struct PutBucketOwnershipControls;

/// The controls.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Controls {
    rules: Vec<Rule>,
}

/// Their one rule.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rule {
    object_ownership: Ownership,
}

members! { input Input {
    pub ownership_controls: Controls,
} bucket }
members! { output Output {} }

impl Operation for PutBucketOwnershipControls {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketOwnershipControls";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm", "ContentMD5"];

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let [Rule { object_ownership }] = input.ownership_controls.rules[..] else {
            return Err(Error::MalformedXML.into());
        };
        s3.change_bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
            if object_ownership == Ownership::BucketOwnerEnforced && bucket.settings.grants.is_some() {
                return Err(Error::InvalidBucketAclWithObjectOwnership.into());
            }
            bucket.settings.ownership = Some(object_ownership);
            Ok(())
        })
        .await?;
        Ok(Output {})
    }
}
