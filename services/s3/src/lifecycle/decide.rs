//! What the rules say of an object at some moment. Pure: nothing here reads or changes anything.

use base::Timestamp;

use super::{Configuration, Rule, TRANSITION_BYTES_MIN, VARIES_BY_CLASS};
use crate::multipart::Upload;
use crate::object::Version;
use crate::storage::{is_archive, midnight_after, rank};

/// What is to be done with a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    Keep,
    /// Delete it, as a call without a version would; or, of what is not current, for good.
    Remove,
    /// Move it into this class.
    Move(String),
}

/// What a rule's filter says, with both ways of writing it brought together.
struct Conditions<'a> {
    prefix: &'a str,
    tags: Vec<(&'a str, &'a str)>,
    greater_than: Option<i64>,
    less_than: Option<i64>,
}

impl Rule {
    fn conditions(&self) -> Conditions<'_> {
        let mut all = Conditions {
            prefix: self.prefix.as_deref().unwrap_or_default(),
            tags: Vec::new(),
            greater_than: None,
            less_than: None,
        };
        let Some(filter) = &self.filter else { return all };
        if let Some(prefix) = &filter.prefix {
            all.prefix = prefix;
        }
        all.tags.extend(filter.tag.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())));
        (all.greater_than, all.less_than) = (filter.object_size_greater_than, filter.object_size_less_than);
        if let Some(and) = &filter.and {
            if let Some(prefix) = &and.prefix {
                all.prefix = prefix;
            }
            all.tags.extend(and.tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str())));
            all.greater_than = and.object_size_greater_than.or(all.greater_than);
            all.less_than = and.object_size_less_than.or(all.less_than);
        }
        all
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.status == "Enabled"
    }

    /// Whether the rule is about this version. Delete markers have neither tags nor a size, so rules that ask for these are not
    /// about them.
    fn is_about(&self, key: &str, version: &Version) -> bool {
        let wanted = self.conditions();
        let size = i64::try_from(version.size).unwrap_or(i64::MAX);
        let sized = wanted.greater_than.is_none_or(|least| size > least)
            && wanted.less_than.is_none_or(|most| size < most)
            && (!version.delete_marker || wanted.greater_than.is_none() && wanted.less_than.is_none());
        let tagged = wanted
            .tags
            .iter()
            .all(|(name, value)| version.tags.iter().any(|(known, text)| known == name && text == value));
        key.starts_with(wanted.prefix) && sized && tagged
    }

    /// Whether its transitions take objects of this size into this class.
    fn moves(&self, version: &Version, class: &str, minimum_size: &str) -> bool {
        let wanted = self.conditions();
        let any_size = wanted.greater_than.is_some()
            || wanted.less_than.is_some()
            || minimum_size == VARIES_BY_CLASS && is_archive(class);
        any_size || version.size >= TRANSITION_BYTES_MIN
    }

    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }
}

/// When something happens that is given as a date or as days from `start`.
fn due(date: Option<Timestamp>, days: Option<i64>, start: Timestamp) -> Option<Timestamp> {
    date.or_else(|| days.map(|days| midnight_after(start, days)))
}

impl Configuration {
    fn rules_about<'a>(&'a self, key: &'a str, version: &'a Version) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(move |rule| rule.is_enabled() && rule.is_about(key, version))
    }

    /// When the current version of a key is deleted, and by which rule.
    pub(super) fn expiration_of<'a>(&'a self, key: &'a str, version: &'a Version) -> Option<(Timestamp, &'a str)> {
        let all = self.rules_about(key, version).filter_map(|rule| {
            let expiration = rule.expiration.as_ref()?;
            Some((due(expiration.date, expiration.days, version.modified())?, rule.id()))
        });
        all.min_by_key(|(at, _)| *at)
    }

    /// When an upload is aborted, and by which rule.
    pub(super) fn abortion_of(&self, key: &str, upload: &Upload) -> Option<(Timestamp, &str)> {
        let all = self.rules.iter().filter(|rule| rule.is_enabled() && key.starts_with(rule.conditions().prefix));
        let all = all.filter_map(|rule| {
            let days = rule.abort_incomplete_multipart_upload.as_ref()?.days_after_initiation?;
            Some((midnight_after(Timestamp::from_ms(upload.started_ms), days), rule.id()))
        });
        all.min_by_key(|(at, _)| *at)
    }

    /// What is to be done with the current version of a key. `alone`: there are no older ones.
    pub(super) fn current(&self, key: &str, version: &Version, alone: bool, now: Timestamp) -> Action {
        let expired = self.expiration_of(key, version).is_some_and(|(at, _)| at <= now);
        if version.delete_marker {
            // A marker of nothing goes when it is old enough for the rule, or at once if the rule says so.
            let at_once = self.rules_about(key, version).any(|rule| {
                rule.expiration.as_ref().is_some_and(|expiration| expiration.expired_object_delete_marker == Some(true))
            });
            return if alone && (expired || at_once) { Action::Remove } else { Action::Keep };
        }
        if expired {
            return Action::Remove;
        }
        let moves = self.rules_about(key, version).flat_map(|rule| {
            rule.transitions.iter().flatten().filter_map(move |step| {
                let class = step.storage_class.as_deref()?;
                let at = due(step.date, step.days, version.modified())?;
                (at <= now && rule.moves(version, class, &self.minimum_size)).then_some(class)
            })
        });
        coldest(version, moves)
    }

    /// What is to be done with a version that is not current since `since`, and than which `newer` others that are not current
    /// either are newer.
    pub(super) fn noncurrent(
        &self,
        key: &str,
        version: &Version,
        since: Timestamp,
        newer: u32,
        now: Timestamp,
    ) -> Action {
        let ripe = |days: Option<i64>, kept: Option<i64>| {
            let enough = kept.is_none_or(|kept| i64::from(newer) >= kept);
            enough && midnight_after(since, days.unwrap_or(0)) <= now
        };
        let expired = self.rules_about(key, version).any(|rule| {
            rule.noncurrent_version_expiration
                .as_ref()
                .is_some_and(|expiration| ripe(expiration.noncurrent_days, expiration.newer_noncurrent_versions))
        });
        if expired {
            return Action::Remove;
        }
        if version.delete_marker {
            return Action::Keep;
        }
        let moves = self.rules_about(key, version).flat_map(|rule| {
            rule.noncurrent_version_transitions.iter().flatten().filter_map(move |step| {
                let class = step.storage_class.as_deref()?;
                let ripe = ripe(step.noncurrent_days, step.newer_noncurrent_versions);
                (ripe && rule.moves(version, class, &self.minimum_size)).then_some(class)
            })
        });
        coldest(version, moves)
    }
}

/// A move into the coldest of these classes, if it is colder than the version's own.
fn coldest<'a>(version: &Version, classes: impl Iterator<Item = &'a str>) -> Action {
    let own = rank(&version.storage_class());
    match classes.max_by_key(|class| rank(class)) {
        Some(class) if rank(class) > own => Action::Move(class.to_owned()),
        _ => Action::Keep,
    }
}
