//! HeadObject: tells of an object, or a range or part of it, on the caller's conditions.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::members::members;
use crate::read::Wanted;

/// See the module.
pub struct HeadObject;

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
    pub range: Option<String>,
    pub part_number: Option<i64>,
    pub checksum_mode: Option<String>,
} bucket customer_key read_conditions response_headers }

members! { output Output {} object_reply checksums content_headers }

impl Operation for HeadObject {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "HeadObject";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const ACTION: &'static str = "GetObject";
    const VERSION_ACTION: &'static str = "GetObjectVersion";
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, mut input: Input) -> Result<Output, ApiError> {
        input.check_customer_key()?;
        let wanted = Wanted {
            version_id: input.version_id.as_deref(),
            range: input.range.as_deref(),
            part_number: input.part_number,
            checksum_mode: input.checksum_mode.as_deref(),
            conditions: input.conditions(),
        };
        let bucket = input.bucket(s3).await?;
        let mut found = s3.want(call, &bucket, &input.key, &wanted).await?;
        // Of content under a key of KMS checksums are told to those who may read it. Source: S3 API reference, HeadObject, ChecksumMode.
        if found.checksum.is_some() {
            s3.unlock_for(call, bucket.region, found.version.kms.as_deref()).await?;
        }
        if found.content_range().is_some() {
            call.set_status(206);
        }
        found.version.headers = input.overridden(found.version.headers);
        let mut output = Output::default();
        output.set_found(found);
        Ok(output)
    }
}
