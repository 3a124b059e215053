//! Tags as KMS takes them. Source: KMS developer guide, "Tags in AWS KMS".

use serde::{Deserialize, Serialize};

use crate::Error;

/// At most this many on one key. Source: KMS API reference, TagResource.
const TAGS_MAX: usize = 50;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Up to 128 characters; upper and lower case differ.
    pub tag_key: String,
    /// Up to 256 characters.
    pub tag_value: String,
}

/// `old` with `new` set in it.
pub fn merged(old: &[Tag], new: Vec<Tag>) -> Result<Vec<Tag>, Error> {
    let mut tags = old.to_vec();
    for (at, tag) in new.iter().enumerate() {
        if new[..at].iter().any(|other| other.tag_key == tag.tag_key) {
            return Err(Error::TagException("Duplicate tag keys".to_owned()));
        }
        check_key(&tag.tag_key)?;
    }
    for tag in new {
        match tags.iter_mut().find(|old| old.tag_key == tag.tag_key) {
            Some(old) => *old = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(Error::LimitExceededException("Too many tags".to_owned()));
    }
    Ok(tags)
}

/// Refuses the keys that are AWS's.
pub fn check_key(key: &str) -> Result<(), Error> {
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(Error::TagException("Tags beginning with aws: are reserved".to_owned()));
    }
    Ok(())
}
