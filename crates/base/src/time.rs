//! A point in time with the precision AWS's protocols use (milliseconds), and every text form in which AWS writes one.

use std::fmt;

use jiff::civil;

/// Milliseconds in a second, minute, hour and day.
pub const SECOND_MS: i64 = 1_000;
/// See [`SECOND_MS`].
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// See [`SECOND_MS`].
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// See [`SECOND_MS`].
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// Milliseconds since 1970-01-01T00:00:00Z, never outside the years 0001 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

const MIN_MS: i64 = -62_135_596_800_000; // 0001-01-01T00:00:00.000Z
const MAX_MS: i64 = 253_402_300_799_999; // 9999-12-31T23:59:59.999Z

#[rustfmt::skip]
const MONTHS: [&str; 12] = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// So many letters of them are the short names of all.
const SHORT: usize = 3;

/// The calendar fields of a [`Timestamp`] in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 1 to 9999.
    pub year: i16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59: a leap second is read as the last second of its minute.
    pub second: u8,
    /// 0 to 999.
    pub millisecond: u16,
    /// 0 is Monday.
    pub weekday: u8,
}

impl Civil {
    /// `September`.
    pub fn month_name(self) -> &'static str {
        MONTHS[usize::from(self.month - 1)]
    }

    /// `Wednesday`.
    pub fn weekday_name(self) -> &'static str {
        WEEKDAYS[usize::from(self.weekday)]
    }
}

impl Timestamp {
    /// The start of the epoch.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// From milliseconds since the epoch; values outside the years 0001 to 9999 are clamped.
    pub fn from_ms(ms: i64) -> Timestamp {
        Timestamp(ms.clamp(MIN_MS, MAX_MS))
    }

    /// From whole seconds since the epoch, clamped as [`Timestamp::from_ms`] does.
    pub fn from_secs(secs: i64) -> Timestamp {
        Timestamp::from_ms(secs.saturating_mul(SECOND_MS))
    }

    /// From seconds since the epoch with a fraction, rounded to the millisecond. `None` for NaN, infinities and
    /// values outside the years 0001 to 9999.
    pub fn from_secs_f64(secs: f64) -> Option<Timestamp> {
        let ms = (secs * 1000.0).round();
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        (-62_135_596_800_000.0..=253_402_300_799_999.0).contains(&ms).then_some(Timestamp(ms as i64))
    }

    /// Milliseconds since the epoch.
    pub fn ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn secs(self) -> i64 {
        self.0.div_euclid(SECOND_MS)
    }

    /// Seconds since the epoch with the milliseconds as fraction.
    pub fn secs_f64(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of the years 1 to 9999 fit 53 bits")]
        let ms = self.0 as f64;
        ms / 1000.0
    }

    /// This moment with its milliseconds cut off.
    pub fn trunc_secs(self) -> Timestamp {
        Timestamp::from_secs(self.secs())
    }

    /// `ms` later (earlier if negative), clamped.
    pub fn plus_ms(self, ms: i64) -> Timestamp {
        Timestamp::from_ms(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment.
    pub fn since_ms(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The calendar fields in UTC.
    pub fn civil(self) -> Civil {
        let days = self.0.div_euclid(DAY_MS);
        let in_day = self.0.rem_euclid(DAY_MS);
        // Howard Hinnant's `civil_from_days`: eras of 400 years, years starting in March.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let field = |value: i64| u8::try_from(value).expect("a calendar field is below 60");
        Civil {
            year: i16::try_from(year).expect("the year is 1 to 9999"),
            month: field(month),
            day: field(day),
            hour: field(in_day / HOUR_MS),
            minute: field(in_day / MINUTE_MS % 60),
            second: field(in_day / SECOND_MS % 60),
            millisecond: u16::try_from(in_day % SECOND_MS).expect("below 1000"),
            weekday: field((days + 3).rem_euclid(7)),
        }
    }

    /// ISO 8601 as AWS's XML and records write it: `2015-01-01T00:00:00Z`, with `.123` only if there are milliseconds.
    pub fn iso8601(self) -> String {
        let c = self.civil();
        let mut text = String::with_capacity(24);
        push_digits(&mut text, u32::from(c.year.unsigned_abs()), 4);
        for (mark, value) in [('-', c.month), ('-', c.day), ('T', c.hour), (':', c.minute), (':', c.second)] {
            text.push(mark);
            push_digits(&mut text, u32::from(value), 2);
        }
        if c.millisecond != 0 {
            text.push('.');
            push_digits(&mut text, u32::from(c.millisecond), 3);
            while text.ends_with('0') {
                text.pop();
            }
        }
        text.push('Z');
        text
    }

    /// ISO 8601 to the second: `2015-01-01T00:00:00Z` (event times, digests).
    pub fn iso8601_secs(self) -> String {
        self.trunc_secs().iso8601()
    }

    /// ISO 8601 with exactly three digits of milliseconds: `2015-01-01T00:00:00.000Z` (S3's `LastModified`).
    pub fn iso8601_ms(self) -> String {
        let c = self.civil();
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            c.year, c.month, c.day, c.hour, c.minute, c.second, c.millisecond
        )
    }

    /// The HTTP date of RFC 9110, in whole seconds: `Tue, 29 Apr 2014 18:30:38 GMT`.
    pub fn http_date(self) -> String {
        let c = self.civil();
        format!(
            "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
            &c.weekday_name()[..SHORT],
            c.day,
            &c.month_name()[..SHORT],
            c.year,
            c.hour,
            c.minute,
            c.second
        )
    }

    /// Signature Version 4's form: `20150830T123600Z`.
    pub fn amz_date(self) -> String {
        let c = self.civil();
        format!("{:04}{:02}{:02}T{:02}{:02}{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second)
    }

    /// The minute as CloudTrail's log file names have it: `20150830T1236Z`.
    pub fn amz_minute(self) -> String {
        let c = self.civil();
        format!("{:04}{:02}{:02}T{:02}{:02}Z", c.year, c.month, c.day, c.hour, c.minute)
    }

    /// The day as CloudTrail's key layout has it: `2015/08/30`.
    pub fn ymd_path(self) -> String {
        let c = self.civil();
        format!("{:04}/{:02}/{:02}", c.year, c.month, c.day)
    }

    /// The form in which CloudTrail records times inside `responseElements`: `Jul 10, 2023, 12:31:14 PM`.
    pub fn record_text(self) -> String {
        let c = self.civil();
        let hour = match c.hour % 12 {
            0 => 12,
            h => h,
        };
        let half = if c.hour < 12 { "AM" } else { "PM" };
        let month = &c.month_name()[..SHORT];
        format!("{month} {}, {:04}, {hour}:{:02}:{:02} {half}", c.day, c.year, c.minute, c.second)
    }

    /// Reads ISO 8601 / RFC 3339 with optional fraction and either `Z` or an offset (`2019-12-16T23:48:18-01:00`).
    pub fn parse_iso8601(text: &str) -> Option<Timestamp> {
        let b = text.as_bytes();
        let marks = b.len() >= 20 && b[4] == b'-' && b[7] == b'-' && b[13] == b':' && b[16] == b':';
        if !marks || !matches!(b[10], b'T' | b't' | b' ') {
            return None;
        }
        let rest = text.get(19..)?;
        let (fraction, zone) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
            None => ("0", rest),
        };
        let ms = digits(format!("{fraction:0<3}").get(..3)?)?;
        let local = from_civil(
            digits(text.get(0..4)?)?,
            small(text, 5, 7)?,
            small(text, 8, 10)?,
            small(text, 11, 13)?,
            small(text, 14, 16)?,
            small(text, 17, 19)?,
            ms,
        )?;
        let offset_ms = match (zone.as_bytes(), zone) {
            (_, "Z" | "z") => 0,
            ([sign @ (b'+' | b'-'), _, _, b':', _, _], _) => {
                let hours = i64::from(small(zone, 1, 3).filter(|h| *h < 24)?);
                let minutes = i64::from(small(zone, 4, 6).filter(|m| *m < 60)?);
                (hours * HOUR_MS + minutes * MINUTE_MS) * if *sign == b'-' { -1 } else { 1 }
            }
            _ => return None,
        };
        Some(local.plus_ms(-offset_ms))
    }

    /// Reads `20150830T123600Z`.
    pub fn parse_amz_date(text: &str) -> Option<Timestamp> {
        let b = text.as_bytes();
        if b.len() != 16 || b[8] != b'T' || b[15] != b'Z' {
            return None;
        }
        let year = digits(text.get(0..4)?)?;
        let [month, day, hour, minute, second] = [4, 6, 9, 11, 13].map(|at| small(text, at, at + 2));
        from_civil(year, month?, day?, hour?, minute?, second?, 0)
    }

    /// Reads the HTTP date that [`Timestamp::http_date`] writes (RFC 9110's preferred form).
    pub fn parse_http_date(text: &str) -> Option<Timestamp> {
        let (_, rest) = text.split_once(", ")?;
        let mut parts = rest.split(' ');
        let day = parts.next()?.parse().ok()?;
        let month_name = parts.next()?;
        let month = MONTHS.iter().position(|name| name[..SHORT] == *month_name)? + 1;
        let year = parts.next()?.parse().ok()?;
        let mut clock = parts.next()?.split(':');
        let hour = clock.next()?.parse().ok()?;
        let minute = clock.next()?.parse().ok()?;
        let (second, fraction) = match clock.next()?.split_once('.') {
            Some(parts) => parts,
            None => (text.get(text.len().checked_sub(6)?..text.len() - 4)?, ""),
        };
        let millisecond = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        (parts.next() == Some("GMT") && parts.next().is_none()).then_some(())?;
        from_civil(year, i8::try_from(month).ok()?, day, hour, minute, second.parse().ok()?, millisecond)
    }
}

fn digits(text: &str) -> Option<i16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

fn small(text: &str, from: usize, to: usize) -> Option<i8> {
    i8::try_from(digits(text.get(from..to)?)?).ok()
}

fn from_civil(year: i16, month: i8, day: i8, hour: i8, minute: i8, second: i8, ms: i16) -> Option<Timestamp> {
    let nanos = i32::from(ms) * 1_000_000;
    let moment = civil::DateTime::new(year, month, day, hour, minute, second.min(59), nanos).ok()?;
    let days = civil::date(1970, 1, 1).until(moment.date()).ok()?.get_days();
    let in_day = i64::from(hour) * HOUR_MS + i64::from(minute) * MINUTE_MS + i64::from(second.min(59)) * SECOND_MS;
    let ms = i64::from(days) * DAY_MS + in_day + i64::from(ms);
    (MIN_MS..=MAX_MS).contains(&ms).then_some(Timestamp(ms))
}

fn push_digits(text: &mut String, value: u32, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_u32.pow(place) % 10;
        text.push(char::from(b'0' + u8::try_from(digit).expect("one digit")));
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso8601())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso8601_ms())
    }
}

/// Inside a [`serde`] tree a timestamp is its milliseconds, under the newtype name [`Timestamp::SERDE_NAME`], by which
/// a format with a timestamp type of its own can tell it from a number.
impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Timestamp::SERDE_NAME, &self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a timestamp in milliseconds")
            }
            fn visit_i64<E>(self, ms: i64) -> Result<Timestamp, E> {
                Ok(Timestamp::from_ms(ms))
            }
            fn visit_u64<E>(self, ms: u64) -> Result<Timestamp, E> {
                Ok(Timestamp::from_ms(i64::try_from(ms).unwrap_or(i64::MAX)))
            }
            fn visit_newtype_struct<D: serde::Deserializer<'de>>(self, inner: D) -> Result<Timestamp, D::Error> {
                inner.deserialize_i64(self)
            }
        }
        deserializer.deserialize_newtype_struct(Timestamp::SERDE_NAME, Visitor)
    }
}

impl Timestamp {
    /// The newtype name under which serde sees a timestamp.
    pub const SERDE_NAME: &'static str = "$timestamp";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_written_as_aws_writes_it() {
        let t = Timestamp::parse_iso8601("2014-04-29T18:30:38Z").unwrap();
        let forms =
            [t.iso8601(), t.iso8601_ms(), t.http_date(), t.amz_date(), t.amz_minute(), t.ymd_path(), t.record_text()];
        let expected = [
            "2014-04-29T18:30:38Z",
            "2014-04-29T18:30:38.000Z",
            "Tue, 29 Apr 2014 18:30:38 GMT",
            "20140429T183038Z",
            "20140429T1830Z",
            "2014/04/29",
            "Apr 29, 2014, 6:30:38 PM",
        ];
        assert_eq!(forms, expected);
        assert_eq!(t.plus_ms(120).iso8601(), "2014-04-29T18:30:38.12Z");
        assert_eq!(t.plus_ms(120).http_date(), "Tue, 29 Apr 2014 18:30:38 GMT");
    }

    #[test]
    fn what_is_written_reads_back() {
        for ms in [0, 1, 951_782_400_123, -1, MIN_MS, MAX_MS, 4_102_444_800_000, 1_709_164_799_999] {
            let t = Timestamp::from_ms(ms);
            assert_eq!(Timestamp::parse_iso8601(&t.iso8601()), Some(t), "{t:?}");
            assert_eq!(Timestamp::parse_http_date(&t.http_date()), Some(t.trunc_secs()), "{t:?}");
            assert_eq!(Timestamp::parse_amz_date(&t.amz_date()), Some(t.trunc_secs()), "{t:?}");
        }
    }

    #[test]
    fn offsets_are_applied_and_nonsense_is_refused() {
        assert_eq!(Timestamp::parse_iso8601("2019-12-16T22:48:18-01:00").unwrap().iso8601(), "2019-12-16T23:48:18Z");
        for bad in
            ["", "2019", "2019-13-01T00:00:00Z", "20191301T000000Z", "Tue, 32 Apr 2014 18:30:38 GMT", "2019-12-16"]
        {
            assert_eq!(Timestamp::parse_iso8601(bad), None, "{bad}");
            assert_eq!(Timestamp::parse_amz_date(bad), None, "{bad}");
            assert_eq!(Timestamp::parse_http_date(bad), None, "{bad}");
        }
    }
}
