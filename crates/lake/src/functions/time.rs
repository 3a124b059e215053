//! Times: arithmetic by units, patterns, ISO 8601, zones.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, TimestampMillisecondArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMillisecondType};
use datafusion::error::{DataFusionError, Result};

use super::{Args, Fun, Input, Texts, wrong};
use crate::time::{self, Pattern, Unit, Zone};
use crate::types;

/// Times of an argument: what clocks show, and the moment.
struct Times {
    moments: TimestampMillisecondArray,
    zone: Option<String>,
}

impl Times {
    fn of(input: &Input, at: usize) -> Result<Times> {
        let array = input.array(at)?;
        let zone = match array.data_type() {
            DataType::Timestamp(_, zone) => zone.clone(),
            data_type if types::is_text(data_type) => {
                // Athena's own columns of times are texts.
                let texts = Texts::of(&array, &input.field(at))?;
                let moments = (0..input.rows).map(|row| match texts.get(row) {
                    None => Ok(None),
                    Some(text) => match time::parse(text) {
                        Some((shown, zone)) => Ok(Some(zone.map_or(shown, |zone| zone.moment(shown)))),
                        None => wrong(format!("Invalid time: '{}'", crate::error::shortened(text))),
                    },
                });
                return Ok(Times { moments: moments.collect::<Result<_>>()?, zone: None });
            }
            _ => None,
        };
        let array = cast(&array, &DataType::Timestamp(TimeUnit::Millisecond, zone.clone()))?;
        let moments = array.as_primitive::<TimestampMillisecondType>().clone();
        Ok(Times { moments, zone: zone.map(|zone| zone.to_string()) })
    }

    fn moment(&self, row: usize) -> Option<i64> {
        (!self.moments.is_null(row)).then(|| self.moments.value(row))
    }

    /// What clocks show.
    fn shown(&self, row: usize) -> Option<i64> {
        self.moment(row).map(|moment| moment + time::offset(self.zone.as_deref(), moment))
    }

    /// The moment at which clocks show this.
    fn back(&self, shown: i64) -> i64 {
        self.zone.as_deref().and_then(Zone::parse).map_or(shown, |zone| zone.moment(shown))
    }
}

/// A time of the same type as an argument; texts are read as times without a zone.
fn same(args: &Args<'_>, at: usize) -> Result<FieldRef> {
    match args.data_type(at) {
        DataType::Date32 => Ok(types::result(DataType::Date32)),
        DataType::Timestamp(_, zone) => Ok(types::result(DataType::Timestamp(TimeUnit::Millisecond, zone.clone()))),
        data_type if types::is_text(data_type) || *data_type == DataType::Null => {
            Ok(types::result(DataType::Timestamp(TimeUnit::Millisecond, None)))
        }
        _ => Err(DataFusionError::Plan(format!(
            "Unexpected parameters ({}): a date or timestamp is expected",
            args.fields.get(at).map_or_else(String::new, |field| types::name(field))
        ))),
    }
}

/// A column of moments as what the function answers.
fn answer(input: &Input, moments: Vec<Option<i64>>) -> Result<ArrayRef> {
    let array = TimestampMillisecondArray::from(moments);
    let array: ArrayRef = match input.returns.data_type() {
        DataType::Timestamp(_, Some(zone)) => Arc::new(array.with_timezone(zone.clone())),
        _ => Arc::new(array),
    };
    if array.data_type() == input.returns.data_type() {
        Ok(array)
    } else {
        Ok(cast(&array, input.returns.data_type())?)
    }
}

/// A unit by its name.
fn unit(name: &str) -> Result<Unit> {
    match Unit::parse(name) {
        Some(unit) => Ok(unit),
        None => {
            let known = ["millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];
            let meant = query_lang::nearest(name, known).map(|unit| format!(". Did you mean '{unit}'?"));
            wrong(format!("'{name}' is not a valid TIMESTAMP field{}", meant.unwrap_or_default()))
        }
    }
}

/// Units of an argument, read once if they are the same.
fn units(input: &Input, at: usize) -> Result<impl Fn(usize) -> Result<Option<Unit>> + use<>> {
    let texts = input.texts(at)?;
    let constant = texts.constant().map(unit).transpose()?;
    Ok(move |row: usize| match constant {
        Some(unit) => Ok(Some(unit)),
        None => texts.get(row).map(unit).transpose(),
    })
}

/// Patterns of an argument, read once if they are the same.
fn patterns(
    input: &Input,
    at: usize,
    read: fn(&str) -> Option<Pattern>,
) -> Result<impl Fn(usize) -> Result<Option<Pattern>> + use<>> {
    let texts = input.texts(at)?;
    let constant = match texts.constant() {
        Some(text) => Some(pattern(text, read)?),
        None => None,
    };
    Ok(move |row: usize| match &constant {
        Some(pattern) => Ok(Some(pattern.clone())),
        None => texts.get(row).map(|text| pattern(text, read)).transpose(),
    })
}

fn pattern(text: &str, read: fn(&str) -> Option<Pattern>) -> Result<Pattern> {
    match read(text) {
        Some(pattern) => Ok(pattern),
        None => wrong(format!("Invalid format: '{}'", crate::error::shortened(text))),
    }
}

const TZ: fn() -> DataType = || DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
const PLAIN: fn() -> DataType = || DataType::Timestamp(TimeUnit::Millisecond, None);

pub(super) fn functions(now_ms: i64) -> Vec<Fun> {
    let text = |_: &Args<'_>| Ok(types::result(DataType::Utf8));
    let integer = |_: &Args<'_>| Ok(types::result(DataType::Int64));
    let double = |_: &Args<'_>| Ok(types::result(DataType::Float64));
    let zoned = |_: &Args<'_>| Ok(types::result(TZ()));
    vec![
        Fun::new("now", 0..=1, zoned, move |input| answer(input, vec![Some(now_ms); input.rows])),
        Fun::new(
            "date_add",
            3..=3,
            |args| same(args, 2),
            |input| {
                let (units, counts, times) = (units(input, 0)?, input.integers(1)?, Times::of(input, 2)?);
                let rows = (0..input.rows).map(|row| {
                    let (Some(unit), Some(count), Some(shown)) = (units(row)?, counts(row), times.shown(row)) else {
                        return Ok(None);
                    };
                    match time::add(unit, count, shown) {
                        Some(moved) => Ok(Some(times.back(moved))),
                        None => wrong("Timestamp overflow"),
                    }
                });
                answer(input, rows.collect::<Result<_>>()?)
            },
        ),
        Fun::new("date_diff", 3..=3, integer, |input| {
            let (units, from, to) = (units(input, 0)?, Times::of(input, 1)?, Times::of(input, 2)?);
            input.map_integers(|row| {
                let (Some(unit), Some(from), Some(to)) = (units(row)?, from.shown(row), to.shown(row)) else {
                    return Ok(None);
                };
                Ok(time::diff(unit, from, to))
            })
        }),
        Fun::new(
            "date_trunc",
            2..=2,
            |args| same(args, 1),
            |input| {
                let (units, times) = (units(input, 0)?, Times::of(input, 1)?);
                let rows = (0..input.rows).map(|row| {
                    let (Some(unit), Some(shown)) = (units(row)?, times.shown(row)) else { return Ok(None) };
                    Ok(time::trunc(unit, shown).map(|begin| times.back(begin)))
                });
                answer(input, rows.collect::<Result<_>>()?)
            },
        ),
        Fun::new("trino_part", 2..=2, integer, |input| {
            let (names, times) = (input.texts(0)?, Times::of(input, 1)?);
            input.map_integers(|row| {
                let Some((name, shown)) = names.get(row).zip(times.shown(row)) else { return Ok(None) };
                let offset = time::offset(times.zone.as_deref(), times.moments.value(row));
                match time::local(shown).map(|local| time::part(name, local, offset)) {
                    None => Ok(None),
                    Some(Some(part)) => Ok(Some(part)),
                    Some(None) => wrong(format!("EXTRACT does not support the field {name}")),
                }
            })
        }),
        Fun::new(
            "last_day_of_month",
            1..=1,
            |_| Ok(types::result(DataType::Date32)),
            |input| {
                let times = Times::of(input, 0)?;
                let month = Unit::Months(1);
                let rows = (0..input.rows).map(|row| {
                    let begin = times.shown(row).and_then(|shown| time::trunc(month, shown));
                    Ok(begin.and_then(|begin| time::add(month, 1, begin)).map(|next| next - time::DAY_MS))
                });
                answer(input, rows.collect::<Result<_>>()?)
            },
        ),
        shown_by("date_format", time::mysql),
        shown_by("format_datetime", time::joda),
        read_by("date_parse", time::mysql, false),
        read_by("parse_datetime", time::joda, true),
        Fun::new("from_iso8601_timestamp", 1..=1, zoned, |input| {
            let texts = input.texts(0)?;
            let rows = (0..input.rows).map(|row| match texts.get(row) {
                None => Ok(None),
                Some(text) => match time::parse(text) {
                    Some((shown, zone)) => Ok(Some(zone.map_or(shown, |zone| zone.moment(shown)))),
                    None => wrong(format!("Invalid format: \"{}\"", crate::error::shortened(text))),
                },
            });
            answer(input, rows.collect::<Result<_>>()?)
        }),
        Fun::new(
            "from_iso8601_date",
            1..=1,
            |_| Ok(types::result(DataType::Date32)),
            |input| {
                let texts = input.texts(0)?;
                let rows = (0..input.rows).map(|row| match texts.get(row) {
                    None => Ok(None),
                    Some(text) => match time::parse_date(text) {
                        Some(days) => Ok(Some(i64::from(days) * time::DAY_MS)),
                        None => wrong(format!("Invalid format: \"{}\"", crate::error::shortened(text))),
                    },
                });
                answer(input, rows.collect::<Result<_>>()?)
            },
        ),
        Fun::new("to_iso8601", 1..=1, text, |input| {
            if input.data_type(0) == DataType::Date32 {
                let texts = input.texts(0)?;
                return input.map_texts(|row| Ok(texts.get(row).map(|date| Cow::Owned(date.to_owned()))));
            }
            let times = Times::of(input, 0)?;
            input.map_texts(|row| {
                Ok(times.moment(row).map(|moment| Cow::Owned(time::show_iso(moment, times.zone.as_deref()))))
            })
        }),
        // Athena's column of times: as records write them.
        Fun::new("trino_record_time", 1..=1, text, |input| {
            let times = Times::of(input, 0)?;
            input.map_texts(|row| Ok(times.moment(row).map(|moment| Cow::Owned(time::show_record(moment)))))
        }),
        Fun::new("to_unixtime", 1..=1, double, |input| {
            let times = Times::of(input, 0)?;
            #[expect(clippy::cast_precision_loss, reason = "a double is what Trino answers")]
            let rows = (0..input.rows).map(|row| times.moment(row).map(|moment| moment as f64 / 1000.0));
            Ok(Arc::new(rows.collect::<datafusion::arrow::array::Float64Array>()) as ArrayRef)
        }),
        Fun::new("from_unixtime", 1..=2, from_unixtime_field, |input| {
            let seconds = input.doubles(0)?;
            let rows = (0..input.rows).map(|row| match seconds(row) {
                None => Ok(None),
                Some(seconds) => match millis(seconds) {
                    Some(millis) => Ok(Some(millis)),
                    None => wrong("Timestamp overflow"),
                },
            });
            answer(input, rows.collect::<Result<_>>()?)
        }),
        Fun::new("from_unixtime_nanos", 1..=1, zoned, |input| {
            let nanos = input.integers(0)?;
            answer(input, (0..input.rows).map(|row| nanos(row).map(|nanos| nanos.div_euclid(1_000_000))).collect())
        }),
        Fun::new(
            "at_timezone",
            2..=2,
            |args| {
                Ok(types::result(DataType::Timestamp(
                    TimeUnit::Millisecond,
                    Some(zone_of(args.constant(1))?.name().into()),
                )))
            },
            |input| {
                let times = Times::of(input, 0)?;
                answer(input, (0..input.rows).map(|row| times.moment(row)).collect())
            },
        ),
        Fun::new(
            "with_timezone",
            2..=2,
            |args| {
                Ok(types::result(DataType::Timestamp(
                    TimeUnit::Millisecond,
                    Some(zone_of(args.constant(1))?.name().into()),
                )))
            },
            |input| {
                let (times, zones) = (Times::of(input, 0)?, input.texts(1)?);
                let zone = zone_of(zones.constant())?;
                answer(input, (0..input.rows).map(|row| times.shown(row).map(|shown| zone.moment(shown))).collect())
            },
        ),
        Fun::new("to_milliseconds", 1..=1, integer, |input| {
            let wide = DataType::Interval(datafusion::arrow::datatypes::IntervalUnit::MonthDayNano);
            let array = input.cast(0, &wide)?;
            let array = array.as_primitive::<datafusion::arrow::datatypes::IntervalMonthDayNanoType>().clone();
            input.map_integers(|row| {
                Ok((!array.is_null(row)).then(|| {
                    let value = array.value(row);
                    i64::from(value.days) * time::DAY_MS + value.nanoseconds / 1_000_000
                }))
            })
        }),
        Fun::new("human_readable_seconds", 1..=1, text, |input| {
            let seconds = input.doubles(0)?;
            input.map_texts(|row| Ok(seconds(row).and_then(readable).map(Cow::Owned)))
        }),
    ]
}

fn zone_of(name: Option<&str>) -> Result<Zone> {
    let name = name.unwrap_or_default();
    match Zone::parse(name) {
        Some(zone) => Ok(zone),
        None => wrong(format!("'{name}' is not a valid time zone")),
    }
}

fn from_unixtime_field(args: &Args<'_>) -> Result<FieldRef> {
    let zone = match args.constant(1) {
        Some(name) => zone_of(Some(name))?.name(),
        None => "UTC".to_owned(),
    };
    Ok(types::result(DataType::Timestamp(TimeUnit::Millisecond, Some(zone.into()))))
}

/// Seconds as milliseconds, if a timestamp can hold them.
fn millis(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    (millis.abs() < 1e17).then_some(millis as i64)
}

fn shown_by(name: &str, read: fn(&str) -> Option<Pattern>) -> Fun {
    Fun::new(
        name,
        2..=2,
        |_| Ok(types::result(DataType::Utf8)),
        move |input| {
            let (times, patterns) = (Times::of(input, 0)?, patterns(input, 1, read)?);
            input.map_texts(|row| {
                let (Some(shown), Some(pattern)) = (times.shown(row), patterns(row)?) else { return Ok(None) };
                let zone = times.zone.as_deref();
                let offset = time::offset(zone, times.moments.value(row));
                Ok(time::local(shown).map(|local| Cow::Owned(pattern.show(local, zone, offset))))
            })
        },
    )
}

fn read_by(name: &str, read: fn(&str) -> Option<Pattern>, zoned: bool) -> Fun {
    let to = move || if zoned { TZ() } else { PLAIN() };
    Fun::new(
        name,
        2..=2,
        move |_| Ok(types::result(to())),
        move |input| {
            let (texts, patterns) = (input.texts(0)?, patterns(input, 1, read)?);
            let rows = (0..input.rows).map(|row| {
                let (Some(text), Some(pattern)) = (texts.get(row), patterns(row)?) else { return Ok(None) };
                match pattern.parse(text) {
                    Some((shown, zone)) => Ok(Some(zone.map_or(shown, |zone| zone.moment(shown)))),
                    None => wrong(format!("Invalid format: \"{}\"", crate::error::shortened(text))),
                }
            });
            answer(input, rows.collect::<Result<_>>()?)
        },
    )
}

/// `1 day, 2 hours, 3 seconds`.
fn readable(seconds: f64) -> Option<String> {
    let mut rest = millis(seconds)?.abs() / 1000;
    let mut parts = Vec::new();
    for (length, name) in [(604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")] {
        let count = rest / length;
        rest %= length;
        if count > 0 || (length == 1 && parts.is_empty()) {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    Some(parts.join(", "))
}
