//! Writes values as JSON, straight into the body.

use base::Timestamp;
use base64::Engine;
use model::shape::Structure;
use model::{Fields, Member, Model, ShapeKind, ShapeRef, TimestampFormat, Value};

use crate::fault::{Fault, Outcome};
use crate::scalar::{self, BASE64};

/// Writes a value of this shape.
pub(crate) fn write(out: &mut Vec<u8>, model: &Model, of: &ShapeRef, value: &Value) -> Outcome<()> {
    let kind = &model.shape(of).kind;
    match (kind, value) {
        (_, Value::Null) => out.extend_from_slice(b"null"),
        (ShapeKind::Document, value) => write_untyped(out, value),
        (ShapeKind::Structure(structure), Value::Struct(fields)) => {
            out.push(b'{');
            let mut first = true;
            for (name, value) in fields.iter() {
                let member = member(structure, name)?;
                write_member(out, model, member, value, &mut first)?;
            }
            out.push(b'}');
        }
        (ShapeKind::List(item), Value::List(items)) => {
            out.push(b'[');
            for (at, value) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(out, model, item, value).map_err(|fault| fault.in_item(at))?;
            }
            out.push(b']');
        }
        (ShapeKind::Map(_, of_value), Value::Struct(fields)) => {
            out.push(b'{');
            for (at, (key, value)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                string(out, key);
                out.push(b':');
                write(out, model, of_value, value).map_err(|fault| fault.in_member(key))?;
            }
            out.push(b'}');
        }
        (ShapeKind::String(_), Value::String(text)) => string(out, text),
        (ShapeKind::Boolean, Value::Bool(flag)) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        (ShapeKind::Integer | ShapeKind::Long, Value::Int(number)) => {
            out.extend_from_slice(number.to_string().as_bytes())
        }
        (ShapeKind::Float | ShapeKind::Double, value) => {
            double(out, scalar::as_double(value).ok_or_else(|| scalar::misfit(kind, value))?);
        }
        (ShapeKind::Blob, value) => {
            let bytes = scalar::as_bytes(value).ok_or_else(|| scalar::misfit(kind, value))?;
            string(out, &BASE64.encode(bytes));
        }
        (ShapeKind::Timestamp, value) => {
            let moment = scalar::as_timestamp(value).ok_or_else(|| scalar::misfit(kind, value))?;
            timestamp(out, moment, of.traits.timestamp_format.unwrap_or(TimestampFormat::Unix));
        }
        (kind, value) => return Err(scalar::misfit(kind, value)),
    }
    Ok(())
}

/// Writes `"Name":value` with the comma before it if it is not the first; nothing for `Null`.
pub(crate) fn write_member(
    out: &mut Vec<u8>,
    model: &Model,
    member: &Member,
    value: &Value,
    first: &mut bool,
) -> Outcome<()> {
    if *value == Value::Null {
        return Ok(());
    }
    if !std::mem::take(first) {
        out.push(b',');
    }
    string(out, member.target.traits.location_name.as_ref().unwrap_or(&member.name));
    out.push(b':');
    write(out, model, &member.target, value).map_err(|fault| fault.in_member(&member.name))
}

/// The member of this name; that there is none is a mistake of ours.
fn member<'m>(structure: &'m Structure, name: &str) -> Outcome<&'m Member> {
    structure.member(name).ok_or_else(|| Fault::new("the model has no such member").in_member(name))
}

/// Writes a value by what it is: documents, and what the model does not know.
pub(crate) fn write_untyped(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Double(number) => double(out, *number),
        Value::String(text) => string(out, text),
        Value::Blob(bytes) => string(out, &BASE64.encode(bytes)),
        Value::Timestamp(moment) => timestamp(out, *moment, TimestampFormat::Unix),
        Value::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_untyped(out, item);
            }
            out.push(b']');
        }
        Value::Struct(Fields(fields)) => {
            out.push(b'{');
            for (at, (key, value)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                string(out, key);
                out.push(b':');
                write_untyped(out, value);
            }
            out.push(b'}');
        }
    }
}

/// Writes a string with its quotes.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing a string to memory cannot fail");
}

fn double(out: &mut Vec<u8>, number: f64) {
    let text = scalar::double_text(number);
    if number.is_finite() { out.extend_from_slice(text.as_bytes()) } else { string(out, &text) }
}

fn timestamp(out: &mut Vec<u8>, moment: Timestamp, format: TimestampFormat) {
    let text = scalar::timestamp_text(moment, format, false);
    if format == TimestampFormat::Unix { out.extend_from_slice(text.as_bytes()) } else { string(out, &text) }
}
