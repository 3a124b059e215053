//! Values as Trino's clients print them: timestamps with three digits, maps `{k=v}`, arrays `[a, b]`, rows `{field=value}`.

use std::fmt::Write;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Field, Float32Type, Float64Type, IntervalMonthDayNanoType, TimeUnit, TimestampMillisecondType,
};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::error::Result;

use crate::{json, names, time, types};

/// Prints a column's values, one after the other.
pub(crate) struct Printer {
    array: ArrayRef,
    kind: Kind,
}

enum Kind {
    Text,
    /// A JSON object that is a map.
    MapText,
    Boolean,
    Double,
    Real,
    Date,
    Timestamp(Option<String>),
    Interval,
    Binary,
    List(Box<Printer>),
    Map(Box<Printer>, Box<Printer>),
    Row(Vec<(String, Printer)>),
    Other,
}

impl Printer {
    /// Prints this column, whose field says what its text means. `camel`: fields of rows have CloudTrail's casing.
    pub(crate) fn new(array: &ArrayRef, field: &Field, camel: bool) -> Result<Printer> {
        let data_type = array.data_type();
        let of = |inner: &ArrayRef, field: &Field| Printer::new(inner, field, camel).map(Box::new);
        let (array, kind) = match data_type {
            text if types::is_text(text) => {
                let kind = if types::tag(field) == Some(types::MAP) { Kind::MapText } else { Kind::Text };
                (cast(array, &DataType::Utf8)?, kind)
            }
            DataType::Boolean => (array.clone(), Kind::Boolean),
            DataType::Float64 => (array.clone(), Kind::Double),
            DataType::Float32 => (array.clone(), Kind::Real),
            DataType::Date32 | DataType::Date64 => (cast(array, &DataType::Date32)?, Kind::Date),
            DataType::Timestamp(_, zone) => {
                let millis = DataType::Timestamp(TimeUnit::Millisecond, zone.clone());
                (cast(array, &millis)?, Kind::Timestamp(zone.as_ref().map(ToString::to_string)))
            }
            DataType::Interval(_) | DataType::Duration(_) => {
                let wide = DataType::Interval(datafusion::arrow::datatypes::IntervalUnit::MonthDayNano);
                (cast(array, &wide)?, Kind::Interval)
            }
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                (cast(array, &DataType::Binary)?, Kind::Binary)
            }
            DataType::LargeList(of) | DataType::FixedSizeList(of, _) => {
                return Printer::new(&cast(array, &DataType::List(of.clone()))?, field, camel);
            }
            DataType::List(element) => {
                let values = of(array.as_list::<i32>().values(), element)?;
                (array.clone(), Kind::List(values))
            }
            DataType::Map(entries, _) => {
                let map = array.as_map();
                let (key, value) = match entries.data_type() {
                    DataType::Struct(pair) if pair.len() == 2 => (pair[0].clone(), pair[1].clone()),
                    _ => (types::result(DataType::Utf8), types::result(DataType::Utf8)),
                };
                let kind = Kind::Map(of(map.keys(), &key)?, of(map.values(), &value)?);
                (array.clone(), kind)
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let printers = fields
                    .iter()
                    .zip(columns)
                    .map(|(field, column)| {
                        let name = if camel { names::shown(field.name()) } else { field.name().clone() };
                        Ok((name, Printer::new(column, field, camel)?))
                    })
                    .collect::<Result<Vec<_>>>()?;
                (array.clone(), Kind::Row(printers))
            }
            DataType::Dictionary(_, of) => return Printer::new(&cast(array, of)?, field, camel),
            _ => (array.clone(), Kind::Other),
        };
        Ok(Printer { array, kind })
    }

    /// The value in a row; `None` is null.
    pub(crate) fn value(&self, row: usize) -> Result<Option<String>> {
        if self.is_null(row) {
            return Ok(None);
        }
        let mut out = String::new();
        self.write(row, &mut out)?;
        Ok(Some(out))
    }

    /// A column of nothing but null has no bits that say so.
    fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || *self.array.data_type() == DataType::Null
    }

    fn write(&self, row: usize, out: &mut String) -> Result<()> {
        if self.is_null(row) {
            out.push_str("null");
            return Ok(());
        }
        match &self.kind {
            Kind::Text => out.push_str(self.array.as_string::<i32>().value(row)),
            Kind::MapText => map_text(self.array.as_string::<i32>().value(row), out),
            Kind::Boolean => out.push_str(if self.array.as_boolean().value(row) { "true" } else { "false" }),
            Kind::Double => out.push_str(&double(self.array.as_primitive::<Float64Type>().value(row))),
            Kind::Real => out.push_str(&real(self.array.as_primitive::<Float32Type>().value(row))),
            Kind::Date => out.push_str(&time::show_date(self.array.as_primitive::<Date32Type>().value(row))),
            Kind::Timestamp(zone) => {
                let millis = self.array.as_primitive::<TimestampMillisecondType>().value(row);
                out.push_str(&time::show(millis, zone.as_deref()));
            }
            Kind::Interval => {
                let interval = self.array.as_primitive::<IntervalMonthDayNanoType>().value(row);
                out.push_str(&time::show_interval(interval.months, interval.days, interval.nanoseconds));
            }
            Kind::Binary => {
                let hex: Vec<String> =
                    self.array.as_binary::<i32>().value(row).iter().map(|byte| format!("{byte:02x}")).collect();
                out.push_str(&hex.join(" "));
            }
            Kind::List(values) => {
                let offsets = self.array.as_list::<i32>().value_offsets();
                out.push('[');
                for (i, at) in range(offsets, row).enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    values.write(at, out)?;
                }
                out.push(']');
            }
            Kind::Map(keys, values) => {
                let offsets = self.array.as_map().value_offsets();
                out.push('{');
                for (i, at) in range(offsets, row).enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    keys.write(at, out)?;
                    out.push('=');
                    values.write(at, out)?;
                }
                out.push('}');
            }
            Kind::Row(fields) => {
                out.push('{');
                for (i, (name, values)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    let _ = write!(out, "{name}=");
                    values.write(row, out)?;
                }
                out.push('}');
            }
            Kind::Other => out.push_str(&array_value_to_string(&self.array, row)?),
        }
        Ok(())
    }
}

/// The entries of a list or map in a row.
pub(crate) fn range(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    let at = |i: usize| usize::try_from(offsets[i]).expect("offsets are not negative");
    at(row)..at(row + 1)
}

/// A JSON object as a map of texts; any other text as it is.
fn map_text(text: &str, out: &mut String) {
    if !json::is_object(text) {
        out.push_str(text);
        return;
    }
    out.push('{');
    for (i, (key, value)) in json::members(text).enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        let _ = write!(out, "{key}={}", json::plain(value).as_deref().unwrap_or("null"));
    }
    out.push('}');
}

/// As Java prints a double: `1.0`, `0.001`, `1.0E7`, `NaN`, `Infinity`.
pub(crate) fn double(value: f64) -> String {
    java(value, value.abs(), format!("{value:?}"), format!("{value:e}"))
}

/// As Java prints a float.
pub(crate) fn real(value: f32) -> String {
    java(f64::from(value), f64::from(value).abs(), format!("{value:?}"), format!("{value:e}"))
}

fn java(value: f64, magnitude: f64, plain: String, scientific: String) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return plain;
    }
    match scientific.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => format!("{mantissa}E{exponent}"),
        Some((mantissa, exponent)) => format!("{mantissa}.0E{exponent}"),
        None => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_look_like_javas() {
        for (value, shown) in [
            (1.0, "1.0"),
            (0.5, "0.5"),
            (123_456.789, "123456.789"),
            (1e7, "1.0E7"),
            (1.25e-4, "1.25E-4"),
            (-2e20, "-2.0E20"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), shown);
        }
    }
}
