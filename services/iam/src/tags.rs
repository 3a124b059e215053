//! Tags as IAM takes them. Source: IAM user guide, "Tagging IAM resources".

use serde::{Deserialize, Serialize};

use crate::Error;

/// At most this many on one user.
const TAGS_MAX: usize = 50;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Up to 128 characters; keys differ by more than case.
    pub key: String,
    /// Up to 256 characters.
    pub value: String,
}

/// `old` with `new` set in it.
pub fn merged(old: &[Tag], new: Vec<Tag>) -> Result<Vec<Tag>, Error> {
    let mut tags = old.to_vec();
    for (at, tag) in new.iter().enumerate() {
        if new[..at].iter().any(|other| other.key.eq_ignore_ascii_case(&tag.key)) {
            let text = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(Error::InvalidInput(text.into()));
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Error::InvalidInput("System tags cannot be modified by a customer.".into()));
        }
    }
    for tag in new {
        match tags.iter_mut().find(|old| old.key.eq_ignore_ascii_case(&tag.key)) {
            Some(old) => *old = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(Error::LimitExceeded(format!("Cannot exceed quota for TagsPerUser: {TAGS_MAX}")));
    }
    Ok(tags)
}
