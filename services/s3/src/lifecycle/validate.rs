//! Which rules are refused, in AWS's words. Source: S3 API reference, "PutBucketLifecycleConfiguration"; S3 user guide, "Lifecycle
//! configuration elements" and "Transitioning objects using Amazon S3 Lifecycle".

use base::Timestamp;
use base::time::DAY_MS;
use service::ApiError;

use super::{Filter, Rule};
use crate::error::{Error, invalid_argument};
use crate::storage::{is_target, rank};

/// The most rules of a bucket.
const RULES_MAX: usize = 1000;
/// The most characters of a rule's name.
const ID_CHARS_MAX: usize = 255;
/// The least days before an object may be moved into a class for what is seldom read.
const INFREQUENT_DAYS_MIN: i64 = 30;
/// The most older versions that a rule may keep.
const NEWER_VERSIONS_MAX: i64 = 100;
/// The largest size of an object, and one more.
const SIZE_MAX: i64 = 53_687_091_200_000;

fn refused(text: impl Into<String>) -> ApiError {
    Error::InvalidRequest(text.into()).into()
}

fn argument(name: &str, value: i64, text: impl Into<String>) -> ApiError {
    invalid_argument(name, &value.to_string(), text)
}

/// The rules as they are stored, if they can be. `name` makes names for those without.
pub(crate) fn checked(mut rules: Vec<Rule>, name: impl Fn() -> String) -> Result<Vec<Rule>, ApiError> {
    if rules.is_empty() || rules.len() > RULES_MAX {
        return Err(Error::MalformedXML.into());
    }
    for rule in &mut rules {
        if rule.id.as_deref().is_none_or(str::is_empty) {
            rule.id = Some(name());
        }
    }
    let mut names = std::collections::BTreeSet::new();
    for rule in &rules {
        let id = rule.id.as_deref().unwrap_or_default();
        if id.chars().count() > ID_CHARS_MAX {
            let text = format!("ID length should not exceed allowed limit of {ID_CHARS_MAX}");
            return Err(invalid_argument("ID", id, text));
        }
        if !names.insert(id) {
            return Err(invalid_argument("ID", id, "Rule ID must be unique. Found same ID for more than one rule"));
        }
        check(rule)?;
    }
    Ok(rules)
}

fn check(rule: &Rule) -> Result<(), ApiError> {
    if !matches!(rule.status.as_str(), "Enabled" | "Disabled") || rule.prefix.is_some() == rule.filter.is_some() {
        return Err(Error::MalformedXML.into());
    }
    let some_action = rule.expiration.is_some()
        || rule.noncurrent_version_expiration.is_some()
        || rule.abort_incomplete_multipart_upload.is_some()
        || rule.transitions.as_ref().is_some_and(|all| !all.is_empty())
        || rule.noncurrent_version_transitions.as_ref().is_some_and(|all| !all.is_empty());
    if !some_action {
        return Err(refused("At least one action needs to be specified in a rule"));
    }
    let filter = Shown::of(rule)?;
    expiration(rule, &filter)?;
    transitions(rule, &filter)?;
    noncurrent(rule, &filter)?;
    if let Some(abort) = &rule.abort_incomplete_multipart_upload {
        let days = abort.days_after_initiation.ok_or(Error::MalformedXML)?;
        if days < 1 {
            let text = "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer";
            return Err(argument("DaysAfterInitiation", days, text));
        }
        filter.allows_no_details("AbortIncompleteMultipartUpload")?;
    }
    Ok(())
}

/// A rule's filter as refusals show it.
struct Shown {
    text: String,
    tagged: bool,
    sized: bool,
}

impl Shown {
    fn of(rule: &Rule) -> Result<Shown, ApiError> {
        let none = Filter::default();
        let filter = rule.filter.as_ref().unwrap_or(&none);
        let single = [
            filter.prefix.is_some(),
            filter.tag.is_some(),
            filter.object_size_greater_than.is_some(),
            filter.object_size_less_than.is_some(),
            filter.and.is_some(),
        ];
        if single.iter().filter(|given| **given).count() > 1 {
            return Err(Error::MalformedXML.into());
        }
        let mut tags: Vec<_> = filter.tag.iter().collect();
        let mut prefix = rule.prefix.as_deref().or(filter.prefix.as_deref());
        let mut sizes = (filter.object_size_greater_than, filter.object_size_less_than);
        if let Some(and) = &filter.and {
            prefix = and.prefix.as_deref();
            tags.extend(and.tags.iter().flatten());
            sizes = (and.object_size_greater_than, and.object_size_less_than);
            let given = usize::from(prefix.is_some())
                + tags.len()
                + usize::from(sizes.0.is_some())
                + usize::from(sizes.1.is_some());
            if given < 2 {
                return Err(Error::MalformedXML.into());
            }
        }
        if let Some(prefix) = prefix
            && prefix.len() > crate::object::KEY_BYTES_MAX
        {
            return Err(refused("The maximum size of a prefix is 1024."));
        }
        for (at, tag) in tags.iter().enumerate() {
            if tag.key.is_empty() {
                return Err(Error::InvalidTag("The TagKey you have provided is invalid".to_owned()).into());
            }
            if tags[..at].iter().any(|other| other.key == tag.key) {
                return Err(refused("Duplicate Tag Keys are not allowed."));
            }
        }
        for (name, size) in [("ObjectSizeGreaterThan", sizes.0), ("ObjectSizeLessThan", sizes.1)] {
            if let Some(size) = size
                && !(0..=SIZE_MAX).contains(&size)
            {
                return Err(refused(format!("'{name}' should be between 0 and 50TB.")));
            }
        }
        if let (Some(least), Some(most)) = sizes
            && least >= most
        {
            return Err(refused("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."));
        }
        let mut parts = vec![format!("prefix={}", prefix.unwrap_or_default())];
        parts.extend(tags.iter().map(|tag| format!("tag=(key={}, value={})", tag.key, tag.value)));
        let sized = sizes.0.is_some() || sizes.1.is_some();
        Ok(Shown { text: format!("({})", parts.join(" and ")), tagged: !tags.is_empty(), sized })
    }

    /// Refuses tags and sizes beside what has neither.
    fn allows_no_details(&self, action: &str) -> Result<(), ApiError> {
        if self.tagged {
            return Err(refused(format!("{action} cannot be specified with Tags.")));
        }
        if self.sized {
            return Err(refused(format!("{action} cannot be specified with Object Size.")));
        }
        Ok(())
    }
}

fn midnight(date: Timestamp) -> Result<(), ApiError> {
    if date.ms().rem_euclid(DAY_MS) == 0 {
        return Ok(());
    }
    Err(invalid_argument("Date", &date.iso8601(), "'Date' must be at midnight GMT"))
}

fn expiration(rule: &Rule, filter: &Shown) -> Result<(), ApiError> {
    let Some(expiration) = &rule.expiration else { return Ok(()) };
    match (expiration.date, expiration.days, expiration.expired_object_delete_marker) {
        (Some(date), None, None) => midnight(date),
        (None, Some(days), None) if days < 1 => {
            Err(argument("Days", days, "'Days' for Expiration action must be a positive integer"))
        }
        (None, Some(_), None) => Ok(()),
        (None, None, Some(_)) => filter.allows_no_details("ExpiredObjectDeleteMarker"),
        _ => Err(Error::MalformedXML.into()),
    }
}

fn class(name: Option<&str>) -> Result<&str, ApiError> {
    Ok(name.filter(|name| is_target(name)).ok_or(Error::MalformedXML)?)
}

fn transitions(rule: &Rule, filter: &Shown) -> Result<(), ApiError> {
    let all = rule.transitions.as_deref().unwrap_or_default();
    let shown = &filter.text;
    // Dates and days cannot be compared; the first step says which it is to be.
    let mut steps: Vec<(&str, i64)> = Vec::new();
    let dated = all.first().is_some_and(|first| first.date.is_some());
    for step in all {
        let class = class(step.storage_class.as_deref())?;
        match (step.date, step.days) {
            (Some(date), None) => {
                midnight(date)?;
                steps.push((class, date.ms()));
            }
            (None, Some(days)) => {
                if days < 0 {
                    return Err(argument("Days", days, "'Days' in Transition action must be nonnegative"));
                }
                infrequent("Days", "Transition", class, days)?;
                steps.push((class, days));
            }
            _ => return Err(Error::MalformedXML.into()),
        }
        if step.date.is_some() != dated {
            let text = format!(
                "Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for filter '{shown}'"
            );
            return Err(refused(text));
        }
    }
    let unit = if dated { "Date" } else { "Days" };
    ordered(&steps, unit, "Transition", shown, if dated { DAY_MS } else { 1 })?;
    let Some(expiration) = rule.expiration.as_ref().filter(|_| !all.is_empty()) else { return Ok(()) };
    if expiration.days.is_some() && dated || expiration.date.is_some() && !dated {
        let text = format!(
            "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter '{shown}'"
        );
        return Err(refused(text));
    }
    let end = expiration.date.map(Timestamp::ms).or(expiration.days);
    if let Some(end) = end
        && steps.iter().any(|(_, at)| end <= *at)
    {
        let text = format!(
            "'{unit}' in the Expiration action for filter '{shown}' must be greater than '{unit}' in the Transition action"
        );
        return Err(invalid_argument(unit, &end.to_string(), text));
    }
    Ok(())
}

/// Objects stay where they are for 30 days before they go where they are seldom read.
fn infrequent(unit: &str, action: &str, class: &str, days: i64) -> Result<(), ApiError> {
    if !matches!(class, "STANDARD_IA" | "ONEZONE_IA") || days >= INFREQUENT_DAYS_MIN {
        return Ok(());
    }
    let text = format!(
        "'{unit}' in {action} action must be greater than or equal to {INFREQUENT_DAYS_MIN} for storageClass '{class}'"
    );
    Err(argument(unit, days, text))
}

/// Refuses a class twice, and a colder class before a warmer. `unit_days` is a day in what `steps` counts.
fn ordered(steps: &[(&str, i64)], unit: &str, action: &str, shown: &str, unit_days: i64) -> Result<(), ApiError> {
    let mut sorted = steps.to_vec();
    sorted.sort_by_key(|(class, _)| rank(class));
    for pair in sorted.windows(2) {
        let ((warm, early), (cold, late)) = (pair[0], pair[1]);
        if warm == cold {
            let text =
                format!("'StorageClass' must be different for '{action}' actions in same 'Rule' with filter '{shown}'");
            return Err(refused(text));
        }
        let least = if matches!(warm, "STANDARD_IA" | "ONEZONE_IA") { INFREQUENT_DAYS_MIN * unit_days } else { 1 };
        if late.saturating_sub(early) >= least {
            continue;
        }
        let what =
            if least > unit_days { format!("{INFREQUENT_DAYS_MIN} days more than") } else { "greater than".into() };
        let text = format!(
            "'{unit}' in the {action} action for StorageClass '{cold}' for filter '{shown}' must be {what} '{unit}' in the \
             {action} action for StorageClass '{warm}' for filter '{shown}'"
        );
        return Err(invalid_argument(unit, &late.to_string(), text));
    }
    Ok(())
}

fn kept(newer: Option<i64>, action: &str) -> Result<(), ApiError> {
    match newer {
        Some(newer) if !(1..=NEWER_VERSIONS_MAX).contains(&newer) => {
            let text = format!(
                "'NewerNoncurrentVersions' for {action} action must be a positive integer less than or equal to \
                 {NEWER_VERSIONS_MAX}"
            );
            Err(argument("NewerNoncurrentVersions", newer, text))
        }
        _ => Ok(()),
    }
}

fn noncurrent(rule: &Rule, filter: &Shown) -> Result<(), ApiError> {
    const UNIT: &str = "NoncurrentDays";
    let mut steps: Vec<(&str, i64)> = Vec::new();
    for step in rule.noncurrent_version_transitions.iter().flatten() {
        let class = class(step.storage_class.as_deref())?;
        let days = step.noncurrent_days.ok_or(Error::MalformedXML)?;
        if days < 0 {
            let text = "'NoncurrentDays' in NoncurrentVersionTransition action must be nonnegative";
            return Err(argument(UNIT, days, text));
        }
        infrequent(UNIT, "NoncurrentVersionTransition", class, days)?;
        kept(step.newer_noncurrent_versions, "NoncurrentVersionTransition")?;
        steps.push((class, days));
    }
    ordered(&steps, UNIT, "NoncurrentVersionTransition", &filter.text, 1)?;
    let Some(expiration) = &rule.noncurrent_version_expiration else { return Ok(()) };
    let days = expiration.noncurrent_days.ok_or(Error::MalformedXML)?;
    if days < 1 {
        let text = "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer";
        return Err(argument(UNIT, days, text));
    }
    kept(expiration.newer_noncurrent_versions, "NoncurrentVersionExpiration")?;
    if steps.iter().any(|(_, at)| days <= *at) {
        let shown = &filter.text;
        let text = format!(
            "'NoncurrentDays' in the NoncurrentVersionExpiration action for filter '{shown}' must be greater than \
             'NoncurrentDays' in the NoncurrentVersionTransition action"
        );
        return Err(argument(UNIT, days, text));
    }
    Ok(())
}
