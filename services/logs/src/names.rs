//! What texts name: groups, by name or ARN, and events.

use std::sync::Arc;

use base::Region;
use base::arn::Arn;
use service::{ApiError, Call};

use crate::Logs;
use crate::error::{bad_token, invalid, no_group};
use crate::live::Place;
use crate::rows::Group;

/// The name in a group's identifier: itself, or what its ARN names. `None` if it is no group's of this region.
pub fn group_name(region: Region, identifier: &str) -> Option<String> {
    if !identifier.starts_with("arn:") {
        return Some(identifier.to_owned());
    }
    let arn = Arn::parse(identifier).filter(|arn| arn.service == "logs" && arn.region == region.as_str())?;
    let name = arn.resource.strip_prefix("log-group:")?;
    Some(name.strip_suffix(":*").unwrap_or(name).to_owned())
}

impl Logs {
    /// The group that a request names, one way or the other.
    pub(crate) fn group(
        &self,
        call: &Call,
        name: Option<&str>,
        identifier: Option<&str>,
    ) -> Result<Arc<Group>, ApiError> {
        let name = match (name, identifier) {
            (Some(_), Some(_)) => {
                return Err(invalid("LogGroup name and LogGroup ARN are mutually exclusive parameters."));
            }
            (None, None) => return Err(invalid("Either LogGroup name or LogGroup ARN must be specified.")),
            (Some(name), None) => name.to_owned(),
            (None, Some(identifier)) => self.name_of(call, identifier)?,
        };
        self.store.see(|memory| memory.group(call.region, &name).cloned())
    }

    /// The name in an identifier of one of this account's groups.
    pub(crate) fn name_of(&self, call: &Call, identifier: &str) -> Result<String, ApiError> {
        let account = Arn::parse(identifier).map(|arn| arn.account);
        if account.is_some_and(|account| *account != *self.deps.account) {
            return Err(no_group());
        }
        group_name(call.region, identifier).ok_or_else(no_group)
    }
}

/// How an event is named to callers: 56 digits, which grow as events go on.
pub fn event_id(place: Place) -> String {
    format!("{:016}{:020}{:020}", place.ts.max(0), place.seq, place.index)
}

/// The place that such a text names.
pub fn place_of(text: &str) -> Result<Place, ApiError> {
    let part = |from: usize, to: usize| text.get(from..to).ok_or_else(bad_token);
    if text.len() != 56 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad_token());
    }
    Ok(Place {
        ts: part(0, 16)?.parse().map_err(|_| bad_token())?,
        seq: part(16, 36)?.parse().map_err(|_| bad_token())?,
        index: part(36, 56)?.parse().map_err(|_| bad_token())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_name_groups() {
        let cases = [
            ("a/b", Some("a/b")),
            ("arn:aws:logs:us-east-1:111111111111:log-group:/a/b", Some("/a/b")),
            ("arn:aws:logs:us-east-1:111111111111:log-group:/a/b:*", Some("/a/b")),
            ("arn:aws:logs:eu-west-1:111111111111:log-group:/a/b", None),
            ("arn:aws:s3:us-east-1:111111111111:log-group:/a/b", None),
            ("arn:aws:logs:us-east-1:111111111111:destination:x", None),
        ];
        for (text, name) in cases {
            assert_eq!(group_name(Region::US_EAST_1, text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn events_are_named_in_order() {
        let places = [Place { ts: 5, seq: 9, index: 1 }, Place { ts: 5, seq: 10, index: 0 }, Place::behind(5)];
        let ids: Vec<String> = places.iter().map(|place| event_id(*place)).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 56));
        assert!(places.iter().zip(&ids).all(|(place, id)| place_of(id).is_ok_and(|read| read == *place)));
        assert!(place_of("x").is_err() && place_of(&"9".repeat(56)).is_err());
    }
}
