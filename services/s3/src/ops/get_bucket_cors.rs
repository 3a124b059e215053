//! GetBucketCors: which origins browsers may let use the bucket.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::{CORS, Document};

/// See the module.
pub struct GetBucketCors;

members! { input Input {} bucket }
members! { output Output {
    #[serde(rename = "CORSRules")]
    pub rules: Document,
} }

impl Operation for GetBucketCors {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketCors";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "GetBucketCORS";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let mut bucket = input.bucket(s3).await?;
        match bucket.settings.documents.get_mut(CORS) {
            Some(document) => Ok(Output { rules: document["CORSRules"].take() }),
            None => {
                let text = "The CORS configuration does not exist";
                Err(ApiError::new("NoSuchCORSConfiguration", 404, text).with("BucketName", bucket.name))
            }
        }
    }
}
