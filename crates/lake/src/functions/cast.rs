//! CAST and TRY_CAST to Trino's types, fields and subscripts of anything, typeof.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, ListArray, MapArray, StringBuilder, StructArray, new_empty_array,
    new_null_array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{CastOptions, cast_with_options, take};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Field, Float32Type, Float64Type, TimeUnit, TimestampMillisecondType,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;

use super::{Bounded, Fun, Input, Texts, wrong};
use crate::show::{Printer, range};
use crate::types::{self, Type};
use crate::{json, time};

pub(super) fn functions() -> Vec<Fun> {
    let returns = |args: &super::Args<'_>| match args.constant(1).and_then(Type::parse) {
        Some(to) => Ok(Arc::new(to.field(""))),
        None => {
            let name = args.constant(1).unwrap_or_default();
            let meant = query_lang::nearest(name, types::NAMES.iter().copied());
            let meant = meant.map(|name| format!(". Did you mean '{name}'?")).unwrap_or_default();
            Err(DataFusionError::Plan(format!("Unknown type: {name}{meant}")))
        }
    };
    vec![
        Fun::new("trino_cast", 2..=2, returns, |input| run(input, false)).simplified(simplify),
        Fun::new("trino_try_cast", 2..=2, returns, |input| run(input, true)),
        Fun::new(
            "typeof",
            1..=1,
            |_| Ok(types::result(DataType::Utf8)),
            |input| {
                let name = types::name(&input.field(0));
                input.map_texts(|_| Ok(Some(name.clone().into())))
            },
        ),
    ]
}

/// A cast that the engine does as well, and can look through when it prunes.
fn simplify(args: &[Expr], info: &SimplifyContext) -> Result<Option<Expr>> {
    let [inner, Expr::Literal(to, _)] = args else { return Ok(None) };
    let Some(to) = to.try_as_str().flatten().and_then(Type::parse) else { return Ok(None) };
    let from = info.get_data_type(inner)?;
    let into = to.field("").data_type().clone();
    let same = match (&from, &to) {
        (from, Type::Integer(_) | Type::Double | Type::Boolean | Type::Date | Type::Timestamp) if *from == into => true,
        (DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64, Type::Integer(64) | Type::Double) => {
            true
        }
        (DataType::Date32, Type::Timestamp) => true,
        (DataType::Timestamp(_, None), Type::Date) => true,
        _ => false,
    };
    if !same {
        return Ok(None);
    }
    Ok(Some(if from == into {
        inner.clone()
    } else {
        Expr::Cast(datafusion::logical_expr::Cast::new(Box::new(inner.clone()), into))
    }))
}

fn run(input: &Input, forgiving: bool) -> Result<ArrayRef> {
    let name = input.texts(1)?;
    let Some(to) = name.constant().and_then(Type::parse) else { return wrong("Unknown type") };
    cast_to(&input.array(0)?, &input.field(0), &to, forgiving)
}

/// Values as another type. Forgiving: what cannot be one is null.
pub(crate) fn cast_to(array: &ArrayRef, from: &Field, to: &Type, forgiving: bool) -> Result<ArrayRef> {
    let target = to.field("");
    let is_text = types::is_text(array.data_type());
    if array.data_type() == &DataType::Null {
        return Ok(new_null_array(target.data_type(), array.len()));
    }
    if is_text && matches!(types::tag(from), Some(types::JSON | types::MAP)) && *to != Type::Json {
        return from_json(&Texts::of(array, from)?, array.len(), to, forgiving);
    }
    match (array.data_type(), to) {
        (_, Type::Json) => to_json(array, from),
        (_, Type::Varchar(limit)) => to_text(array, from, *limit, false, forgiving),
        (_, Type::Char(length)) => to_text(array, from, Some(*length), true, forgiving),
        (_, Type::Ip) => each(array, from, forgiving, "IPADDRESS", |text| {
            text.parse::<std::net::IpAddr>().ok().map(|address| address.to_string())
        }),
        _ if is_text && matches!(to, Type::Array(_) | Type::Map(..) | Type::Row(_)) => {
            from_json(&Texts::of(array, from)?, array.len(), to, forgiving)
        }
        _ if is_text && *to != Type::Varbinary => from_text(&Texts::of(array, from)?, array.len(), to, forgiving),
        (DataType::Float64 | DataType::Float32, Type::Integer(_)) => {
            let doubles = plain_cast(array, &DataType::Float64, false)?;
            let rounded: datafusion::arrow::array::Float64Array =
                doubles.as_primitive::<Float64Type>().unary(|value| (value.abs() + 0.5).floor().copysign(value));
            plain_cast(&(Arc::new(rounded) as ArrayRef), target.data_type(), forgiving)
        }
        (DataType::Timestamp(_, zone), Type::Timestamp | Type::Date) => {
            let shown = shown_times(array, zone.as_deref())?;
            plain_cast(&shown, target.data_type(), forgiving)
        }
        (DataType::Struct(fields), Type::Row(of)) if fields.len() == of.len() => {
            let columns = array.as_struct().columns().iter().zip(fields).zip(of);
            let columns = columns
                .map(|((column, field), (_, to))| cast_to(column, field, to, forgiving))
                .collect::<Result<Vec<_>>>()?;
            let DataType::Struct(fields) = target.data_type() else { return wrong("Cannot cast to a row") };
            Ok(Arc::new(StructArray::try_new(fields.clone(), columns, array.nulls().cloned())?))
        }
        (DataType::List(element), Type::Array(of)) => {
            let list = array.as_list::<i32>();
            let values = cast_to(list.values(), element, of, forgiving)?;
            let field = Arc::new(of.field("item"));
            Ok(Arc::new(ListArray::try_new(field, list.offsets().clone(), values, list.nulls().cloned())?))
        }
        _ => plain_cast(array, target.data_type(), forgiving),
    }
}

fn plain_cast(array: &ArrayRef, to: &DataType, forgiving: bool) -> Result<ArrayRef> {
    let options = CastOptions { safe: forgiving, ..CastOptions::default() };
    Ok(cast_with_options(array, to, &options)?)
}

/// What clocks show in the zone, as times without one.
fn shown_times(array: &ArrayRef, zone: Option<&str>) -> Result<ArrayRef> {
    let millis = plain_cast(array, &DataType::Timestamp(TimeUnit::Millisecond, zone.map(Into::into)), false)?;
    let shown: datafusion::arrow::array::TimestampMillisecondArray =
        millis.as_primitive::<TimestampMillisecondType>().unary(|value| value + time::offset(zone, value));
    Ok(Arc::new(shown.with_timezone_opt::<Arc<str>>(None)))
}

fn to_text(array: &ArrayRef, from: &Field, limit: Option<usize>, pad: bool, forgiving: bool) -> Result<ArrayRef> {
    let texts = Texts::of(array, from)?;
    let is_text = types::is_text(array.data_type());
    let mut builder = Bounded::default();
    for row in 0..array.len() {
        let (Some(text), Some(limit)) = (texts.get(row), limit) else {
            builder.push(texts.get(row))?;
            continue;
        };
        let end = text.char_indices().nth(limit).map_or(text.len(), |(at, _)| at);
        if end < text.len() && !is_text {
            // A text is cut; half a number would be another number.
            if !forgiving {
                return wrong(format!("Value {text} cannot be represented as varchar({limit})"));
            }
            builder.push(None)?;
        } else if pad {
            let missing = limit.saturating_sub(text.chars().count());
            builder.push(Some(&format!("{}{}", &text[..end], " ".repeat(missing))))?;
        } else {
            builder.push(Some(&text[..end]))?;
        }
    }
    Ok(builder.finish())
}

/// A text for each text.
fn each(
    array: &ArrayRef,
    from: &Field,
    forgiving: bool,
    to: &str,
    convert: impl Fn(&str) -> Option<String>,
) -> Result<ArrayRef> {
    let texts = Texts::of(array, from)?;
    let mut builder = StringBuilder::new();
    for row in 0..array.len() {
        match texts.get(row) {
            None => builder.append_null(),
            Some(text) => match convert(text) {
                None if !forgiving => return cannot(text, to),
                converted => builder.append_option(converted),
            },
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn cannot<T>(text: &str, to: &str) -> Result<T> {
    wrong(format!("Cannot cast '{}' to {to}", crate::error::shortened(text)))
}

/// Numbers, times and booleans that stand in texts.
fn from_text(texts: &Texts, rows: usize, to: &Type, forgiving: bool) -> Result<ArrayRef> {
    let target = to.field("").data_type().clone();
    let name = types::name(&to.field("")).to_uppercase();
    let mut normal = StringBuilder::new();
    let mut booleans = BooleanBuilder::new();
    let mut times: Vec<Option<i64>> = Vec::new();
    for row in 0..rows {
        let Some(text) = texts.get(row) else {
            normal.append_null();
            booleans.append_null();
            times.push(None);
            continue;
        };
        let trimmed = text.trim();
        let good = match to {
            Type::Boolean => {
                let value = match trimmed.to_lowercase().as_str() {
                    "true" | "t" | "1" => Some(true),
                    "false" | "f" | "0" => Some(false),
                    _ => None,
                };
                booleans.append_option(value);
                value.is_some()
            }
            Type::Date | Type::Timestamp | Type::TimestampTz => {
                let parsed = time::parse(trimmed);
                times.push(parsed.map(|(shown, zone)| match (to, zone) {
                    (Type::TimestampTz, Some(zone)) => zone.moment(shown),
                    (Type::Timestamp, Some(zone)) => zone.moment(shown),
                    _ => shown,
                }));
                parsed.is_some()
            }
            Type::Integer(bits) => {
                let value = trimmed.strip_prefix('+').unwrap_or(trimmed).parse::<i64>().ok();
                let fits = value.filter(|value| *bits == 64 || value.unsigned_abs() < 1_u64 << (bits - 1));
                normal.append_option(fits.map(|value| value.to_string()));
                fits.is_some()
            }
            Type::Real | Type::Double => {
                let value = match trimmed.to_lowercase().as_str() {
                    "infinity" | "+infinity" => Some(f64::INFINITY),
                    "-infinity" => Some(f64::NEG_INFINITY),
                    "nan" => Some(f64::NAN),
                    other => other.parse().ok(),
                };
                normal.append_option(value.map(|value: f64| value.to_string()));
                value.is_some()
            }
            Type::Decimal(..) => {
                let is_number = trimmed.parse::<f64>().is_ok();
                normal.append_option(is_number.then_some(trimmed));
                is_number
            }
            _ => false,
        };
        if !good && !forgiving {
            return cannot(text, &name);
        }
    }
    match to {
        Type::Boolean => Ok(Arc::new(booleans.finish())),
        Type::Date | Type::Timestamp | Type::TimestampTz => {
            let times = datafusion::arrow::array::TimestampMillisecondArray::from(times);
            match to {
                Type::TimestampTz => Ok(Arc::new(times.with_timezone("UTC"))),
                _ => plain_cast(&(Arc::new(times) as ArrayRef), &target, forgiving),
            }
        }
        _ => plain_cast(&(Arc::new(normal.finish()) as ArrayRef), &target, forgiving),
    }
}

/// JSON texts as values of a type.
fn from_json(texts: &Texts, rows: usize, to: &Type, forgiving: bool) -> Result<ArrayRef> {
    let values: Vec<Option<&str>> = (0..rows).map(|row| texts.get(row)).collect();
    json_values(&values, to, forgiving)
}

fn json_values(values: &[Option<&str>], to: &Type, forgiving: bool) -> Result<ArrayRef> {
    let bad = |text: &str| -> Result<()> {
        if forgiving { Ok(()) } else { cannot(text, &types::name(&to.field("")).to_uppercase()) }
    };
    match to {
        Type::Json => Ok(Arc::new(values.iter().copied().collect::<datafusion::arrow::array::StringArray>())),
        Type::Array(of) => {
            let (mut lengths, mut valid, mut inner) = (Vec::new(), Vec::new(), Vec::new());
            for value in values {
                let is_array = value.is_some_and(json::is_array);
                if let Some(text) = value.filter(|text| !is_array && text.trim() != "null") {
                    bad(text)?;
                }
                let before = inner.len();
                inner.extend(value.iter().flat_map(|text| json::elements(text)).map(not_null));
                lengths.push(inner.len() - before);
                valid.push(is_array);
            }
            let inner = json_values(&inner, of, forgiving)?;
            let offsets = OffsetBuffer::from_lengths(lengths);
            Ok(Arc::new(ListArray::try_new(Arc::new(of.field("item")), offsets, inner, Some(NullBuffer::from(valid)))?))
        }
        Type::Map(key, value) => {
            let (mut lengths, mut valid, mut keys, mut inner) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for text in values {
                let is_object = text.is_some_and(json::is_object);
                if let Some(text) = text.filter(|text| !is_object && text.trim() != "null") {
                    bad(text)?;
                }
                let before = keys.len();
                for (name, member) in text.iter().flat_map(|text| json::members(text)) {
                    keys.push(name.into_owned());
                    inner.push(not_null(member));
                }
                lengths.push(keys.len() - before);
                valid.push(is_object);
            }
            let names: ArrayRef = Arc::new(keys.iter().map(Some).collect::<datafusion::arrow::array::StringArray>());
            let keys = cast_to(&names, &Field::new("", DataType::Utf8, true), key, forgiving)?;
            let inner = json_values(&inner, value, forgiving)?;
            map_array(keys, inner, to, lengths, Some(NullBuffer::from(valid)))
        }
        Type::Row(fields) => {
            let mut columns = Vec::new();
            for (at, (name, of)) in fields.iter().enumerate() {
                let inner: Vec<Option<&str>> = values
                    .iter()
                    .map(|value| {
                        let value = (*value)?;
                        let found = if json::is_array(value) {
                            json::elements(value).nth(at)
                        } else {
                            json::member_any_case(value, name)
                        };
                        found.and_then(not_null)
                    })
                    .collect();
                columns.push(json_values(&inner, of, forgiving)?);
            }
            let DataType::Struct(fields) = to.field("").data_type().clone() else {
                return wrong("Cannot cast to a row");
            };
            let valid: NullBuffer = values
                .iter()
                .map(|value| value.is_some_and(|text| json::is_array(text) || json::is_object(text)))
                .collect::<Vec<bool>>()
                .into();
            Ok(Arc::new(StructArray::try_new(fields, columns, Some(valid))?))
        }
        _ => {
            let mut builder = StringBuilder::new();
            for value in values {
                match value {
                    Some(text) if matches!(to, Type::Varchar(_) | Type::Char(_)) || json::scalar(text).is_some() => {
                        builder.append_option(json::plain(text));
                    }
                    Some(text) => {
                        if text.trim() != "null" {
                            bad(text)?;
                        }
                        builder.append_null();
                    }
                    None => builder.append_null(),
                }
            }
            let texts: ArrayRef = Arc::new(builder.finish());
            cast_to(&texts, &Field::new("", DataType::Utf8, true), to, forgiving)
        }
    }
}

fn not_null(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| *text != "null")
}

/// A map of the right type.
fn map_array(
    keys: ArrayRef,
    values: ArrayRef,
    to: &Type,
    lengths: Vec<usize>,
    valid: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let DataType::Map(entries, _) = to.field("").data_type().clone() else { return wrong("Cannot cast to a map") };
    let DataType::Struct(pair) = entries.data_type().clone() else { return wrong("Cannot cast to a map") };
    let pairs = StructArray::try_new(pair, vec![keys, values], None)?;
    Ok(Arc::new(MapArray::try_new(entries, OffsetBuffer::from_lengths(lengths), pairs, valid, false)?))
}

/// Any values as JSON texts.
fn to_json(array: &ArrayRef, from: &Field) -> Result<ArrayRef> {
    let is_json = matches!(types::tag(from), Some(types::JSON | types::MAP));
    if is_json && types::is_text(array.data_type()) {
        // It is JSON already.
        return Texts::of(array, from)?.into_array(array.len());
    }
    let writer = JsonWriter { array, field: from, is_json };
    let mut builder = Bounded::default();
    for row in 0..array.len() {
        let text = if array.is_null(row) { None } else { Some(writer.write(row)?) };
        builder.push(text.as_deref())?;
    }
    Ok(builder.finish())
}

struct JsonWriter<'a> {
    array: &'a ArrayRef,
    field: &'a Field,
    is_json: bool,
}

impl JsonWriter<'_> {
    fn write(&self, row: usize) -> Result<String> {
        if self.array.is_null(row) {
            return Ok("null".to_owned());
        }
        let below = |array: &ArrayRef, field: &Field, row: usize| {
            let is_json = matches!(types::tag(field), Some(types::JSON | types::MAP));
            JsonWriter { array, field, is_json }.write(row)
        };
        let data_type = self.array.data_type();
        Ok(match data_type {
            DataType::Struct(fields) => {
                let columns = self.array.as_struct().columns();
                let members = fields
                    .iter()
                    .zip(columns)
                    .map(|(field, column)| Ok(format!("{}:{}", json::quoted(field.name()), below(column, field, row)?)))
                    .collect::<Result<Vec<_>>>()?;
                format!("{{{}}}", members.join(","))
            }
            DataType::List(of) => {
                let list = self.array.as_list::<i32>();
                let elements = range(list.value_offsets(), row)
                    .map(|at| below(list.values(), of, at))
                    .collect::<Result<Vec<_>>>()?;
                format!("[{}]", elements.join(","))
            }
            DataType::Map(_, _) => {
                let map = self.array.as_map();
                let (keys, values) = (map.keys(), map.values());
                let (key, value) = super::map::fields(data_type);
                let keys = Texts::of(keys, &key)?;
                let members = range(map.value_offsets(), row)
                    .map(|at| {
                        let name = json::quoted(keys.get(at).unwrap_or_default());
                        Ok(format!("{name}:{}", below(values, &value, at)?))
                    })
                    .collect::<Result<Vec<_>>>()?;
                format!("{{{}}}", members.join(","))
            }
            DataType::Boolean => self.array.as_boolean().value(row).to_string(),
            DataType::Float64 => number(self.array.as_primitive::<Float64Type>().value(row)),
            DataType::Float32 => number(f64::from(self.array.as_primitive::<Float32Type>().value(row))),
            DataType::Date32 => json::quoted(&time::show_date(self.array.as_primitive::<Date32Type>().value(row))),
            data_type => {
                let one = self.array.slice(row, 1);
                let text = Printer::new(&one, &self.field.clone().with_metadata(Default::default()), false)?
                    .value(0)?
                    .unwrap_or_default();
                if self.is_json || data_type.is_numeric() { text } else { json::quoted(&text) }
            }
        })
    }
}

fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:?}") } else { json::quoted(&crate::show::double(value)) }
}

/// Some rows of a column; a missing one is null.
pub(super) fn pick(values: &ArrayRef, rows: &[Option<usize>]) -> Result<ArrayRef> {
    if values.is_empty() {
        return Ok(if rows.is_empty() {
            new_empty_array(values.data_type())
        } else {
            new_null_array(values.data_type(), rows.len())
        });
    }
    let at: datafusion::arrow::array::UInt64Array =
        rows.iter().map(|row| row.and_then(|row| u64::try_from(row).ok())).collect();
    Ok(take(values, &at, None)?)
}
