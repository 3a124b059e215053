//! GetObjectAttributes: of an object what the caller lists: entity tag, checksum, parts, storage class, size.

use base::Timestamp;
use service::{ApiError, Call, Operation};

use crate::S3;
use crate::checksum::Kind;
use crate::error::invalid_argument;
use crate::list::max_entries;
use crate::members::members;
use crate::object::{Data, Version};
use crate::read::Wanted;

const NAMES: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

/// See the module.
pub struct GetObjectAttributes;

members! { input Input {
    pub key: String,
    pub version_id: Option<String>,
    pub max_parts: Option<i64>,
    pub part_number_marker: Option<i64>,
    pub object_attributes: Vec<String>,
} bucket customer_key }

members! { output Checksum {
    pub checksum_type: Option<&'static str>,
} checksums }

members! { output ObjectPart {
    pub part_number: i64,
    pub size: u64,
} checksums }

members! { output Parts {
    pub total_parts_count: i64,
    pub part_number_marker: i64,
    pub next_part_number_marker: i64,
    pub max_parts: i64,
    pub is_truncated: bool,
    pub parts: Option<Vec<ObjectPart>>,
} }

members! { output Output {
    pub last_modified: Option<Timestamp>,
    pub version_id: Option<String>,
    #[serde(rename = "ETag")]
    pub etag: Option<String>,
    pub checksum: Option<Checksum>,
    pub object_parts: Option<Parts>,
    pub storage_class: Option<String>,
    pub object_size: Option<u64>,
} }

impl Operation for GetObjectAttributes {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "GetObjectAttributes";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}/{Key}";
    const VERSION_ACTION: &'static str = "GetObjectVersionAttributes";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        input.check_customer_key()?;
        // The header's names may come in one item.
        let wanted: Vec<&str> =
            input.object_attributes.iter().flat_map(|item| item.split(',')).map(str::trim).collect();
        if let Some(other) = wanted.iter().find(|name| !NAMES.contains(name)) {
            return Err(invalid_argument("x-amz-object-attributes", other, "Invalid attribute name specified."));
        }
        let bucket = input.bucket(s3).await?;
        let all = Wanted {
            version_id: input.version_id.as_deref(),
            range: None,
            part_number: None,
            checksum_mode: None,
            conditions: Default::default(),
        };
        let found = s3.want(call, &bucket, &input.key, &all).await?;
        let wants = |name| wanted.contains(&name);
        let mut output = Output {
            last_modified: Some(found.version.modified()),
            version_id: found.version_id(),
            ..Output::default()
        };
        let version = found.version;
        if wants("ETag") {
            // Here, and only here, without quotes.
            output.etag = Some(version.etag.clone());
        }
        if wants("Checksum") {
            output.checksum = version.checksum.as_ref().map(|known| {
                let mut checksum = Checksum { checksum_type: Some(known.kind.as_str()), ..Checksum::default() };
                checksum.set_checksum(known.algorithm, known.text.clone());
                checksum
            });
        }
        if wants("ObjectParts") {
            output.object_parts = parts(s3, &version, &input).await?;
        }
        if wants("StorageClass") {
            output.storage_class = Some(version.storage_class());
        }
        if wants("ObjectSize") {
            output.object_size = Some(version.size);
        }
        Ok(output)
    }
}

/// The parts that an object was uploaded in. As on AWS, each is told of only if it has a checksum of its own that counts.
async fn parts(s3: &S3, version: &Version, input: &Input) -> Result<Option<Parts>, ApiError> {
    let Data::Parts(name) = &version.data else { return Ok(None) };
    let max = max_entries("max-parts", input.max_parts)?;
    let marker = input.part_number_marker.unwrap_or(0);
    let manifest = s3.manifest(name).await?.ok_or(crate::content::OpenError::Gone)?;
    let total = i64::try_from(manifest.parts.len()).unwrap_or(i64::MAX);
    let mut answer = Parts {
        total_parts_count: total,
        part_number_marker: marker,
        max_parts: i64::try_from(max).unwrap_or(i64::MAX),
        ..Parts::default()
    };
    let checksum = version.checksum.as_ref().filter(|checksum| checksum.kind == Kind::Composite);
    let Some(checksum) = checksum else { return Ok(Some(answer)) };
    let mut behind = manifest.parts.into_iter().filter(|piece| i64::from(piece.number) > marker);
    let mut listed = Vec::new();
    for piece in behind.by_ref().take(max) {
        let number = i64::from(piece.number);
        let mut part = ObjectPart { part_number: number, size: piece.size, ..ObjectPart::default() };
        if let Some(text) = piece.checksum {
            part.set_checksum(checksum.algorithm, text);
        }
        answer.next_part_number_marker = number;
        listed.push(part);
    }
    answer.is_truncated = behind.next().is_some();
    answer.parts = Some(listed);
    Ok(Some(answer))
}
