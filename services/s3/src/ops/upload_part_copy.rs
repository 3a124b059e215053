//! UploadPartCopy: makes an object, or a range of it, a part of an upload.

use base::Timestamp;
use serde::Serialize;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::checksum::Expected;
use crate::content::{OpenError, PUT_BYTES_MAX};
use crate::error::Error;
use crate::members::members;
use crate::multipart::{Part, part_number};
use crate::object::quoted;
use crate::range::parse_source;
use crate::read::READ_TRIES;

/// See the module.
pub struct UploadPartCopy;

members! { input Input {
    pub key: String,
    pub upload_id: String,
    pub part_number: i64,
    pub copy_source_range: Option<String>,
} bucket copy_source customer_key }

members! { output CopyPartResult {
    #[serde(rename = "ETag")]
    pub etag: String,
    pub last_modified: Option<Timestamp>,
} checksums }

/// What the operation answers.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    copy_source_version_id: Option<String>,
    server_side_encryption: Option<&'static str>,
    #[serde(rename = "SSEKMSKeyId")]
    sse_kms_key_id: Option<String>,
    bucket_key_enabled: Option<bool>,
    copy_part_result: CopyPartResult,
}

impl Operation for UploadPartCopy {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "UploadPartCopy";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const ACTION: &'static str = "PutObject";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        input.check_customer_key()?;
        let number = part_number(input.part_number)?;
        let bucket = input.bucket(s3).await?;
        let upload = s3.upload(&input.bucket, &input.key, &input.upload_id).await?;
        let source = input.source()?;
        let mut tries = 0;
        let (source_bucket, old, body) = loop {
            let (source_bucket, old) = source.find(s3, call).await?;
            let range = match &input.copy_source_range {
                Some(header) => parse_source(header, old.size)?,
                None => 0..old.size,
            };
            if range.end - range.start > PUT_BYTES_MAX {
                let text = format!(
                    "The specified copy source is larger than the maximum allowable size for a copy source: {PUT_BYTES_MAX}"
                );
                return Err(Error::InvalidRequest(text).into());
            }
            match source.open(s3, call, &source_bucket, &old, range).await {
                Ok(body) => break (source_bucket, old, body),
                Err(OpenError::Gone) if tries < READ_TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
        };
        let (algorithm, _) = upload.summed();
        let keys = s3.unlock_for(call, bucket.region, upload.kms.as_deref()).await?;
        let (stored, sums) = s3.store(body, &Expected::nothing(algorithm), &keys).await?;
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
        let mut result = CopyPartResult {
            etag: quoted(&part.etag),
            last_modified: Some(part.modified()),
            ..CopyPartResult::default()
        };
        if upload.checksum.is_some() {
            result.set_checksum(sums.algorithm, sums.checksum_text());
        }
        let (encryption, key, bucket_key) = crate::encryption::shown(upload.kms.as_deref());
        Ok(Output {
            copy_source_version_id: source_bucket.versioning.map(|_| old.id),
            server_side_encryption: Some(encryption),
            sse_kms_key_id: key,
            bucket_key_enabled: bucket_key,
            copy_part_result: result,
        })
    }
}
