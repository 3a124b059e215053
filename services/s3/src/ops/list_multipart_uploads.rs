//! ListMultipartUploads: uploads under way, by key and then by when they began.

use base::Timestamp;
use serde::Serialize;
use service::{ApiError, Call, Operation};

use crate::acl::Owner;
use crate::list::{After, Cursor, Encoding, Entry, Query, delimiter, group, max_entries, page, start_after};
use crate::listed::CommonPrefix;
use crate::members::members;
use crate::multipart::{Upload, upload_key};
use crate::ops::list_parts::Initiator;
use crate::{S3, TABLE_UPLOADS};

/// See the module.
pub struct ListMultipartUploads;

members! { input Input {
    pub delimiter: Option<String>,
    pub encoding_type: Option<String>,
    pub key_marker: Option<String>,
    pub max_uploads: Option<i64>,
    pub prefix: Option<String>,
    pub upload_id_marker: Option<String>,
} bucket }

/// An upload in the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    upload_id: String,
    key: String,
    initiated: Timestamp,
    storage_class: String,
    owner: Owner,
    initiator: Initiator,
    checksum_algorithm: Option<&'static str>,
    checksum_type: Option<&'static str>,
}

members! { output Output {
    pub bucket: String,
    pub key_marker: String,
    pub upload_id_marker: String,
    pub next_key_marker: Option<String>,
    pub prefix: String,
    pub delimiter: Option<String>,
    pub next_upload_id_marker: Option<String>,
    pub max_uploads: i64,
    pub is_truncated: bool,
    pub uploads: Vec<Listed>,
    pub common_prefixes: Vec<CommonPrefix>,
    pub encoding_type: Option<String>,
} }

impl Operation for ListMultipartUploads {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListMultipartUploads";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "ListBucketMultipartUploads";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let encoding = Encoding::parse(input.encoding_type.as_deref())?;
        let max = max_entries("max-uploads", input.max_uploads)?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let query = Query { bucket: &bucket.name, prefix, delimiter: delimiter(input.delimiter.as_deref()), max };
        let key_marker = input.key_marker.as_deref().unwrap_or_default();
        // Without a key marker, the other one has no meaning.
        let id_marker = input.upload_id_marker.as_deref().filter(|id| !id.is_empty() && !key_marker.is_empty());
        let start = match (key_marker, id_marker) {
            ("", _) => None,
            (key, Some(id)) => state::key::after_prefix(&upload_key(&bucket.name, key, id)),
            (key, None) if key.starts_with(prefix) && group(key, &query) == Some(key) => {
                start_after(&bucket.name, &After::Prefix(key.to_owned()))
            }
            (key, None) => start_after(&bucket.name, &After::Key(key.to_owned())),
        };
        let mut cursors = [Cursor::new(&*s3.state, TABLE_UPLOADS, &query, start)];
        let page = page(&query, &mut cursors, |parts, row, _| {
            let upload: Upload = serde_json::from_slice(&row.value).map_err(ApiError::internal)?;
            Ok(Some((parts[1].clone(), upload)))
        })
        .await?;
        let mut output = Output {
            bucket: bucket.name.clone(),
            key_marker: encoding.apply(key_marker),
            upload_id_marker: id_marker.unwrap_or_default().to_owned(),
            prefix: encoding.apply(prefix),
            delimiter: query.delimiter.map(|delimiter| encoding.apply(delimiter)),
            max_uploads: i64::try_from(max).unwrap_or(i64::MAX),
            is_truncated: page.truncated,
            encoding_type: encoding.name(),
            ..Output::default()
        };
        match page.entries.last() {
            Some(Entry::Item((key, upload))) if page.truncated => {
                output.next_key_marker = Some(encoding.apply(key));
                output.next_upload_id_marker = Some(upload.id.clone());
            }
            Some(Entry::Prefix(prefix)) if page.truncated => output.next_key_marker = Some(encoding.apply(prefix)),
            _ => {}
        }
        for entry in page.entries {
            match entry {
                Entry::Item((key, upload)) => output.uploads.push(Listed {
                    key: encoding.apply(&key),
                    initiated: Timestamp::from_ms(upload.started_ms).trunc_secs(),
                    storage_class: upload.storage_class(),
                    owner: s3.owner(&call.account),
                    initiator: Initiator { id: upload.initiator.unwrap_or_else(|| s3.owner(&call.account).id) },
                    checksum_algorithm: upload.checksum.map(|(algorithm, _)| algorithm.as_str()),
                    checksum_type: upload.checksum.map(|(_, kind)| kind.as_str()),
                    upload_id: upload.id,
                }),
                Entry::Prefix(prefix) => {
                    output.common_prefixes.push(CommonPrefix { prefix: encoding.apply(&prefix) });
                }
            }
        }
        Ok(output)
    }
}
