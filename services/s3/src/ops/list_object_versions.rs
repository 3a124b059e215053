//! ListObjectVersions: all versions and delete markers, by key, newest first.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::invalid_argument;
use crate::list::{After, Encoding, Entry, Query, delimiter, group, max_entries, wants_restore_status};
use crate::listed::{CommonPrefix, DeleteMarker, ObjectVersion};
use crate::members::members;

/// See the module.
pub struct ListObjectVersions;

members! { input Input {
    pub delimiter: Option<String>,
    pub encoding_type: Option<String>,
    pub key_marker: Option<String>,
    pub max_keys: Option<i64>,
    pub prefix: Option<String>,
    pub version_id_marker: Option<String>,
    pub optional_object_attributes: Option<Vec<String>>,
} bucket }

members! { output Output {
    pub is_truncated: bool,
    pub key_marker: String,
    pub version_id_marker: String,
    pub next_key_marker: Option<String>,
    pub next_version_id_marker: Option<String>,
    pub versions: Vec<ObjectVersion>,
    pub delete_markers: Vec<DeleteMarker>,
    pub name: String,
    pub prefix: String,
    pub delimiter: Option<String>,
    pub max_keys: i64,
    pub common_prefixes: Vec<CommonPrefix>,
    pub encoding_type: Option<String>,
} }

impl Operation for ListObjectVersions {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListObjectVersions";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "ListBucketVersions";
    // Who pays makes no difference.
    const IGNORES: &'static [&'static str] = &["RequestPayer"];

    async fn run(s3: &S3, call: &Call, input: Input) -> Result<Output, ApiError> {
        let bucket = input.bucket(s3).await?;
        let restored = wants_restore_status(input.optional_object_attributes.as_ref())?;
        let now = s3.env.clock.now();
        let encoding = Encoding::parse(input.encoding_type.as_deref())?;
        let max = max_entries("maxKeys", input.max_keys)?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let query = Query { bucket: &bucket.name, prefix, delimiter: delimiter(input.delimiter.as_deref()), max };
        let key_marker = input.key_marker.as_deref().unwrap_or_default();
        let version_id_marker = input.version_id_marker.as_deref().filter(|id| !id.is_empty());
        let after = match key_marker {
            "" if version_id_marker.is_some() => {
                let text = "A version-id marker cannot be specified without a key marker.";
                return Err(invalid_argument("version-id-marker", version_id_marker.unwrap_or_default(), text));
            }
            "" => After::Nothing,
            // A marker without a version may be a group of the page before.
            marker
                if version_id_marker.is_none()
                    && marker.starts_with(prefix)
                    && group(marker, &query) == Some(marker) =>
            {
                After::Prefix(marker.to_owned())
            }
            marker => After::Key(marker.to_owned()),
        };
        let page = s3.list_versions(&query, &after, version_id_marker).await?;
        let mut output = Output {
            is_truncated: page.truncated,
            key_marker: encoding.apply(key_marker),
            version_id_marker: version_id_marker.unwrap_or_default().to_owned(),
            name: bucket.name.clone(),
            prefix: encoding.apply(prefix),
            delimiter: query.delimiter.map(|delimiter| encoding.apply(delimiter)),
            max_keys: i64::try_from(max).unwrap_or(i64::MAX),
            encoding_type: encoding.name(),
            ..Output::default()
        };
        if page.truncated {
            match page.entries.last() {
                Some(Entry::Item(listed)) => {
                    output.next_key_marker = Some(encoding.apply(&listed.key));
                    output.next_version_id_marker = Some(listed.version.id.clone());
                }
                Some(Entry::Prefix(prefix)) => output.next_key_marker = Some(encoding.apply(prefix)),
                None => {}
            }
        }
        for entry in page.entries {
            match entry {
                Entry::Item(listed) if listed.version.delete_marker => {
                    let key = encoding.apply(&listed.key);
                    output.delete_markers.push(DeleteMarker::new(key, &listed, s3.owner(&call.account)));
                }
                Entry::Item(listed) => {
                    let key = encoding.apply(&listed.key);
                    let status = if restored { listed.version.restore_status(now) } else { None };
                    output.versions.push(ObjectVersion::new(key, listed, s3.owner(&call.account), status));
                }
                Entry::Prefix(prefix) => {
                    output.common_prefixes.push(CommonPrefix { prefix: encoding.apply(&prefix) });
                }
            }
        }
        Ok(output)
    }
}
