//! UploadPart: writes a part of an upload, in the place of an earlier one of that number.

use service::{ApiError, Call, Operation};

use crate::checksum::Expected;
use crate::error::Error;
use crate::members::members;
use crate::multipart::{Part, part_number};
use crate::object::quoted;
use crate::{S3, lock};

/// See the module.
pub struct UploadPart;

members! { input Input {
    pub key: String,
    pub upload_id: String,
    pub part_number: i64,
    #[serde(rename = "ContentMD5")]
    pub content_md5: Option<String>,
    pub checksum_algorithm: Option<String>,
} bucket checksums customer_key }

members! { output Output {
    #[serde(rename = "ETag")]
    pub etag: String,
} checksums encrypted }

impl Operation for UploadPart {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "UploadPart";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const ACTION: &'static str = "PutObject";
    // The body and its length come as a stream; who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["Body", "ContentLength", "RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        input.check_customer_key()?;
        let number = part_number(input.part_number)?;
        let bucket = input.bucket(s3).await?;
        let upload = s3.upload(&input.bucket, &input.key, &input.upload_id).await?;
        let (algorithm, _) = upload.summed();
        let expected = Expected::parse(
            call,
            input.content_md5.as_deref(),
            &input.checksums(),
            input.checksum_algorithm.as_deref(),
            algorithm,
        )?;
        lock::check_digest(bucket.locks(&upload.lock), expected.is_given(), "Part")?;
        if let Some((wanted, _)) = upload.checksum
            && expected.algorithm != wanted
        {
            let text = format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                wanted.as_str().to_lowercase(),
                expected.algorithm.as_str().to_lowercase()
            );
            return Err(Error::InvalidRequest(text).into());
        }
        let keys = s3.unlock_for(call, bucket.region, upload.kms.as_deref()).await?;
        let (stored, sums) = s3.store(call.take_body(), &expected, &keys).await?;
        let part = Part {
            v: 1,
            number,
            size: sums.len_bytes,
            etag: s3.etag(&sums, upload.kms.as_deref()),
            modified_ms: s3.env.clock.now().ms(),
            data: stored.data.clone(),
            checksum: Some((sums.algorithm, sums.checksum_text())),
        };
        s3.put_part(&input.bucket, &input.key, &upload, &part, &stored).await?;
        let mut output = Output { etag: quoted(&part.etag), ..Output::default() };
        output.set_encrypted(upload.kms.as_deref());
        if expected.named || upload.checksum.is_some() {
            output.set_checksum(sums.algorithm, sums.checksum_text());
        }
        Ok(output)
    }
}
