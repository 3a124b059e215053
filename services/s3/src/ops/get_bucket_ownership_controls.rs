//! GetBucketOwnershipControls: the bucket's owner owns all, as for a new bucket on AWS.

use serde::Serialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetBucketOwnershipControls;

members! { input Input {} bucket }
/// The controls.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Controls {
    rules: Vec<Rule>,
}

/// Their one rule.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rule {
    object_ownership: &'static str,
}

members! { output Output { pub ownership_controls: Controls, } }

impl Operation for GetBucketOwnershipControls {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketOwnershipControls";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        input.bucket(s3).await?;
        let rules = vec![Rule { object_ownership: "BucketOwnerEnforced" }];
        Ok(Output { ownership_controls: Controls { rules } })
    }
}
