//! GetBucketRequestPayment: who pays for requests.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::settings::PAYER;

/// See the module.
pub struct GetBucketRequestPayment;

members! { input Input {} bucket }
members! { output Output {
    pub payer: String,
} }

impl Operation for GetBucketRequestPayment {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketRequestPayment";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let payer = bucket.settings.documents.get(PAYER).and_then(|document| document["Payer"].as_str());
        Ok(Output { payer: payer.unwrap_or("BucketOwner").to_owned() })
    }
}
