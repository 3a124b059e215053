//! Tags of sessions: those that are passed, and those that come along from the session before. Source: IAM user guide, "Pass session
//! tags in AWS STS".

use ports::Session;
use serde::Deserialize;

use crate::Error;

/// At most this many on one session. Source: IAM user guide, "IAM and AWS STS quotas".
const TAGS_MAX: usize = 50;

/// A tag as requests give it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// The tags that a session begins with.
#[derive(Debug, Default)]
pub struct SessionTags {
    /// What was passed, without what came along.
    pub passed: Vec<(String, String)>,
    /// All of them.
    pub all: Vec<(String, String)>,
    /// The keys of those that go along into further sessions.
    pub transitive: Vec<String>,
}

impl SessionTags {
    /// Checks tags that are passed, and joins those that come along from `before`.
    pub fn new(tags: Vec<Tag>, transitive: Vec<String>, before: Option<&Session>) -> Result<SessionTags, Error> {
        let refuse = |text: &str| Err(Error::InvalidParameterValue(text.to_owned()));
        let passed: Vec<(String, String)> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        for (at, (key, _)) in passed.iter().enumerate() {
            if passed[..at].iter().any(|(other, _)| is_same(other, key)) {
                return refuse("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
            }
            if key.to_lowercase().starts_with("aws:") {
                return refuse("Tag keys that begin with aws: are reserved for system use.");
            }
        }
        if !transitive.iter().all(|key| passed.iter().any(|(passed, _)| is_same(passed, key))) {
            return refuse("The specified transitive tag key must be included in the requested tags.");
        }
        let mut all = passed.clone();
        let mut going_along = transitive;
        for key in before.map_or(&[][..], |before| &before.transitive_tag_keys) {
            if passed.iter().any(|(passed, _)| is_same(passed, key)) {
                return refuse(
                    "One or more of the requested tags has the key of a transitive tag of the calling session.",
                );
            }
            let tag = before.and_then(|before| before.tags.iter().find(|(known, _)| is_same(known, key)));
            if let Some(tag) = tag {
                all.push(tag.clone());
                going_along.push(key.clone());
            }
        }
        if all.len() > TAGS_MAX {
            return refuse("A session can have at most 50 tags.");
        }
        Ok(SessionTags { passed, all, transitive: going_along })
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
