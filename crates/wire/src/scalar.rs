//! The text forms of scalars: in headers, query strings, path labels, form fields and XML. Must never lose precision.

use std::borrow::Cow;

use base::Timestamp;
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use model::{ShapeKind, ShapeRef, TimestampFormat, Value};

use crate::fault::{Fault, Outcome};

/// Standard alphabet; padding is written, and not insisted on.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The word for a shape in messages: `a string`, `a list` …
pub(crate) fn kind_name(kind: &ShapeKind) -> &'static str {
    match kind {
        ShapeKind::Structure(_) => "a structure",
        ShapeKind::List(_) => "a list",
        ShapeKind::Map(..) => "a map",
        ShapeKind::String(_) => "a string",
        ShapeKind::Integer => "an integer of 32 bits",
        ShapeKind::Long => "an integer of 64 bits",
        ShapeKind::Float | ShapeKind::Double => "a number",
        ShapeKind::Boolean => "true or false",
        ShapeKind::Blob => "bytes in base64",
        ShapeKind::Timestamp => "a timestamp",
        ShapeKind::Document => "a JSON value",
    }
}

/// Reads a scalar from text. `format` is the timestamp format of the place, unless the member says otherwise.
pub(crate) fn read(kind: &ShapeKind, of: &ShapeRef, text: Cow<'_, str>, format: TimestampFormat) -> Outcome<Value> {
    let bad = |text: &str| Fault::expected(kind_name(kind), text);
    Ok(match kind {
        ShapeKind::String(_) => Value::String(text.into_owned()),
        ShapeKind::Boolean => match text.trim() {
            word if word.eq_ignore_ascii_case("true") => Value::Bool(true),
            word if word.eq_ignore_ascii_case("false") => Value::Bool(false),
            other => return Err(bad(other)),
        },
        ShapeKind::Integer | ShapeKind::Long => {
            let number = text.trim().parse().map_err(|_| bad(&text))?;
            Value::Int(fitting(kind, number).ok_or_else(|| bad(&text))?)
        }
        ShapeKind::Float | ShapeKind::Double => Value::Double(read_double(text.trim()).ok_or_else(|| bad(&text))?),
        ShapeKind::Blob => Value::Blob(read_blob(text.trim())?),
        ShapeKind::Timestamp => {
            Value::Timestamp(read_timestamp(text.trim(), of.traits.timestamp_format.unwrap_or(format))?)
        }
        ShapeKind::Structure(_) | ShapeKind::List(_) | ShapeKind::Map(..) | ShapeKind::Document => {
            return Err(bad(&text));
        }
    })
}

/// The number, if the shape has room for it.
pub(crate) fn fitting(kind: &ShapeKind, number: i64) -> Option<i64> {
    (!matches!(kind, ShapeKind::Integer) || i32::try_from(number).is_ok()).then_some(number)
}

/// The whole number that a floating-point one is, if it is one.
pub(crate) fn whole(number: f64) -> Option<i64> {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    let fits = number.fract() == 0.0 && (-TWO_TO_63..TWO_TO_63).contains(&number);
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
    fits.then_some(number as i64)
}

/// Decimal text, or `NaN`, `Infinity`, `-Infinity`.
pub(crate) fn read_double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ if text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) => {
            text.parse().ok().filter(|number: &f64| number.is_finite())
        }
        _ => None,
    }
}

/// Base 64, padded or not.
pub(crate) fn read_blob(text: &str) -> Outcome<Bytes> {
    BASE64.decode(text).map(Bytes::from).map_err(|_| Fault::expected("bytes in base64", text))
}

/// A moment in this format.
pub(crate) fn read_timestamp(text: &str, format: TimestampFormat) -> Outcome<Timestamp> {
    match format {
        TimestampFormat::Iso8601 => {
            Timestamp::parse_iso8601(text).ok_or_else(|| Fault::expected("a timestamp that follows ISO8601", text))
        }
        TimestampFormat::Rfc822 => Timestamp::parse_http_date(text)
            .or_else(|| Timestamp::parse_iso8601(text))
            .ok_or_else(|| Fault::expected("an HTTP date", text)),
        TimestampFormat::Unix => read_double(text)
            .and_then(Timestamp::from_secs_f64)
            .or_else(|| Timestamp::parse_iso8601(text))
            .ok_or_else(|| Fault::expected("a timestamp in seconds", text)),
    }
}

/// Writes a number as JSON, XML and headers have it; NaN and the infinities by name.
pub(crate) fn double_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        format!("{number:?}")
    }
}

/// A moment in this format. `ms` writes ISO 8601 with exactly three digits of milliseconds (S3).
pub(crate) fn timestamp_text(moment: Timestamp, format: TimestampFormat, ms: bool) -> String {
    match format {
        TimestampFormat::Iso8601 if ms => moment.iso8601_ms(),
        TimestampFormat::Iso8601 => moment.iso8601(),
        TimestampFormat::Rfc822 => moment.http_date(),
        TimestampFormat::Unix if moment.ms() % base::time::SECOND_MS == 0 => moment.secs().to_string(),
        TimestampFormat::Unix => double_text(moment.secs_f64()),
    }
}

/// The moment that a value stands for where the model wants one: numbers are seconds of the epoch.
pub(crate) fn as_timestamp(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Timestamp(moment) => Some(*moment),
        Value::Int(secs) => Some(Timestamp::from_secs(*secs)),
        Value::Double(secs) => Timestamp::from_secs_f64(*secs),
        _ => None,
    }
}

/// The floating-point number that a value stands for.
pub(crate) fn as_double(value: &Value) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        #[expect(clippy::cast_precision_loss, reason = "the model wants floating point here")]
        Value::Int(number) => Some(*number as f64),
        _ => None,
    }
}

/// The bytes that a value stands for.
pub(crate) fn as_bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Blob(bytes) => Some(bytes),
        Value::String(text) => Some(text.as_bytes()),
        _ => None,
    }
}

/// A value where the model wants something else.
pub(crate) fn misfit(kind: &ShapeKind, value: &Value) -> Box<Fault> {
    Fault::new(format_args!("the model wants {}, the value is a {}", kind_name(kind), value.kind()))
}

/// Writes a scalar as text. `format` is the timestamp format of the place, unless the member says otherwise.
pub(crate) fn write<'v>(
    kind: &ShapeKind,
    of: &ShapeRef,
    value: &'v Value,
    format: TimestampFormat,
    ms: bool,
) -> Outcome<Cow<'v, str>> {
    let text = match (kind, value) {
        (ShapeKind::String(_), Value::String(text)) => return Ok(Cow::Borrowed(text)),
        (ShapeKind::Boolean, Value::Bool(flag)) => return Ok(Cow::Borrowed(if *flag { "true" } else { "false" })),
        (ShapeKind::Integer | ShapeKind::Long, Value::Int(number)) => Some(number.to_string()),
        (ShapeKind::Float | ShapeKind::Double, value) => as_double(value).map(double_text),
        (ShapeKind::Blob, value) => as_bytes(value).map(|bytes| BASE64.encode(bytes)),
        (ShapeKind::Timestamp, value) => {
            as_timestamp(value).map(|moment| timestamp_text(moment, of.traits.timestamp_format.unwrap_or(format), ms))
        }
        _ => None,
    };
    text.map(Cow::Owned).ok_or_else(|| misfit(kind, value))
}
