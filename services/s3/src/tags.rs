//! Tags of buckets and objects. Source: S3 user guide, "Categorizing your objects using tags"; "Using cost allocation S3 bucket
//! tags".

use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::error::{Error, invalid_argument};

/// The most tags of an object.
const OBJECT_TAGS_MAX: usize = 10;
/// The most tags of a bucket.
const BUCKET_TAGS_MAX: usize = 50;
/// The most characters of a tag's key.
const KEY_CHARS_MAX: usize = 128;
/// The most characters of a tag's value.
const VALUE_CHARS_MAX: usize = 256;

/// A tag as it goes on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    /// What it is called.
    pub key: String,
    /// What it says.
    pub value: String,
}

/// A set of tags as it goes on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tagging {
    /// The tags.
    pub tag_set: Vec<Tag>,
}

impl Tagging {
    /// The tags of an object, checked.
    pub(crate) fn for_object(self) -> Result<Vec<(String, String)>, ApiError> {
        if self.tag_set.len() > OBJECT_TAGS_MAX {
            return Err(Error::BadRequest("Object tags cannot be greater than 10".to_owned()).into());
        }
        checked(self.tag_set)
    }

    /// The tags of a bucket, checked.
    pub(crate) fn for_bucket(self) -> Result<Vec<(String, String)>, ApiError> {
        if self.tag_set.len() > BUCKET_TAGS_MAX {
            return Err(Error::BadRequest("Bucket tag count cannot be greater than 50".to_owned()).into());
        }
        checked(self.tag_set)
    }
}

/// Stored tags as they go on the wire.
pub(crate) fn tag_set(tags: &[(String, String)]) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// The tags in the header `x-amz-tagging`: a query string.
pub(crate) fn of_header(header: Option<&str>) -> Result<Vec<(String, String)>, ApiError> {
    let Some(header) = header else { return Ok(Vec::new()) };
    let pairs = form_urlencoded::parse(header.as_bytes());
    let tag_set: Vec<Tag> =
        pairs.map(|(key, value)| Tag { key: key.into_owned(), value: value.into_owned() }).collect();
    let twice = |tag: &Tag| tag_set.iter().filter(|other| other.key == tag.key).count() > 1;
    if tag_set.iter().any(twice) {
        let text = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without \
            tag name duplicates.";
        return Err(invalid_argument("x-amz-tagging", header, text));
    }
    Tagging { tag_set }.for_object()
}

fn checked(tags: Vec<Tag>) -> Result<Vec<(String, String)>, ApiError> {
    let mut all: Vec<(String, String)> = Vec::with_capacity(tags.len());
    for Tag { key, value } in tags {
        let refused = if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
            Some("The TagKey you have provided is invalid")
        } else if value.chars().count() > VALUE_CHARS_MAX {
            Some("The TagValue you have provided is invalid")
        } else if key.starts_with("aws:") {
            Some("System tags cannot be added/updated by requester")
        } else if all.iter().any(|(known, _)| *known == key) {
            Some("Cannot provide multiple Tags with the same key")
        } else {
            None
        };
        if let Some(text) = refused {
            let error = ApiError::from(Error::InvalidTag(text.to_owned()));
            return Err(error.with("TagKey", key).with("TagValue", value));
        }
        all.push((key, value));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Result<&[(&str, &str)], &str>) {
        let tags = of_header(Some(header));
        let tags = tags.as_ref().map(|tags| tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>());
        let tags = tags.as_deref().map_err(|error| error.code.as_ref());
        assert_eq!(tags, expected);
    }

    #[test]
    fn tags_of_a_header() {
        check("", Ok(&[]));
        check("a=1&b=x%20y+z&c", Ok(&[("a", "1"), ("b", "x y z"), ("c", "")]));
        check("a=1&a=2", Err("InvalidArgument"));
        check("a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=10&k=11", Err("BadRequest"));
        check("aws:x=1", Err("InvalidTag"));
        check(&format!("{}=1", "k".repeat(129)), Err("InvalidTag"));
        check(&format!("k={}", "v".repeat(257)), Err("InvalidTag"));
    }
}
