//! Tags as SNS takes them. Source: SNS API reference, TagResource.

use serde::{Deserialize, Serialize};

use crate::Error;

/// At most this many on one topic. Source: the same.
const TAGS_MAX: usize = 50;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Up to 128 characters; upper and lower case differ.
    pub key: String,
    /// Up to 256 characters.
    pub value: String,
}

/// `old` with `new` set in it.
pub fn merged(old: &[Tag], new: Vec<Tag>) -> Result<Vec<Tag>, Error> {
    let mut tags = old.to_vec();
    for (at, tag) in new.iter().enumerate() {
        if new[..at].iter().any(|other| other.key == tag.key) {
            return Err(Error::invalid("Duplicated keys are not allowed."));
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Error::invalid("aws: prefixed tag key names are not allowed for external use."));
        }
    }
    for tag in new {
        match tags.iter_mut().find(|old| old.key == tag.key) {
            Some(old) => *old = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(Error::TagLimitExceeded);
    }
    Ok(tags)
}
