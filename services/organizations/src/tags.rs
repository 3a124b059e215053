//! Tags as Organizations takes them. Source: Organizations user guide, "Tagging AWS Organizations resources".

use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::error::{constraint, invalid};

/// At most this many on one resource.
const TAGS_MAX: usize = 50;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Up to 128 characters.
    pub key: String,
    /// Up to 256 characters.
    pub value: String,
}

/// `old` with `new` set in it.
pub fn merged(old: &[Tag], new: Vec<Tag>) -> Result<Vec<Tag>, ApiError> {
    for (at, tag) in new.iter().enumerate() {
        if new[..at].iter().any(|other| other.key == tag.key) {
            let text = "Tag keys must be unique among the tags attached to the same entity.";
            return Err(invalid("DUPLICATE_TAG_KEY", text));
        }
    }
    refuse_system_tags(new.iter().map(|tag| tag.key.as_str()))?;
    let mut tags = old.to_vec();
    for tag in new {
        match tags.iter_mut().find(|old| old.key == tag.key) {
            Some(old) => *old = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() > TAGS_MAX {
        let text = "You have exceeded the number of tags allowed on this resource.";
        return Err(constraint("MAX_TAG_LIMIT_EXCEEDED", text));
    }
    Ok(tags)
}

/// Refuses keys that only AWS sets.
pub fn refuse_system_tags<'a>(mut keys: impl Iterator<Item = &'a str>) -> Result<(), ApiError> {
    if keys.any(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        let text = "You specified a tag key that is a system tag. You can't add, edit, or delete system tag keys because \
                    they're reserved for AWS use.";
        return Err(invalid("INVALID_SYSTEM_TAGS_PARAMETER", text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: usize, new: &[&str], expected: Result<usize, &str>) {
        let tag = |key: String| Tag { key, value: "v".into() };
        let old: Vec<Tag> = (0..old).map(|n| tag(n.to_string())).collect();
        let new = new.iter().map(|key| tag((*key).to_owned())).collect();
        let reason = |error: ApiError| match error.fields.get("Reason") {
            Some(value) => format!("{value:?}"),
            None => String::new(),
        };
        match (merged(&old, new), expected) {
            (Ok(tags), Ok(count)) => assert_eq!(tags.len(), count),
            (Err(error), Err(expected)) => assert!(reason(error).contains(expected), "{expected}"),
            (got, _) => panic!("{got:?}, not {expected:?}"),
        }
    }

    #[test]
    fn tags_are_set_within_limits() {
        check(0, &["a", "b"], Ok(2));
        check(2, &["0", "a"], Ok(3));
        check(50, &["3"], Ok(50));
        check(50, &["a"], Err("MAX_TAG_LIMIT_EXCEEDED"));
        check(0, &["a", "a"], Err("DUPLICATE_TAG_KEY"));
        check(0, &["a", "A"], Ok(2));
        check(0, &["AWS:x"], Err("INVALID_SYSTEM_TAGS_PARAMETER"));
    }
}
