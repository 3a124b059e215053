//! Conditions on reading and writing. Source: RFC 9110 sections 13.1 and 13.2, S3 user guide, "Add preconditions to S3
//! operations with conditional requests".

use base::Timestamp;
use service::ApiError;

use crate::error::{header_not_implemented, no_such_key, precondition_failed};
use crate::object::Version;

/// On what a caller wants to read an object.
#[derive(Clone, Copy, Default)]
pub(crate) struct ReadConditions<'a> {
    pub(crate) if_match: Option<&'a str>,
    pub(crate) if_none_match: Option<&'a str>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

/// What conditions say of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Met,
    /// The caller has it already; the condition that says so.
    NotModified(&'static str),
    /// Refuse; the condition that says so.
    Failed(&'static str),
}

impl ReadConditions<'_> {
    /// What they say of an object. Times count in whole seconds, as in the headers.
    pub(crate) fn judge(&self, etag: &str, modified: Timestamp) -> Verdict {
        let modified = modified.secs();
        match (self.if_match, self.if_unmodified_since) {
            (Some(tags), _) if !names(tags, etag) => return Verdict::Failed("If-Match"),
            (None, Some(time)) if modified > time.secs() => return Verdict::Failed("If-Unmodified-Since"),
            _ => {}
        }
        match (self.if_none_match, self.if_modified_since) {
            (Some(tags), _) if names(tags, etag) => Verdict::NotModified("If-None-Match"),
            (None, Some(time)) if modified <= time.secs() => Verdict::NotModified("If-Modified-Since"),
            _ => Verdict::Met,
        }
    }
}

/// On what a caller wants to write or delete an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteCondition {
    /// In any case.
    None,
    /// If there is no such object.
    Absent,
    /// If there is one with such an entity tag.
    Match(String),
}

impl WriteCondition {
    /// What `If-Match` and `If-None-Match` say. S3 knows only `*` in the latter, and not both.
    pub(crate) fn parse(if_match: Option<&str>, if_none_match: Option<&str>) -> Result<WriteCondition, ApiError> {
        match (if_match, if_none_match) {
            (None, None) => Ok(WriteCondition::None),
            (None, Some("*")) => Ok(WriteCondition::Absent),
            (Some(tags), None) => Ok(WriteCondition::Match(tags.to_owned())),
            (_, Some(other)) => Err(header_not_implemented("If-None-Match", other)),
        }
    }

    /// Refuses a write over `current`, which is no delete marker.
    pub(crate) fn check(&self, key: &str, current: Option<&Version>) -> Result<(), ApiError> {
        match (self, current) {
            (WriteCondition::None, _) | (WriteCondition::Absent, None) => Ok(()),
            (WriteCondition::Absent, Some(_)) => Err(precondition_failed("If-None-Match")),
            (WriteCondition::Match(_), None) => Err(no_such_key(key)),
            (WriteCondition::Match(tags), Some(version)) if names(tags, &version.etag) => Ok(()),
            (WriteCondition::Match(_), Some(_)) => Err(precondition_failed("If-Match")),
        }
    }
}

/// Whether a list of entity tags, each with or without quotes, names this one (without quotes).
pub(crate) fn names(tags: &str, etag: &str) -> bool {
    tags.split(',')
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|tag| tag == "*" || tag == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `conditions` is `M` tags, `N` tags, `m` or `u` seconds; the object has the tag `abc` and is of second 100.
    #[track_caller]
    fn check(conditions: &[(char, &str)], expected: Verdict) {
        let mut read = ReadConditions::default();
        for (kind, value) in conditions {
            let time = || Some(Timestamp::from_secs(value.parse().unwrap()));
            match kind {
                'M' => read.if_match = Some(value),
                'N' => read.if_none_match = Some(value),
                'm' => read.if_modified_since = time(),
                'u' => read.if_unmodified_since = time(),
                other => panic!("{other}"),
            }
        }
        assert_eq!(read.judge("abc", Timestamp::from_ms(100_900)), expected, "{conditions:?}");
    }

    #[test]
    fn precedence_is_as_in_the_rfc() {
        check(&[], Verdict::Met);
        check(&[('M', "\"abc\"")], Verdict::Met);
        check(&[('M', "x, abc")], Verdict::Met);
        check(&[('M', "*")], Verdict::Met);
        check(&[('M', "\"x\"")], Verdict::Failed("If-Match"));
        check(&[('u', "99")], Verdict::Failed("If-Unmodified-Since"));
        check(&[('u', "100")], Verdict::Met);
        check(&[('M', "abc"), ('u', "99")], Verdict::Met);
        check(&[('N', "\"abc\"")], Verdict::NotModified("If-None-Match"));
        check(&[('N', "W/\"abc\"")], Verdict::NotModified("If-None-Match"));
        check(&[('m', "100")], Verdict::NotModified("If-Modified-Since"));
        check(&[('m', "99")], Verdict::Met);
        check(&[('N', "x"), ('m', "100")], Verdict::Met);
        check(&[('N', "abc"), ('m', "99")], Verdict::NotModified("If-None-Match"));
        check(&[('M', "x"), ('N', "abc")], Verdict::Failed("If-Match"));
    }
}
