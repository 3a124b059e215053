//! Object Lock: what keeps a version from being removed, who may weaken that, and what a new version is given. Every removal of a
//! version asks [`Lock::holds`]; nothing here removes anything. Source: S3 user guide, "Locking objects with Object Lock",
//! "Object Lock considerations".
//!
//! Time is the host's clock, see ADR 9.

use base::Timestamp;
use base::time::DAY_MS;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use crate::S3;
use crate::bucket::Bucket;
use crate::error::{Error, invalid_argument};
use crate::object::Version;

/// The longest default retention. Source: S3 API reference, "DefaultRetention"; S3 user guide, "Object Lock considerations".
pub(crate) const DEFAULT_DAYS_MAX: u32 = 36_500;
/// The same in years.
pub(crate) const DEFAULT_YEARS_MAX: u32 = 100;

/// How hard a retention holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Mode {
    /// Who has `s3:BypassGovernanceRetention` may end it, by saying so.
    Governance,
    /// Nobody ends it.
    Compliance,
}

impl Mode {
    /// The mode of this name.
    pub(crate) fn parse(text: &str) -> Option<Mode> {
        match text {
            "GOVERNANCE" => Some(Mode::Governance),
            "COMPLIANCE" => Some(Mode::Compliance),
            _ => None,
        }
    }

    /// The name on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Mode::Governance => "GOVERNANCE",
            Mode::Compliance => "COMPLIANCE",
        }
    }
}

/// Until when a version stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retention {
    pub(crate) mode: Mode,
    pub(crate) until_ms: i64,
}

impl Retention {
    /// Until when.
    pub(crate) fn until(self) -> Timestamp {
        Timestamp::from_ms(self.until_ms)
    }
}

/// What keeps a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Lock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retention: Option<Retention>,
    /// Absent if nobody ever said; then there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) legal_hold: Option<bool>,
}

impl Lock {
    /// It never had one.
    pub(crate) fn is_none(&self) -> bool {
        *self == Lock::default()
    }

    /// The retention that has not run out.
    fn active(&self, now: Timestamp) -> Option<Retention> {
        self.retention.filter(|retention| retention.until() > now)
    }

    /// Whether the version must stay. `bypass`: somebody who may has said that governance retention does not count.
    pub(crate) fn holds(&self, now: Timestamp, bypass: bool) -> bool {
        let retained = self.active(now).is_some_and(|held| !(bypass && held.mode == Mode::Governance));
        self.legal_hold == Some(true) || retained
    }

    /// Gives the version another retention, or none, if that is not weaker than what it has.
    pub(crate) fn retain(&mut self, new: Option<Retention>, now: Timestamp, bypass: bool) -> Result<(), ApiError> {
        if let Some(held) = self.active(now) {
            let stronger = new.is_some_and(|new| new.mode == held.mode && new.until_ms >= held.until_ms);
            let set_aside = bypass && held.mode == Mode::Governance;
            if !stronger && !set_aside {
                return Err(protected());
            }
        }
        self.retention = new;
        Ok(())
    }
}

/// For how long new versions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Period {
    Days(u32),
    Years(u32),
}

/// What new versions of a bucket are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DefaultRetention {
    pub(crate) mode: Mode,
    pub(crate) period: Period,
}

impl DefaultRetention {
    /// The retention of a version written at `now`.
    pub(crate) fn from(self, now: Timestamp) -> Retention {
        let until = match self.period {
            Period::Days(days) => now.plus_ms(i64::from(days) * DAY_MS),
            Period::Years(years) => years_later(now, years),
        };
        Retention { mode: self.mode, until_ms: until.ms() }
    }
}

/// The same day and time some years later; the 29th of February is followed by the 1st of March.
fn years_later(now: Timestamp, years: u32) -> Timestamp {
    let civil = now.civil();
    let year = i64::from(civil.year) + i64::from(years);
    let in_day = now.ms().rem_euclid(DAY_MS);
    let at = |month, day| Timestamp::parse_iso8601(&format!("{year:04}-{month:02}-{day:02}T00:00:00Z"));
    let day = at(civil.month, civil.day).or_else(|| at(3, 1));
    day.map_or_else(|| Timestamp::from_ms(i64::MAX), |day| day.plus_ms(in_day))
}

/// What a bucket with Object Lock has. Once there, it stays for the bucket's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ObjectLock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<DefaultRetention>,
}

/// The refusal of what a lock forbids.
pub(crate) fn protected() -> ApiError {
    Error::ObjectLocked.into()
}

/// The refusal of locks in a bucket that has none.
pub(crate) fn missing_configuration() -> ApiError {
    Error::InvalidRequest("Bucket is missing Object Lock Configuration".to_owned()).into()
}

/// Refuses a time that is not in the future.
pub(crate) fn check_future(name: &str, until: Timestamp, now: Timestamp) -> Result<(), ApiError> {
    if until > now {
        return Ok(());
    }
    Err(invalid_argument(name, &until.iso8601(), "The retain until date must be in the future!"))
}

/// The lock members of a request that writes an object.
pub(crate) struct Given<'a> {
    pub(crate) mode: Option<&'a str>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) legal_hold: Option<&'a str>,
}

impl Given<'_> {
    /// What they say, at `now`, of an object in this bucket.
    fn parse(&self, bucket: &Bucket, now: Timestamp) -> Result<Lock, ApiError> {
        let mut lock = Lock::default();
        if self.mode.is_none() && self.until.is_none() && self.legal_hold.is_none() {
            return Ok(lock);
        }
        if bucket.object_lock.is_none() {
            return Err(missing_configuration());
        }
        match (self.mode, self.until) {
            (None, None) => {}
            (Some(mode), Some(until)) => {
                let mode = Mode::parse(mode)
                    .ok_or_else(|| invalid_argument("x-amz-object-lock-mode", mode, "Unknown wormMode directive."))?;
                check_future("x-amz-object-lock-retain-until-date", until, now)?;
                lock.retention = Some(Retention { mode, until_ms: until.ms() });
            }
            (mode, _) => {
                let name =
                    if mode.is_some() { "x-amz-object-lock-mode" } else { "x-amz-object-lock-retain-until-date" };
                let text = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
                return Err(invalid_argument(name, mode.unwrap_or_default(), text));
            }
        }
        lock.legal_hold = match self.legal_hold {
            None => None,
            Some("ON") => Some(true),
            Some("OFF") => Some(false),
            Some(other) => {
                let text = "Legal Hold must be either of 'ON' or 'OFF'";
                return Err(invalid_argument("x-amz-object-lock-legal-hold", other, text));
            }
        };
        Ok(lock)
    }
}

/// Refuses content without a digest where what is written will be locked. `what` is `Object` or `Part`.
pub(crate) fn check_digest(locked: bool, digest: bool, what: &str) -> Result<(), ApiError> {
    if !locked || digest {
        return Ok(());
    }
    let text = format!(
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put {what} requests with Object Lock parameters"
    );
    Err(Error::InvalidRequest(text).into())
}

impl S3 {
    /// The lock that a request gives the object it writes, if its caller may.
    pub(crate) async fn given_lock(
        &self,
        call: &Call,
        bucket: &Bucket,
        key: &str,
        given: &Given<'_>,
    ) -> Result<Lock, ApiError> {
        let lock = given.parse(bucket, self.env.clock.now())?;
        if lock.retention.is_some() {
            self.authorize(call, "s3:PutObjectRetention", &bucket.name, key).await?;
        }
        if lock.legal_hold.is_some() {
            self.authorize(call, "s3:PutObjectLegalHold", &bucket.name, key).await?;
        }
        Ok(lock)
    }

    /// Whether the caller sets governance retention aside, and may. `header` is what the request says.
    pub(crate) async fn bypasses(
        &self,
        call: &Call,
        bucket: &Bucket,
        key: &str,
        header: Option<bool>,
    ) -> Result<bool, ApiError> {
        if header != Some(true) {
            return Ok(false);
        }
        if bucket.object_lock.is_none() {
            let text = "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.";
            return Err(invalid_argument("x-amz-bypass-governance-retention", "true", text));
        }
        self.authorize(call, "s3:BypassGovernanceRetention", &bucket.name, key).await?;
        Ok(true)
    }

    /// The lock as an answer shows it to this caller: each part only with the permission to ask for it.
    pub(crate) async fn shown_lock(&self, call: &Call, bucket: &str, key: &str, lock: Lock) -> Result<Lock, ApiError> {
        let mut shown = lock;
        if shown.retention.is_some() && !self.may(call, "s3:GetObjectRetention", bucket, key).await? {
            shown.retention = None;
        }
        if shown.legal_hold.is_some() && !self.may(call, "s3:GetObjectLegalHold", bucket, key).await? {
            shown.legal_hold = None;
        }
        Ok(shown)
    }

    /// Gives a version that is being written the bucket's default retention, if it has none of its own.
    pub(crate) fn lock_by_default(&self, bucket: &Bucket, new: &mut Version) {
        if new.delete_marker || new.lock.retention.is_some() {
            return;
        }
        let default = bucket.object_lock.and_then(|lock| lock.default);
        new.lock.retention = default.map(|default| default.from(self.env.clock.now()));
    }
}

/// `ON` or `OFF`, as it goes on the wire.
pub(crate) fn hold_text(legal_hold: bool) -> &'static str {
    if legal_hold { "ON" } else { "OFF" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn lock(mode: &str, until: i64, hold: Option<bool>) -> Lock {
        let retention = Mode::parse(mode).map(|mode| Retention { mode, until_ms: NOW + until });
        Lock { retention, legal_hold: hold }
    }

    #[track_caller]
    fn check_holds(lock: &Lock, plain: bool, bypassing: bool) {
        let now = Timestamp::from_ms(NOW);
        assert_eq!((lock.holds(now, false), lock.holds(now, true)), (plain, bypassing), "{lock:?}");
    }

    #[test]
    fn what_holds() {
        check_holds(&Lock::default(), false, false);
        check_holds(&lock("GOVERNANCE", 1, None), true, false);
        check_holds(&lock("COMPLIANCE", 1, None), true, true);
        check_holds(&lock("GOVERNANCE", 0, None), false, false);
        check_holds(&lock("COMPLIANCE", 0, None), false, false);
        check_holds(&lock("COMPLIANCE", -1, Some(true)), true, true);
        check_holds(&lock("GOVERNANCE", 1, Some(true)), true, true);
        check_holds(&lock("", 0, Some(false)), false, false);
    }

    #[track_caller]
    fn check_retain(from: &str, to: Option<(&str, i64)>, bypass: bool, allowed: bool) {
        let mut lock = lock(from, 100, None);
        let new = to.map(|(mode, until)| Retention { mode: Mode::parse(mode).unwrap(), until_ms: NOW + until });
        let done = lock.retain(new, Timestamp::from_ms(NOW), bypass);
        assert_eq!(done.is_ok(), allowed, "{from} {to:?} {bypass}");
        if allowed {
            assert_eq!(lock.retention, new);
        }
    }

    #[test]
    fn retention_is_weakened_only_in_governance_and_by_those_who_may() {
        check_retain("", Some(("COMPLIANCE", 1)), false, true);
        check_retain("GOVERNANCE", Some(("GOVERNANCE", 100)), false, true);
        check_retain("GOVERNANCE", Some(("GOVERNANCE", 101)), false, true);
        check_retain("GOVERNANCE", Some(("GOVERNANCE", 99)), false, false);
        check_retain("GOVERNANCE", Some(("COMPLIANCE", 200)), false, false);
        check_retain("GOVERNANCE", None, false, false);
        check_retain("GOVERNANCE", Some(("GOVERNANCE", 1)), true, true);
        check_retain("GOVERNANCE", Some(("COMPLIANCE", 1)), true, true);
        check_retain("GOVERNANCE", None, true, true);
        check_retain("COMPLIANCE", Some(("COMPLIANCE", 101)), false, true);
        for bypass in [false, true] {
            check_retain("COMPLIANCE", Some(("COMPLIANCE", 99)), bypass, false);
            check_retain("COMPLIANCE", Some(("GOVERNANCE", 200)), bypass, false);
            check_retain("COMPLIANCE", None, bypass, false);
        }
    }

    #[test]
    fn years_are_those_of_the_calendar() {
        let later = |text: &str, years| years_later(Timestamp::parse_iso8601(text).unwrap(), years).iso8601();
        assert_eq!(later("2023-03-01T10:11:12Z", 7), "2030-03-01T10:11:12Z");
        assert_eq!(later("2024-02-29T00:00:01Z", 1), "2025-03-01T00:00:01Z");
        assert_eq!(later("2024-02-29T00:00:00Z", 4), "2028-02-29T00:00:00Z");
    }
}
