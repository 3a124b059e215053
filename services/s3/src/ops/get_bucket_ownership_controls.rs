//! GetBucketOwnershipControls: who owns objects, and whether there are access control lists.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::Ownership;
use serde::Serialize;

/// See the module.
pub struct GetBucketOwnershipControls;

/// The controls.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Controls {
    rules: Vec<Rule>,
}

/// Their one rule.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rule {
    object_ownership: Ownership,
}

members! { input Input {} bucket }
members! { output Output {
    pub ownership_controls: Controls,
} }

impl Operation for GetBucketOwnershipControls {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketOwnershipControls";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let Some(object_ownership) = bucket.settings.ownership else {
            let text = "The bucket ownership controls were not found";
            let error = ApiError::new("OwnershipControlsNotFoundError", 404, text);
            return Err(error.with("BucketName", bucket.name));
        };
        Ok(Output { ownership_controls: Controls { rules: vec![Rule { object_ownership }] } })
    }
}
