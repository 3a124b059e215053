//! Patterns for times: MySQL's (`%Y-%m-%d`, for date_format and date_parse) and Joda's (`yyyy-MM-dd`, for format_datetime and parse_datetime).

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};

use super::{Zone, show_offset};

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    Literal(String),
    /// Of so many digits.
    Year(usize),
    /// As a number of so many digits.
    Month(usize),
    MonthName(bool),
    Day(usize),
    Hour24(usize),
    Hour12(usize),
    Minute(usize),
    Second(usize),
    /// Fractions of a second, of so many digits.
    Fraction(usize),
    AmPm,
    /// Full, or three letters.
    Weekday(bool),
    /// 0 is Sunday.
    WeekdayNumber,
    /// 1 is Monday.
    IsoWeekday,
    DayOfYear(usize),
    Week,
    WeekYear,
    /// With a colon, or without.
    Offset(bool),
    ZoneName,
}

/// A pattern that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern(Vec<Item>);

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// MySQL's pattern. `None` if a sign means nothing.
pub(crate) fn mysql(text: &str) -> Option<Pattern> {
    let mut items = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            literal(&mut items, c);
            continue;
        }
        let composed: &[Item] = match chars.next()? {
            'Y' => &[Item::Year(4)],
            'y' => &[Item::Year(2)],
            'm' => &[Item::Month(2)],
            'c' => &[Item::Month(1)],
            'M' => &[Item::MonthName(true)],
            'b' => &[Item::MonthName(false)],
            'd' => &[Item::Day(2)],
            'e' => &[Item::Day(1)],
            'H' => &[Item::Hour24(2)],
            'k' => &[Item::Hour24(1)],
            'h' | 'I' => &[Item::Hour12(2)],
            'l' => &[Item::Hour12(1)],
            'i' => &[Item::Minute(2)],
            's' | 'S' => &[Item::Second(2)],
            'f' => &[Item::Fraction(6)],
            'p' => &[Item::AmPm],
            'W' => &[Item::Weekday(true)],
            'a' => &[Item::Weekday(false)],
            'w' => &[Item::WeekdayNumber],
            'j' => &[Item::DayOfYear(3)],
            'v' => &[Item::Week],
            'x' => &[Item::WeekYear],
            'T' => {
                items.extend([Item::Hour24(2), Item::Literal(":".into()), Item::Minute(2), Item::Literal(":".into())]);
                &[Item::Second(2)]
            }
            'r' => {
                items.extend([Item::Hour12(2), Item::Literal(":".into()), Item::Minute(2), Item::Literal(":".into())]);
                items.extend([Item::Second(2), Item::Literal(" ".into())]);
                &[Item::AmPm]
            }
            '%' => {
                literal(&mut items, '%');
                continue;
            }
            // MySQL's own rule: an unknown sign stands for itself.
            other if !matches!(other, 'D' | 'U' | 'u' | 'V' | 'X') => {
                literal(&mut items, other);
                continue;
            }
            _ => return None,
        };
        items.extend_from_slice(composed);
    }
    Some(Pattern(items))
}

/// Joda's pattern. `None` if a letter means nothing.
pub(crate) fn joda(text: &str) -> Option<Pattern> {
    let chars: Vec<char> = text.chars().collect();
    let mut items = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        if c == '\'' {
            if chars.get(at + 1) == Some(&'\'') {
                literal(&mut items, '\'');
                at += 2;
                continue;
            }
            let end = (at + 1..chars.len()).find(|&i| chars[i] == '\'')?;
            chars[at + 1..end].iter().for_each(|c| literal(&mut items, *c));
            at = end + 1;
            continue;
        }
        if !c.is_ascii_alphabetic() {
            literal(&mut items, c);
            at += 1;
            continue;
        }
        let count = chars[at..].iter().take_while(|next| **next == c).count();
        at += count;
        items.push(match c {
            'y' | 'Y' if count == 2 => Item::Year(2),
            'y' | 'Y' => Item::Year(count.max(1)),
            'x' => Item::WeekYear,
            'M' if count >= 4 => Item::MonthName(true),
            'M' if count == 3 => Item::MonthName(false),
            'M' => Item::Month(count),
            'd' => Item::Day(count),
            'D' => Item::DayOfYear(count),
            'H' | 'k' => Item::Hour24(count),
            'h' | 'K' => Item::Hour12(count),
            'm' => Item::Minute(count),
            's' => Item::Second(count),
            'S' => Item::Fraction(count),
            'a' => Item::AmPm,
            'E' if count >= 4 => Item::Weekday(true),
            'E' => Item::Weekday(false),
            'e' => Item::IsoWeekday,
            'w' => Item::Week,
            'Z' if count >= 3 => Item::ZoneName,
            'Z' => Item::Offset(count == 2),
            'z' => Item::ZoneName,
            _ => return None,
        });
    }
    Some(Pattern(items))
}

fn literal(items: &mut Vec<Item>, c: char) {
    match items.last_mut() {
        Some(Item::Literal(text)) => text.push(c),
        _ => items.push(Item::Literal(c.to_string())),
    }
}

impl Pattern {
    /// What a time looks like, in a zone that is so far ahead.
    pub(crate) fn show(&self, time: NaiveDateTime, zone: Option<&str>, offset: i64) -> String {
        let mut out = String::new();
        for item in &self.0 {
            let digits = |value: i64, width: usize| format!("{value:0width$}");
            let text = match item {
                Item::Literal(text) => text.clone(),
                Item::Year(2) => digits(i64::from(time.year().rem_euclid(100)), 2),
                Item::Year(width) => digits(i64::from(time.year()), *width),
                Item::Month(width) => digits(i64::from(time.month()), *width),
                Item::MonthName(full) => name(&MONTHS, usize::try_from(time.month0()).unwrap_or(0), *full),
                Item::Day(width) => digits(i64::from(time.day()), *width),
                Item::Hour24(width) => digits(i64::from(time.hour()), *width),
                Item::Hour12(width) => digits(i64::from(time.hour12().1), *width),
                Item::Minute(width) => digits(i64::from(time.minute()), *width),
                Item::Second(width) => digits(i64::from(time.second()), *width),
                Item::Fraction(width) => {
                    let nanos = format!("{:09}", time.nanosecond());
                    format!("{nanos:0<width$}").chars().take(*width).collect()
                }
                Item::AmPm => if time.hour() < 12 { "AM" } else { "PM" }.to_owned(),
                Item::Weekday(full) => {
                    name(&DAYS, usize::try_from(time.weekday().num_days_from_monday()).unwrap_or(0), *full)
                }
                Item::WeekdayNumber => time.weekday().num_days_from_sunday().to_string(),
                Item::IsoWeekday => time.weekday().number_from_monday().to_string(),
                Item::DayOfYear(width) => digits(i64::from(time.ordinal()), *width),
                Item::Week => digits(i64::from(time.iso_week().week()), 2),
                Item::WeekYear => time.iso_week().year().to_string(),
                Item::Offset(true) => show_offset(offset),
                Item::Offset(false) => show_offset(offset).replace(':', ""),
                Item::ZoneName => zone.unwrap_or("UTC").to_owned(),
            };
            out.push_str(&text);
        }
        out
    }

    /// What clocks show in a text of this pattern, in milliseconds since 1970, and the zone if it says one.
    pub(crate) fn parse(&self, text: &str) -> Option<(i64, Option<Zone>)> {
        let mut rest = text;
        let (mut year, mut month, mut day) = (1970_i32, 1_u32, 1_u32);
        let mut of_year = None;
        let (mut hour, mut minute, mut second, mut millis) = (0_i64, 0_i64, 0_i64, 0_i64);
        let (mut afternoon, mut zone) = (None, None);
        for (at, item) in self.0.iter().enumerate() {
            // Digits that directly follow must not be taken for this number's.
            let next_is_number = self.0.get(at + 1).is_some_and(|next| !matches!(next, Item::Literal(_)));
            let mut number = |width: usize, max: usize| -> Option<i64> {
                let limit = if next_is_number { width.max(1) } else { max };
                let length = rest.bytes().take(limit).take_while(u8::is_ascii_digit).count();
                let value = rest.get(..length)?.parse().ok()?;
                rest = &rest[length..];
                Some(value)
            };
            match item {
                Item::Literal(text) => rest = rest.strip_prefix(text.as_str())?,
                Item::Year(2) => {
                    let short = i32::try_from(number(2, 2)?).ok()?;
                    year = if short < 70 { 2000 + short } else { 1900 + short };
                }
                Item::Year(width) => year = i32::try_from(number(*width, 9)?).ok()?,
                Item::Month(width) => month = u32::try_from(number(*width, 2)?).ok()?,
                Item::Day(width) => day = u32::try_from(number(*width, 2)?).ok()?,
                Item::DayOfYear(width) => of_year = Some(u32::try_from(number(*width, 3)?).ok()?),
                Item::Hour24(width) | Item::Hour12(width) => hour = number(*width, 2)?,
                Item::Minute(width) => minute = number(*width, 2)?,
                Item::Second(width) => second = number(*width, 2)?,
                Item::Fraction(_) => {
                    let length = rest.bytes().take(9).take_while(u8::is_ascii_digit).count();
                    let digits: String = format!("{:0<3}", rest.get(..length)?).chars().take(3).collect();
                    millis = digits.parse().ok()?;
                    rest = &rest[length..];
                }
                Item::MonthName(full) => month = u32::try_from(named(&MONTHS, &mut rest, *full)?).ok()? + 1,
                Item::Weekday(full) => {
                    named(&DAYS, &mut rest, *full)?;
                }
                Item::AmPm => {
                    let word = rest.get(..2)?.to_uppercase();
                    afternoon = Some(match word.as_str() {
                        "AM" => false,
                        "PM" => true,
                        _ => return None,
                    });
                    rest = &rest[2..];
                }
                Item::Offset(_) | Item::ZoneName => {
                    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    zone = Some(Zone::parse(&rest[..end])?);
                    rest = &rest[end..];
                }
                Item::WeekdayNumber | Item::IsoWeekday | Item::Week | Item::WeekYear => {
                    number(2, 4)?;
                }
            }
        }
        if !rest.is_empty() {
            return None;
        }
        match afternoon {
            Some(true) if hour < 12 => hour += 12,
            Some(false) if hour == 12 => hour = 0,
            _ => {}
        }
        let date = match of_year {
            Some(day) => NaiveDate::from_yo_opt(year, day)?,
            None => NaiveDate::from_ymd_opt(year, month, day)?,
        };
        let time =
            date.and_hms_opt(u32::try_from(hour).ok()?, u32::try_from(minute).ok()?, u32::try_from(second).ok()?)?;
        Some((time.and_utc().timestamp_millis() + millis, zone))
    }
}

fn name(names: &[&str], at: usize, full: bool) -> String {
    let name = names.get(at).copied().unwrap_or_default();
    if full { name.to_owned() } else { name.chars().take(3).collect() }
}

/// The place of the name that comes next.
fn named(names: &[&str], rest: &mut &str, full: bool) -> Option<usize> {
    let at = names.iter().position(|name| {
        let name = if full { name } else { &name[..3] };
        rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
    })?;
    let length = if full { names[at].len() } else { 3 };
    *rest = &rest[length..];
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{local, parse};

    fn check(pattern: &Pattern, time: &str, shown: &str) {
        let millis = parse(time).unwrap().0;
        assert_eq!(pattern.show(local(millis).unwrap(), None, 0), shown);
    }

    #[test]
    fn patterns_show_and_read() {
        let time = "2025-03-04 15:06:07.089";
        check(&mysql("%Y-%m-%d %H:%i:%s").unwrap(), time, "2025-03-04 15:06:07");
        check(
            &mysql("%W %e %M %y %h:%i %p %j %T %f %%").unwrap(),
            time,
            "Tuesday 4 March 25 03:06 PM 063 15:06:07 089000 %",
        );
        check(&joda("yyyy-MM-dd'T'HH:mm:ss.SSS''ZZ").unwrap(), time, "2025-03-04T15:06:07.089'+00:00");
        check(&joda("EEE, d MMM yyyy hh:mm a").unwrap(), time, "Tue, 4 Mar 2025 03:06 PM");
        let millis = |pattern: &Pattern, text: &str| pattern.parse(text).map(|(millis, _)| millis);
        assert_eq!(
            millis(&mysql("%Y-%m-%dT%H:%i:%sZ").unwrap(), "2025-03-04T15:06:07Z"),
            Some(parse("2025-03-04 15:06:07").unwrap().0)
        );
        assert_eq!(millis(&joda("yyyyMMddHH").unwrap(), "2025030415"), Some(parse("2025-03-04 15:00").unwrap().0));
        assert_eq!(millis(&joda("d MMM yyyy h a").unwrap(), "4 Mar 2025 12 am"), Some(parse("2025-03-04").unwrap().0));
        assert_eq!(millis(&mysql("%Y-%m-%d").unwrap(), "2025-03-04 x"), None);
        assert_eq!(millis(&mysql("%Y-%m-%d").unwrap(), "2025-02-30"), None);
        assert_eq!(joda("yyyy-bb"), None);
    }
}
