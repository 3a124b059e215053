//! Writes values as CBOR, with definite lengths.

use base::Timestamp;
use model::{Fields, Model, ShapeKind, ShapeRef, Value};

use super::{TAG_EPOCH, major};
use crate::fault::{Fault, Outcome};
use crate::scalar;

/// Writes a value of this shape.
pub(crate) fn write(out: &mut Vec<u8>, model: &Model, of: &ShapeRef, value: &Value) -> Outcome<()> {
    let kind = &model.shape(of).kind;
    match (kind, value) {
        (_, Value::Null) => out.push(NULL),
        (ShapeKind::Document, value) => write_untyped(out, value),
        (ShapeKind::Structure(structure), Value::Struct(fields)) => {
            head(out, major::MAP, present(fields));
            for (name, value) in fields.iter().filter(|(_, value)| **value != Value::Null) {
                let member = structure.member(name);
                let member = member.ok_or_else(|| Fault::new("the model has no such member").in_member(name))?;
                text(out, member.target.traits.location_name.as_ref().unwrap_or(&member.name));
                write(out, model, &member.target, value).map_err(|fault| fault.in_member(name))?;
            }
        }
        (ShapeKind::List(item), Value::List(items)) => {
            head(out, major::ARRAY, items.len() as u64);
            for (at, value) in items.iter().enumerate() {
                write(out, model, item, value).map_err(|fault| fault.in_item(at))?;
            }
        }
        (ShapeKind::Map(_, of_value), Value::Struct(fields)) => {
            head(out, major::MAP, fields.len() as u64);
            for (key, value) in fields.iter() {
                text(out, key);
                write(out, model, of_value, value).map_err(|fault| fault.in_member(key))?;
            }
        }
        (ShapeKind::String(_), Value::String(content)) => text(out, content),
        (ShapeKind::Boolean, Value::Bool(flag)) => out.push(if *flag { TRUE } else { FALSE }),
        (ShapeKind::Integer | ShapeKind::Long, Value::Int(number)) => int(out, *number),
        (ShapeKind::Float | ShapeKind::Double, value) => {
            double(out, scalar::as_double(value).ok_or_else(|| scalar::misfit(kind, value))?);
        }
        (ShapeKind::Blob, value) => {
            let bytes = scalar::as_bytes(value).ok_or_else(|| scalar::misfit(kind, value))?;
            head(out, major::BYTES, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        (ShapeKind::Timestamp, value) => {
            timestamp(out, scalar::as_timestamp(value).ok_or_else(|| scalar::misfit(kind, value))?);
        }
        (kind, value) => return Err(scalar::misfit(kind, value)),
    }
    Ok(())
}

const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const FLOAT_32: u8 = 0xfa;
const FLOAT_64: u8 = 0xfb;

/// How many members are not `Null`.
fn present(fields: &Fields) -> u64 {
    fields.iter().filter(|(_, value)| **value != Value::Null).count() as u64
}

/// Writes a value by what it is: documents, and what the model does not know.
pub(crate) fn write_untyped(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(flag) => out.push(if *flag { TRUE } else { FALSE }),
        Value::Int(number) => int(out, *number),
        Value::Double(number) => double(out, *number),
        Value::String(content) => text(out, content),
        Value::Blob(bytes) => {
            head(out, major::BYTES, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        Value::Timestamp(moment) => timestamp(out, *moment),
        Value::List(items) => {
            head(out, major::ARRAY, items.len() as u64);
            items.iter().for_each(|item| write_untyped(out, item));
        }
        Value::Struct(fields) => {
            head(out, major::MAP, fields.len() as u64);
            for (key, value) in fields.iter() {
                text(out, key);
                write_untyped(out, value);
            }
        }
    }
}

/// Writes a major type with its argument, as short as it goes.
pub(crate) fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let first = major << 5;
    let bytes = argument.to_be_bytes();
    match argument {
        0..24 => out.push(first | bytes[7]),
        24..0x100 => out.extend_from_slice(&[first | 24, bytes[7]]),
        0x100..0x1_0000 => out.extend_from_slice(&[first | 25, bytes[6], bytes[7]]),
        0x1_0000..0x1_0000_0000 => {
            out.push(first | 26);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(first | 27);
            out.extend_from_slice(&bytes);
        }
    }
}

/// Writes a string.
pub(crate) fn text(out: &mut Vec<u8>, content: &str) {
    head(out, major::TEXT, content.len() as u64);
    out.extend_from_slice(content.as_bytes());
}

fn int(out: &mut Vec<u8>, number: i64) {
    match u64::try_from(number) {
        Ok(number) => head(out, major::UNSIGNED, number),
        Err(_) => head(out, major::NEGATIVE, (-1 - number).unsigned_abs()),
    }
}

/// As 32 bits where nothing is lost by it.
fn double(out: &mut Vec<u8>, number: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "compared right after")]
    let short = number as f32;
    if f64::from(short).to_bits() == number.to_bits() {
        out.push(FLOAT_32);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(FLOAT_64);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn timestamp(out: &mut Vec<u8>, moment: Timestamp) {
    head(out, major::TAG, TAG_EPOCH);
    if moment.ms() % base::time::SECOND_MS == 0 {
        int(out, moment.secs());
    } else {
        double(out, moment.secs_f64());
    }
}
