//! Tags as IAM takes them. Source: IAM user guide, "Tagging IAM resources", "Rules for tagging in IAM and AWS STS".

use serde::{Deserialize, Serialize};

use crate::Error;

/// At most this many on one entity.
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

/// Whether keys that differ only by case are the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// They are: tags of users and roles.
    AnyCase,
    /// They are not: tags of everything else.
    Exact,
}

impl Keys {
    fn same(self, one: &str, other: &str) -> bool {
        match self {
            Keys::AnyCase => one.to_lowercase() == other.to_lowercase(),
            Keys::Exact => one == other,
        }
    }
}

/// `old` with `new` set in it. `kind` is what is tagged, as quotas are named: `Role` for `TagsPerRole`.
pub fn set(keys: Keys, kind: &str, old: &[Tag], new: Vec<Tag>) -> Result<Vec<Tag>, Error> {
    let mut tags = old.to_vec();
    for (at, tag) in new.iter().enumerate() {
        if new[..at].iter().any(|other| keys.same(&other.key, &tag.key)) {
            let text = match keys {
                Keys::AnyCase => "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
                Keys::Exact => "Duplicate tag keys found.",
            };
            return Err(Error::InvalidInput(text.into()));
        }
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Error::InvalidInput("System tags cannot be modified by a customer.".into()));
        }
    }
    for tag in new {
        match tags.iter_mut().find(|old| keys.same(&old.key, &tag.key)) {
            Some(old) => *old = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(Error::quota(&format!("TagsPer{kind}"), TAGS_MAX));
    }
    Ok(tags)
}

/// Takes tags off. Keys that are not there are no error.
pub fn unset(keys: Keys, tags: &mut Vec<Tag>, gone: &[String]) {
    tags.retain(|tag| !gone.iter().any(|key| keys.same(key, &tag.key)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(list: &[(&str, &str)]) -> Vec<Tag> {
        list.iter().map(|(key, value)| Tag { key: (*key).to_owned(), value: (*value).to_owned() }).collect()
    }

    #[test]
    fn keys_are_the_same_as_their_kind_says() {
        let both = tags(&[("a", "1"), ("A", "2")]);
        assert!(set(Keys::AnyCase, "Role", &[], both.clone()).is_err());
        assert_eq!(set(Keys::Exact, "Policy", &[], both.clone()).unwrap(), both);
        let one = set(Keys::AnyCase, "User", &tags(&[("Team", "x")]), tags(&[("team", "y")])).unwrap();
        assert_eq!(one, tags(&[("team", "y")]));
        let mut left = both;
        unset(Keys::Exact, &mut left, &["a".to_owned()]);
        assert_eq!(left, tags(&[("A", "2")]));
        unset(Keys::AnyCase, &mut left, &["a".to_owned()]);
        assert!(left.is_empty());
    }

    #[test]
    fn there_are_not_too_many_and_none_of_the_system() {
        let many: Vec<Tag> = (0..50).map(|i| Tag { key: format!("k{i}"), value: String::new() }).collect();
        let error = set(Keys::AnyCase, "User", &many, tags(&[("x", "")])).unwrap_err();
        assert_eq!(error.to_string(), "Cannot exceed quota for TagsPerUser: 50");
        assert!(set(Keys::Exact, "Policy", &[], tags(&[("AWS:x", "")])).is_err());
    }
}
