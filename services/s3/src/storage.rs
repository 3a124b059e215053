//! Storage classes: which there are, in which order objects move through them, and which have to be restored before they can be
//! read. Content lies in one place whatever its class, so a restore is done as soon as it is asked for. Source: S3 user guide,
//! "Understanding and managing Amazon S3 storage classes", "Restoring an archived object".

use base::Timestamp;
use base::time::DAY_MS;
use serde::Serialize;
use service::ApiError;

use crate::error::Error;
use crate::object::Version;

/// The class of an object that was given none.
pub(crate) const STANDARD: &str = "STANDARD";

/// All classes of general purpose buckets, in the order that lifecycle rules may move objects through them: never back, and not
/// between classes of the same place. Source: S3 user guide, "Transitioning objects using Amazon S3 Lifecycle".
const CLASSES: [(&str, u8); 8] = [
    (STANDARD, 0),
    ("REDUCED_REDUNDANCY", 0),
    ("STANDARD_IA", 1),
    ("INTELLIGENT_TIERING", 2),
    ("ONEZONE_IA", 3),
    ("GLACIER_IR", 4),
    ("GLACIER", 5),
    ("DEEP_ARCHIVE", 6),
];

/// Whether there is a class of this name.
pub(crate) fn is_class(name: &str) -> bool {
    CLASSES.iter().any(|(class, _)| *class == name)
}

/// How cold a class is.
pub(crate) fn rank(name: &str) -> u8 {
    CLASSES.iter().find(|(class, _)| *class == name).map_or(0, |(_, rank)| *rank)
}

/// Whether a lifecycle rule may move objects into this class.
pub(crate) fn is_target(name: &str) -> bool {
    rank(name) > 0
}

/// Whether objects of this class have to be restored before they can be read.
pub(crate) fn is_archive(name: &str) -> bool {
    matches!(name, "GLACIER" | "DEEP_ARCHIVE")
}

/// The first midnight (UTC) after `days` whole days from `start`: when what is counted in days happens. Source: S3 user guide,
/// "Lifecycle rules: Based on an object's age".
pub(crate) fn midnight_after(start: Timestamp, days: i64) -> Timestamp {
    let day = start.ms().div_euclid(DAY_MS).saturating_add(days.max(0)).saturating_add(1);
    Timestamp::from_ms(day.saturating_mul(DAY_MS))
}

/// Of an archived object, whether it can be read, as listings show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestoreStatus {
    is_restore_in_progress: bool,
    restore_expiry_date: Option<Timestamp>,
}

impl Version {
    /// Whether it has to be restored before it can be read.
    pub(crate) fn is_archived(&self) -> bool {
        self.headers.storage_class.as_deref().is_some_and(is_archive)
    }

    /// Until when the restored copy of an archived version can be read, if there is one.
    pub(crate) fn restored_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.restored_until_ms.filter(|_| self.is_archived()).map(Timestamp::from_ms);
        until.filter(|until| *until > now)
    }

    /// The header `x-amz-restore`.
    pub(crate) fn restore_header(&self, now: Timestamp) -> Option<String> {
        let until = self.restored_until(now)?;
        Some(format!("ongoing-request=\"false\", expiry-date=\"{}\"", until.http_date()))
    }

    /// What listings show of a restored copy.
    pub(crate) fn restore_status(&self, now: Timestamp) -> Option<RestoreStatus> {
        let until = self.restored_until(now)?;
        Some(RestoreStatus { is_restore_in_progress: false, restore_expiry_date: Some(until) })
    }

    /// Refuses reading what was not restored.
    pub(crate) fn check_readable(&self, now: Timestamp) -> Result<(), ApiError> {
        if !self.is_archived() || self.restored_until(now).is_some() {
            return Ok(());
        }
        let text = "The operation is not valid for the object's storage class".to_owned();
        Err(ApiError::from(Error::InvalidObjectState(text)).with("StorageClass", self.storage_class()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_end_at_midnight() {
        let check = |start: &str, days, expected: &str| {
            let found = midnight_after(Timestamp::parse_iso8601(start).unwrap(), days);
            assert_eq!(found.iso8601(), expected, "{start} {days}");
        };
        // The example of the user guide: three days after a morning are over at the fourth midnight.
        check("2014-01-15T10:30:00Z", 3, "2014-01-19T00:00:00Z");
        check("2014-01-15T23:59:59Z", 0, "2014-01-16T00:00:00Z");
        check("2014-01-15T00:00:00Z", 1, "2014-01-17T00:00:00Z");
        assert!(midnight_after(Timestamp::from_ms(i64::MAX), i64::MAX) >= Timestamp::from_ms(i64::MAX).plus_ms(-1));
    }

    #[test]
    fn archives_are_read_when_restored_and_not_longer() {
        let now = Timestamp::from_secs(1_700_000_000);
        let mut version = Version::default();
        version.check_readable(now).unwrap();
        for class in ["GLACIER_IR", "STANDARD_IA", "INTELLIGENT_TIERING"] {
            version.headers.storage_class = Some(class.to_owned());
            version.check_readable(now).unwrap();
        }
        for class in ["GLACIER", "DEEP_ARCHIVE"] {
            version.headers.storage_class = Some(class.to_owned());
            version.restored_until_ms = None;
            let error = version.check_readable(now).unwrap_err();
            assert_eq!((error.code.as_ref(), error.status), ("InvalidObjectState", 403));
            assert_eq!(error.fields.str("StorageClass"), Some(class));
            version.restored_until_ms = Some(now.ms() + 1);
            version.check_readable(now).unwrap();
            assert!(version.restore_header(now).unwrap().starts_with("ongoing-request=\"false\""));
            assert!(
                version.check_readable(now.plus_ms(1)).is_err() && version.restore_header(now.plus_ms(1)).is_none()
            );
        }
    }
}
