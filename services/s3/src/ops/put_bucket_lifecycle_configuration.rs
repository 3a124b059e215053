//! PutBucketLifecycleConfiguration: gives a bucket rules for deleting and moving objects, in the place of those it has.

use serde::Deserialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::{Error, invalid_argument};
use crate::lifecycle::{ALL_CLASSES_128K, Configuration, Rule, VARIES_BY_CLASS, checked};
use crate::members::members;

/// See the module.
pub struct PutBucketLifecycleConfiguration;

/// What is wanted.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Rules {
    rules: Vec<Rule>,
}

members! { input Input {
    pub lifecycle_configuration: Option<Rules>,
    pub transition_default_minimum_object_size: Option<String>,
} bucket }
members! { output Output { pub transition_default_minimum_object_size: String, } }

impl Operation for PutBucketLifecycleConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "PutBucketLifecycleConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "PutLifecycleConfiguration";
    // The gateway has verified the body.
    const IGNORES: &'static [&'static str] = &["ChecksumAlgorithm"];

    async fn run(s3: &S3, _: &Call, mut input: Input) -> Result<Output, ApiError> {
        let size = input.transition_default_minimum_object_size.take();
        let minimum_size = size.unwrap_or_else(|| ALL_CLASSES_128K.to_owned());
        if ![ALL_CLASSES_128K, VARIES_BY_CLASS].contains(&minimum_size.as_str()) {
            let text = "Invalid value for x-amz-transition-default-minimum-object-size";
            return Err(invalid_argument("x-amz-transition-default-minimum-object-size", &minimum_size, text));
        }
        input.bucket(s3).await?;
        let rules = input.lifecycle_configuration.take().ok_or(Error::MalformedXML)?.rules;
        let rules = checked(rules, || crate::object::ordered_id(&*s3.env.rng, 0).to_ascii_lowercase())?;
        let configuration = Configuration { v: 1, rules, minimum_size: minimum_size.clone() };
        s3.set_lifecycle(&input.bucket, input.expected_bucket_owner.as_deref(), Some(configuration)).await?;
        Ok(Output { transition_default_minimum_object_size: minimum_size })
    }
}
