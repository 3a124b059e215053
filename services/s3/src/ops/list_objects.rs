//! ListObjects: the older listing, which goes on behind a key (or group) that the caller names.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::list::{After, Encoding, Entry, Query, delimiter, group, max_entries, wants_restore_status};
use crate::listed::{CommonPrefix, Object};
use crate::members::members;

/// See the module.
pub struct ListObjects;

members! { input Input {
    pub delimiter: Option<String>,
    pub encoding_type: Option<String>,
    pub marker: Option<String>,
    pub max_keys: Option<i64>,
    pub prefix: Option<String>,
    pub optional_object_attributes: Option<Vec<String>>,
} bucket }

members! { output Output {
    pub is_truncated: bool,
    pub marker: String,
    pub next_marker: Option<String>,
    pub contents: Vec<Object>,
    pub name: String,
    pub prefix: String,
    pub delimiter: Option<String>,
    pub max_keys: i64,
    pub common_prefixes: Vec<CommonPrefix>,
    pub encoding_type: Option<String>,
} }

impl Operation for ListObjects {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListObjects";
    const RESOURCE: &'static str = "arn:aws:s3:::{Bucket}";
    const ACTION: &'static str = "ListBucket";
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
        let marker = input.marker.as_deref().unwrap_or_default();
        let after = match marker {
            "" => After::Nothing,
            // A marker may be a group of the page before.
            marker if marker.starts_with(prefix) && group(marker, &query) == Some(marker) => {
                After::Prefix(marker.to_owned())
            }
            marker => After::Key(marker.to_owned()),
        };
        let page = s3.list(&query, &after).await?;
        let mut output = Output {
            is_truncated: page.truncated,
            marker: encoding.apply(marker),
            name: bucket.name.clone(),
            prefix: encoding.apply(prefix),
            delimiter: query.delimiter.map(|delimiter| encoding.apply(delimiter)),
            max_keys: i64::try_from(max).unwrap_or(i64::MAX),
            encoding_type: encoding.name(),
            ..Output::default()
        };
        // AWS names where to go on only with a delimiter; without, it is the last key.
        if page.truncated && query.delimiter.is_some() {
            output.next_marker = page.entries.last().map(|entry| match entry {
                Entry::Item((key, _)) => encoding.apply(key),
                Entry::Prefix(prefix) => encoding.apply(prefix),
            });
        }
        for entry in page.entries {
            match entry {
                Entry::Item((key, version)) => {
                    let status = if restored { version.restore_status(now) } else { None };
                    output.contents.push(Object::new(
                        encoding.apply(&key),
                        version,
                        Some(s3.owner(&call.account)),
                        status,
                    ));
                }
                Entry::Prefix(prefix) => {
                    output.common_prefixes.push(CommonPrefix { prefix: encoding.apply(&prefix) });
                }
            }
        }
        Ok(output)
    }
}
