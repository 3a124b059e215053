//! Times: milliseconds since 1970 and, where there is one, the zone they are shown in. No clock is read here.

mod format;
mod unit;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike};

pub(crate) use format::{Pattern, joda, mysql};
pub(crate) use unit::{Unit, add, diff, trunc};

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// A local time of these milliseconds; `None` beyond the calendar.
pub(crate) fn local(millis: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_millis(millis).map(|time| time.naive_utc())
}

/// A zone: a fixed distance from UTC, or one with a name and a history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Zone {
    Fixed(i64),
    Named(chrono_tz::Tz),
}

impl Zone {
    /// Reads `UTC`, `Z`, `+09:00`, `Asia/Tokyo`.
    pub(crate) fn parse(text: &str) -> Option<Zone> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") || text.eq_ignore_ascii_case("gmt") {
            return Some(Zone::Fixed(0));
        }
        let sign = match text.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return text.parse().ok().map(Zone::Named),
        };
        let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
        if !digits.chars().all(|c| c.is_ascii_digit()) || !matches!(digits.len(), 1 | 2 | 4) {
            return None;
        }
        let (hours, minutes) = digits.split_at(digits.len().min(2));
        let minutes = if minutes.is_empty() { 0 } else { minutes.parse::<i64>().ok()? };
        let hours = hours.parse::<i64>().ok()?;
        (hours <= 14 && minutes < 60).then_some(Zone::Fixed(sign * (hours * 60 + minutes) * 60_000))
    }

    /// Its name, as Arrow keeps it.
    pub(crate) fn name(self) -> String {
        match self {
            Zone::Fixed(0) => "UTC".to_owned(),
            Zone::Fixed(offset) => show_offset(offset),
            Zone::Named(zone) => zone.name().to_owned(),
        }
    }

    /// How far it is ahead of UTC at a moment.
    pub(crate) fn offset(self, millis: i64) -> i64 {
        match self {
            Zone::Fixed(offset) => offset,
            Zone::Named(zone) => local(millis)
                .map_or(0, |utc| i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * 1000),
        }
    }

    /// The moment at which clocks in this zone show a time; the earlier one if they do so twice.
    pub(crate) fn moment(self, shown: i64) -> i64 {
        match self {
            Zone::Fixed(offset) => shown - offset,
            Zone::Named(zone) => local(shown)
                .and_then(|time| zone.from_local_datetime(&time).earliest())
                .map_or(shown, |time| time.timestamp_millis()),
        }
    }
}

/// How far ahead of UTC a zone of this name is at a moment.
pub(crate) fn offset(zone: Option<&str>, millis: i64) -> i64 {
    zone.and_then(Zone::parse).map_or(0, |zone| zone.offset(millis))
}

/// `+09:00`.
pub(crate) fn show_offset(offset: i64) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60_000;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// `2026-11-22 05:28:03.000`, and the zone behind it.
pub(crate) fn show(millis: i64, zone: Option<&str>) -> String {
    let Some(time) = local(millis.saturating_add(offset(zone, millis))) else { return millis.to_string() };
    let shown = time.format("%Y-%m-%d %H:%M:%S%.3f");
    match zone {
        Some(zone) => {
            let zone = if matches!(zone, "+00:00" | "Z") { "UTC" } else { zone };
            format!("{shown} {zone}")
        }
        None => shown.to_string(),
    }
}

/// `2026-11-22T05:28:03.000Z`, or with the zone's distance.
pub(crate) fn show_iso(millis: i64, zone: Option<&str>) -> String {
    let offset = offset(zone, millis);
    let Some(time) = local(millis.saturating_add(offset)) else { return millis.to_string() };
    let zone = match zone {
        None => String::new(),
        Some(_) if offset == 0 => "Z".to_owned(),
        Some(_) => show_offset(offset),
    };
    format!("{}{zone}", time.format("%Y-%m-%dT%H:%M:%S%.3f"))
}

/// `2026-11-22T05:28:03Z`, as records write it.
pub(crate) fn show_record(millis: i64) -> String {
    show_iso(millis, Some("UTC")).replace(".000Z", "Z")
}

/// `2026-11-22`.
pub(crate) fn show_date(days: i32) -> String {
    local(i64::from(days) * DAY_MS).map_or_else(|| days.to_string(), |time| time.format("%Y-%m-%d").to_string())
}

/// `2 03:04:05.000`, or `1-2` for years and months.
pub(crate) fn show_interval(months: i32, days: i32, nanos: i64) -> String {
    if months != 0 && days == 0 && nanos == 0 {
        let sign = if months < 0 { "-" } else { "" };
        return format!("{sign}{}-{}", months.abs() / 12, months.abs() % 12);
    }
    let millis = i64::from(days) * DAY_MS + nanos / 1_000_000 + i64::from(months) * 30 * DAY_MS;
    let (sign, millis) = (if millis < 0 { "-" } else { "" }, millis.abs());
    let seconds = millis / 1000;
    format!(
        "{sign}{} {:02}:{:02}:{:02}.{:03}",
        millis / DAY_MS,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
        millis % 1000
    )
}

/// Reads a time as people write it: `2026-11-22`, `2026-11-22 05:28`, `…:03.123`, with `T` for the space, and a zone behind it. Answers
/// what clocks show, and the zone.
pub(crate) fn parse(text: &str) -> Option<(i64, Option<Zone>)> {
    let text = text.trim();
    let (date, rest) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], text[at + 1..].trim_start()),
        None => (text, ""),
    };
    let day = parse_date(date)?;
    let start = i64::from(day) * DAY_MS;
    if rest.is_empty() {
        return Some((start, None));
    }
    let clock_end = rest.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(clock_end);
    let mut parts = clock.split(':');
    let number = |part: Option<&str>, below: i64| -> Option<i64> {
        let part = part?;
        let value: i64 = part.parse().ok()?;
        ((1..=2).contains(&part.len()) && value < below).then_some(value)
    };
    let hour = number(parts.next(), 24)?;
    let minute = match parts.next() {
        Some(part) => number(Some(part), 60)?,
        None => 0,
    };
    let millis = match parts.next() {
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
            let fraction: String = format!("{fraction:0<3}").chars().take(3).collect();
            number(Some(whole), 60)? * 1000 + fraction.parse::<i64>().ok()?
        }
        None => 0,
    };
    if parts.next().is_some() {
        return None;
    }
    let zone = match zone.trim() {
        "" => None,
        zone => Some(Zone::parse(zone)?),
    };
    Some((start + (hour * 60 + minute) * 60_000 + millis, zone))
}

/// Days since 1970 of `2026-11-22`.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let mut parts = text.trim().splitn(3, '-');
    let year: i32 = parts.next()?.parse().ok()?;
    let month: u32 = parts.next()?.parse().ok()?;
    let day: u32 = parts.next()?.parse().ok()?;
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// A part of what clocks show: `year`, `day_of_week`, …
pub(crate) fn part(name: &str, time: NaiveDateTime, offset: i64) -> Option<i64> {
    let date = time.date();
    Some(match name {
        "year" | "years" => i64::from(date.year()),
        "quarter" => i64::from(date.month0() / 3 + 1),
        "month" | "months" => i64::from(date.month()),
        "week" | "week_of_year" => i64::from(date.iso_week().week()),
        "year_of_week" | "yow" => i64::from(date.iso_week().year()),
        "day" | "days" | "day_of_month" => i64::from(date.day()),
        "day_of_week" | "dow" => i64::from(date.weekday().number_from_monday()),
        "day_of_year" | "doy" => i64::from(date.ordinal()),
        "hour" | "hours" => i64::from(time.hour()),
        "minute" | "minutes" => i64::from(time.minute()),
        "second" | "seconds" => i64::from(time.second()),
        "millisecond" | "milliseconds" => i64::from(time.nanosecond() / 1_000_000),
        "timezone_hour" => offset / 3_600_000,
        "timezone_minute" => offset / 60_000 % 60,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown() {
        for (text, shown) in [
            ("2025-01-02", "2025-01-02 00:00:00.000"),
            ("2025-1-2 3:04", "2025-01-02 03:04:00.000"),
            ("2025-01-02T03:04:05Z", "2025-01-02 03:04:05.000"),
            ("2025-01-02 03:04:05.6789", "2025-01-02 03:04:05.678"),
            ("2025-07-01 09:00:00 Asia/Tokyo", "2025-07-01 09:00:00.000"),
        ] {
            assert_eq!(show(parse(text).unwrap().0, None), shown);
        }
        for bad in ["", "2025", "2025-13-01", "2025-01-01 25:00", "2025-01-01 10:00 Nowhere/Land", "x"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        let zone = Zone::parse("America/New_York").unwrap();
        let shown = parse("2025-07-01 08:00:00").unwrap().0;
        assert_eq!(show(zone.moment(shown), None), "2025-07-01 12:00:00.000");
        assert_eq!(show(zone.moment(shown), Some("America/New_York")), "2025-07-01 08:00:00.000 America/New_York");
        assert_eq!(show_interval(0, 2, 11_045_000_000_000), "2 03:04:05.000");
        assert_eq!(show_interval(14, 0, 0), "1-2");
    }
}
