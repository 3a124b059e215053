//! GetBucketLocation: a bucket's region; none for us-east-1.

use base::Region;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;

/// See the module.
pub struct GetBucketLocation;

members! { input Input {} bucket }

members! { output Output {
    pub location_constraint: Option<String>,
} }

impl Operation for GetBucketLocation {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetBucketLocation";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";

    async fn run(s3: &S3, _: &Call, input: Input) -> Result<Output, ApiError> {
        let region = input.bucket(s3).await?.region;
        Ok(Output { location_constraint: (region != Region::US_EAST_1).then(|| region.to_string()) })
    }
}
