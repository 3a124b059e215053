//! GetBucketLifecycleConfiguration: a bucket's lifecycle rules, as they were given.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::lifecycle::Rule;
use crate::members::members;

/// See the module.
pub struct GetBucketLifecycleConfiguration;

members! { input Input {} bucket }
members! { output Output {
    pub rules: Vec<Rule>,
    pub transition_default_minimum_object_size: String,
} }

impl Operation for GetBucketLifecycleConfiguration {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketLifecycleConfiguration";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetLifecycleConfiguration";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let Some(configuration) = s3.lifecycle(&bucket).await? else {
            let text = "The lifecycle configuration does not exist";
            return Err(ApiError::new("NoSuchLifecycleConfiguration", 404, text).with("BucketName", bucket.name));
        };
        Ok(Output {
            rules: configuration.rules.clone(),
            transition_default_minimum_object_size: configuration.minimum_size.clone(),
        })
    }
}
