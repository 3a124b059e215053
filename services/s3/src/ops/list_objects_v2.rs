//! ListObjectsV2: the listing that goes on by an opaque token.

use service::{ApiError, Call, Operation};

use crate::S3;
use crate::error::invalid_argument;
use crate::list::{After, Encoding, Entry, Query, delimiter, max_entries, wants_restore_status};
use crate::listed::{CommonPrefix, Object};
use crate::members::members;

/// See the module.
pub struct ListObjectsV2;

members! { input Input {
    pub delimiter: Option<String>,
    pub encoding_type: Option<String>,
    pub max_keys: Option<i64>,
    pub prefix: Option<String>,
    pub continuation_token: Option<String>,
    pub fetch_owner: Option<bool>,
    pub start_after: Option<String>,
    pub optional_object_attributes: Option<Vec<String>>,
} bucket }

members! { output Output {
    pub is_truncated: bool,
    pub contents: Vec<Object>,
    pub name: String,
    pub prefix: String,
    pub delimiter: Option<String>,
    pub max_keys: i64,
    pub common_prefixes: Vec<CommonPrefix>,
    pub encoding_type: Option<String>,
    pub key_count: i64,
    pub continuation_token: Option<String>,
    pub next_continuation_token: Option<String>,
    pub start_after: Option<String>,
} }

impl Operation for ListObjectsV2 {
    type Service = S3;
    type Input = Input;
    type Output = Output;
    const NAME: &'static str = "ListObjectsV2";
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
        let start_after = input.start_after.as_deref().filter(|key| !key.is_empty());
        let after = match (input.continuation_token.as_deref(), start_after) {
            (Some(token), _) => read_token(token)?,
            (None, Some(key)) => After::Key(key.to_owned()),
            (None, None) => After::Nothing,
        };
        let page = s3.list(&query, &after).await?;
        let mut output = Output {
            is_truncated: page.truncated,
            name: bucket.name.clone(),
            prefix: encoding.apply(prefix),
            delimiter: query.delimiter.map(|delimiter| encoding.apply(delimiter)),
            max_keys: i64::try_from(max).unwrap_or(i64::MAX),
            encoding_type: encoding.name(),
            key_count: i64::try_from(page.entries.len()).unwrap_or(i64::MAX),
            continuation_token: input.continuation_token.clone(),
            start_after: start_after.map(|key| encoding.apply(key)),
            ..Output::default()
        };
        if page.truncated {
            output.next_continuation_token = page.entries.last().map(|entry| match entry {
                Entry::Item((key, _)) => write_token('k', key),
                Entry::Prefix(prefix) => write_token('p', prefix),
            });
        }
        for entry in page.entries {
            match entry {
                Entry::Item((key, version)) => {
                    let owner = (input.fetch_owner == Some(true)).then(|| s3.owner(&call.account));
                    let status = if restored { version.restore_status(now) } else { None };
                    output.contents.push(Object::new(encoding.apply(&key), version, owner, status));
                }
                Entry::Prefix(prefix) => {
                    output.common_prefixes.push(CommonPrefix { prefix: encoding.apply(&prefix) });
                }
            }
        }
        Ok(output)
    }
}

/// Clients must not read anything into a token; to us it is a letter and a key or group in hexadecimal.
fn write_token(kind: char, text: &str) -> String {
    format!("{kind}{}", base::ids::hex(text.as_bytes()))
}

fn read_token(token: &str) -> Result<After, ApiError> {
    let text = |hex| String::from_utf8(base::ids::unhex(hex)?).ok();
    let after = match token.split_at_checked(1) {
        Some(("k", hex)) => text(hex).map(After::Key),
        Some(("p", hex)) => text(hex).map(After::Prefix),
        _ => None,
    };
    after.ok_or_else(|| invalid_argument("continuation-token", token, "The continuation token provided is incorrect"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::*;
    use crate::ops::{ListObjects, list_objects};

    const KEYS: [&str; 6] = ["a b", "a/1", "a/2", "b", "c/1/2", "d+"];

    async fn stand() -> S3 {
        let s3 = service();
        bucket(&s3, "bkt").await;
        for key in KEYS {
            put(&s3, "bkt", key, "x").await;
        }
        s3
    }

    /// Keys, then common prefixes, of a page as JSON.
    fn lines(page: &serde_json::Value) -> Vec<String> {
        let of = |list: &str, member: &str| {
            let lines = page[list].as_array().unwrap().iter();
            lines.map(|line| line[member].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        [of("Contents", "Key"), of("CommonPrefixes", "Prefix")].concat()
    }

    async fn v2(s3: &S3, input: Input) -> serde_json::Value {
        let input = Input { bucket: "bkt".into(), ..input };
        serde_json::to_value(call::<ListObjectsV2>(s3, input).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn pages_go_on_by_token() {
        let s3 = stand().await;
        let mut token = None;
        let mut all = Vec::new();
        loop {
            let input = Input {
                delimiter: Some("/".into()),
                max_keys: Some(2),
                continuation_token: token.clone(),
                ..Input::default()
            };
            let page = v2(&s3, input).await;
            assert_eq!(page["KeyCount"], lines(&page).len());
            all.extend(lines(&page));
            token = page["NextContinuationToken"].as_str().map(str::to_owned);
            assert_eq!(page["IsTruncated"], token.is_some());
            if token.is_none() {
                break;
            }
        }
        assert_eq!(all, ["a b", "a/", "b", "c/", "d+"]);
        let refused = Input { bucket: "bkt".into(), continuation_token: Some("k0".into()), ..Input::default() };
        assert_eq!(call::<ListObjectsV2>(&s3, refused).await.unwrap_err().code, "InvalidArgument");
        let refused = Input { bucket: "bkt".into(), max_keys: Some(-1), ..Input::default() };
        assert_eq!(call::<ListObjectsV2>(&s3, refused).await.unwrap_err().code, "InvalidArgument");
    }

    #[tokio::test]
    async fn members_do_what_they_say() {
        let s3 = stand().await;
        let page = v2(&s3, Input { encoding_type: Some("url".into()), ..Input::default() }).await;
        assert_eq!(lines(&page), ["a%20b", "a/1", "a/2", "b", "c/1/2", "d%2B"]);
        assert_eq!(page["Contents"][0]["Owner"], serde_json::Value::Null);
        assert_eq!((&page["MaxKeys"], &page["EncodingType"]), (&1000.into(), &"url".into()));
        let page =
            v2(&s3, Input { fetch_owner: Some(true), start_after: Some("a/1".into()), ..Input::default() }).await;
        assert_eq!(lines(&page), ["a/2", "b", "c/1/2", "d+"]);
        assert_eq!(page["Contents"][0]["Owner"]["ID"].as_str().unwrap().len(), 64);
        let page = v2(&s3, Input { prefix: Some("c/".into()), delimiter: Some("/".into()), ..Input::default() }).await;
        assert_eq!(lines(&page), ["c/1/"]);
        let page = v2(&s3, Input { max_keys: Some(0), ..Input::default() }).await;
        assert_eq!((lines(&page).len(), &page["IsTruncated"]), (0, &false.into()));
    }

    #[tokio::test]
    async fn the_older_listing_goes_on_by_marker() {
        let s3 = stand().await;
        let list = async |delimiter: Option<&str>, marker: &str| {
            let input = list_objects::Input {
                bucket: "bkt".into(),
                delimiter: delimiter.map(str::to_owned),
                marker: Some(marker.into()),
                max_keys: Some(2),
                ..Default::default()
            };
            let page = serde_json::to_value(call::<ListObjects>(&s3, input).await.unwrap()).unwrap();
            (lines(&page), page["NextMarker"].as_str().map(str::to_owned))
        };
        assert_eq!(list(Some("/"), "").await, (vec!["a b".into(), "a/".into()], Some("a/".into())));
        assert_eq!(list(Some("/"), "a/").await, (vec!["b".into(), "c/".into()], Some("c/".into())));
        assert_eq!(list(Some("/"), "c/").await, (vec!["d+".into()], None));
        // Without a delimiter there is no NextMarker: the last key is it.
        assert_eq!(list(None, "a/1").await, (vec!["a/2".into(), "b".into()], None));
    }
}
