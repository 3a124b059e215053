//! Steps of time: adding, subtracting and rounding by a unit.

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime};

use super::{DAY_MS, local};

/// A step of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// So many milliseconds.
    Fixed(i64),
    Week,
    /// So many months.
    Months(u32),
}

impl Unit {
    /// Reads a unit's name.
    pub(crate) fn parse(text: &str) -> Option<Unit> {
        let lower = text.to_lowercase();
        Some(match lower.strip_suffix('s').unwrap_or(&lower) {
            "millisecond" => Unit::Fixed(1),
            "second" => Unit::Fixed(1000),
            "minute" => Unit::Fixed(60_000),
            "hour" => Unit::Fixed(3_600_000),
            "day" => Unit::Fixed(DAY_MS),
            "week" => Unit::Week,
            "month" => Unit::Months(1),
            "quarter" => Unit::Months(3),
            "year" => Unit::Months(12),
            _ => return None,
        })
    }
}

/// A time some units later. `None` beyond the calendar.
pub(crate) fn add(unit: Unit, count: i64, shown: i64) -> Option<i64> {
    match unit {
        Unit::Fixed(millis) => shown.checked_add(count.checked_mul(millis)?),
        Unit::Week => shown.checked_add(count.checked_mul(7 * DAY_MS)?),
        Unit::Months(months) => {
            let time = local(shown)?;
            let months = Months::new(u32::try_from(count.unsigned_abs()).ok()?.checked_mul(months)?);
            let moved = if count < 0 { time.checked_sub_months(months)? } else { time.checked_add_months(months)? };
            Some(moved.and_utc().timestamp_millis())
        }
    }
}

/// How many whole units lie between two times.
pub(crate) fn diff(unit: Unit, from: i64, to: i64) -> Option<i64> {
    match unit {
        Unit::Fixed(millis) => Some(to.checked_sub(from)? / millis),
        Unit::Week => Some(to.checked_sub(from)? / (7 * DAY_MS)),
        Unit::Months(months) => {
            let (a, b) = (local(from)?, local(to)?);
            let number = |time: NaiveDateTime| i64::from(time.year()) * 12 + i64::from(time.month0());
            let mut whole = number(b) - number(a);
            // A month that has begun but is not over does not count.
            let rest = |time: NaiveDateTime| (time.day(), time.time());
            if whole > 0 && rest(b) < rest(a) {
                whole -= 1;
            } else if whole < 0 && rest(b) > rest(a) {
                whole += 1;
            }
            Some(whole / i64::from(months))
        }
    }
}

/// The beginning of the unit that a time is in.
pub(crate) fn trunc(unit: Unit, shown: i64) -> Option<i64> {
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    match unit {
        Unit::Fixed(millis) => Some(shown - shown.rem_euclid(millis)),
        Unit::Week => {
            let date = local(shown)?.date();
            let monday = date.checked_sub_days(chrono::Days::new(u64::from(date.weekday().num_days_from_monday())))?;
            Some(midnight(monday))
        }
        Unit::Months(months) => {
            let date = local(shown)?.date();
            NaiveDate::from_ymd_opt(date.year(), date.month0() / months * months + 1, 1).map(midnight)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{parse, show};

    fn at(text: &str) -> i64 {
        parse(text).unwrap().0
    }

    #[test]
    fn months_end_where_calendars_say() {
        let month = Unit::parse("month").unwrap();
        assert_eq!(show(add(month, 1, at("2025-01-31 10:00")).unwrap(), None), "2025-02-28 10:00:00.000");
        assert_eq!(diff(month, at("2025-01-31"), at("2025-02-28")), Some(0));
        assert_eq!(diff(month, at("2025-03-31"), at("2025-01-30")), Some(-2));
        assert_eq!(diff(Unit::parse("day").unwrap(), at("2025-01-02 23:00"), at("2025-01-03 22:00")), Some(0));
        assert_eq!(
            show(trunc(Unit::parse("quarter").unwrap(), at("2025-06-15")).unwrap(), None),
            "2025-04-01 00:00:00.000"
        );
        assert_eq!(
            show(trunc(Unit::parse("week").unwrap(), at("2025-01-01")).unwrap(), None),
            "2024-12-30 00:00:00.000"
        );
        assert_eq!(show(trunc(Unit::parse("hour").unwrap(), -1).unwrap(), None), "1969-12-31 23:00:00.000");
        assert_eq!(Unit::parse("eon"), None);
    }
}
