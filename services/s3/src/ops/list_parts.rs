//! ListParts: the parts of an upload, by number.

use base::Timestamp;
use serde::Serialize;
use service::{ApiError, Call, Operation};
use state::Range;

use crate::acl::Owner;
use crate::error::{invalid_argument, state_failed};
use crate::list::max_entries;
use crate::members::members;
use crate::multipart::{Part, part_key, parts_prefix};
use crate::object::quoted;
use crate::{S3, TABLE_PARTS};

/// See the module.
pub struct ListParts;

members! { input Input {
    pub key: String,
    pub upload_id: String,
    pub max_parts: Option<i64>,
    pub part_number_marker: Option<i64>,
} bucket customer_key }

members! { output Listed {
    pub part_number: i64,
    pub last_modified: Option<Timestamp>,
    #[serde(rename = "ETag")]
    pub etag: String,
    pub size: u64,
} checksums }

/// Who began the upload.
#[derive(Debug, Default, Serialize)]
pub struct Initiator {
    #[serde(rename = "ID")]
    pub(super) id: String,
}

members! { output Output {
    pub bucket: String,
    pub key: String,
    pub upload_id: String,
    pub part_number_marker: i64,
    pub next_part_number_marker: i64,
    pub max_parts: i64,
    pub is_truncated: bool,
    pub parts: Vec<Listed>,
    pub initiator: Initiator,
    pub owner: Option<Owner>,
    pub storage_class: String,
    pub checksum_algorithm: Option<&'static str>,
    pub checksum_type: Option<&'static str>,
    pub abort_date: Option<Timestamp>,
    pub abort_rule_id: Option<String>,
} }

impl Operation for ListParts {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListParts";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const ACTION: &'static str = "ListMultipartUploadParts";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        input.check_customer_key()?;
        let max = max_entries("max-parts", input.max_parts)?;
        let marker = input.part_number_marker.unwrap_or(0);
        let after = u32::try_from(marker).map_err(|_| {
            let text = "Argument part-number-marker must be an integer between 0 and 2147483647";
            invalid_argument("part-number-marker", &marker.to_string(), text)
        })?;
        let bucket = input.bucket(s3).await?;
        let upload = s3.upload(&input.bucket, &input.key, &input.upload_id).await?;
        let (abort_date, abort_rule_id) = s3.abortion(&bucket, &input.key, &upload).await?.unzip();
        let range = Range::prefix(parts_prefix(&upload.id)).after(part_key(&upload.id, after.min(99_999)));
        let mut rows = s3.state.scan(TABLE_PARTS, range, max + 1).await.map_err(state_failed)?;
        let is_truncated = max > 0 && rows.len() > max;
        rows.truncate(max);
        let mut parts = Vec::with_capacity(rows.len());
        for row in rows {
            let part: Part = serde_json::from_slice(&row.value).map_err(ApiError::internal)?;
            let mut listed = Listed {
                part_number: i64::from(part.number),
                last_modified: Some(part.modified()),
                etag: quoted(&part.etag),
                size: part.size,
                ..Listed::default()
            };
            if let Some((algorithm, text)) = part.checksum.filter(|_| upload.checksum.is_some()) {
                listed.set_checksum(algorithm, text);
            }
            parts.push(listed);
        }
        Ok(Output {
            bucket: input.bucket,
            key: input.key,
            part_number_marker: marker,
            next_part_number_marker: parts.last().map_or(0, |part| part.part_number),
            max_parts: i64::try_from(max).unwrap_or(i64::MAX),
            is_truncated,
            parts,
            initiator: Initiator { id: upload.initiator.clone().unwrap_or_else(|| s3.owner(&call.account).id) },
            owner: Some(s3.owner(&call.account)),
            storage_class: upload.storage_class(),
            checksum_algorithm: upload.checksum.map(|(algorithm, _)| algorithm.as_str()),
            checksum_type: upload.checksum.map(|(_, kind)| kind.as_str()),
            upload_id: upload.id,
            abort_date,
            abort_rule_id,
        })
    }
}
