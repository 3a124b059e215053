//! Writes values as XML, straight into the body.

use std::borrow::Cow;

use model::shape::Structure;
use model::{Fields, Member, Model, Name, ShapeKind, ShapeRef, TimestampFormat, Value};

use super::item_name;
use crate::fault::{Fault, Outcome};
use crate::scalar;

/// What differs from service to service.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rules {
    /// Timestamps have exactly three digits of milliseconds (S3).
    pub(crate) ms: bool,
    /// Members have the names that the model has for the Query protocol beside another one (SQS).
    pub(crate) query: bool,
}

/// Writes a member of a structure; nothing for `Null`. Attributes are written by the element that has them.
pub(crate) fn write_member(
    out: &mut String,
    model: &Model,
    rules: Rules,
    member: &Member,
    value: &Value,
) -> Outcome<()> {
    let traits = &member.target.traits;
    if *value == Value::Null || traits.xml_attribute {
        return Ok(());
    }
    let own = traits.query_name.as_deref().filter(|_| rules.query).or(traits.location_name.as_deref());
    let name = own.or_else(|| item_name(model, &member.target)).unwrap_or(&member.name);
    let written = match (&model.shape(&member.target).kind, value) {
        (ShapeKind::List(item), Value::List(items)) if traits.flattened => {
            items.iter().enumerate().try_for_each(|(at, value)| {
                let namespaced = if item.traits.xml_namespace.is_some() { item } else { &member.target };
                write_as(out, model, rules, name, item, namespaced, value).map_err(|fault| fault.in_item(at))
            })
        }
        (ShapeKind::Map(key, of_value), Value::Struct(fields)) if traits.flattened => {
            fields.iter().try_for_each(|(name_of_entry, value)| {
                write_entry(out, model, rules, name, (key, of_value), (name_of_entry, value), &member.target)
            })
        }
        _ => write(out, model, rules, name, &member.target, value),
    };
    written.map_err(|fault| fault.in_member(&member.name))
}

/// Writes an element of this name and shape.
pub(crate) fn write(
    out: &mut String,
    model: &Model,
    rules: Rules,
    name: &str,
    of: &ShapeRef,
    value: &Value,
) -> Outcome<()> {
    write_as(out, model, rules, name, of, of, value)
}

fn write_as(
    out: &mut String,
    model: &Model,
    rules: Rules,
    name: &str,
    of: &ShapeRef,
    namespaced: &ShapeRef,
    value: &Value,
) -> Outcome<()> {
    let kind = &model.shape(of).kind;
    out.push('<');
    out.push_str(name);
    namespace(out, namespaced.traits.xml_namespace.as_ref());
    if let (ShapeKind::Structure(structure), Value::Struct(fields)) = (kind, value) {
        attributes(out, model, structure, fields)?;
    }
    out.push('>');
    match (kind, value) {
        (_, Value::Null) => {}
        (ShapeKind::Structure(structure), Value::Struct(fields)) => {
            for (name, value) in fields.iter() {
                write_member(out, model, rules, find(structure, name)?, value)?;
            }
        }
        (ShapeKind::List(item), Value::List(items)) => {
            let name = item.traits.location_name.as_deref().unwrap_or("member");
            for (at, value) in items.iter().enumerate() {
                write(out, model, rules, name, item, value).map_err(|fault| fault.in_item(at))?;
            }
        }
        (ShapeKind::Map(key, of_value), Value::Struct(fields)) => {
            for entry in fields.iter() {
                write_entry(out, model, rules, "entry", (key, of_value), entry, of)?;
            }
        }
        (ShapeKind::Document, _) => return Err(Fault::new("XML has no documents")),
        (kind, value) => text(out, &scalar::write(kind, of, value, TimestampFormat::Iso8601, rules.ms)?),
    }
    close(out, name);
    Ok(())
}

fn write_entry(
    out: &mut String,
    model: &Model,
    rules: Rules,
    name: &str,
    (of_key, of_value): (&ShapeRef, &ShapeRef),
    (key, value): (&Name, &Value),
    namespaced: &ShapeRef,
) -> Outcome<()> {
    out.push('<');
    out.push_str(name);
    if name != "entry" {
        namespace(out, namespaced.traits.xml_namespace.as_ref());
    }
    out.push('>');
    let key_name = of_key.traits.location_name.as_deref().unwrap_or("key");
    out.push('<');
    out.push_str(key_name);
    namespace(out, of_key.traits.xml_namespace.as_ref());
    out.push('>');
    text(out, key);
    close(out, key_name);
    if *value != Value::Null {
        let value_name = of_value.traits.location_name.as_deref().unwrap_or("value");
        write(out, model, rules, value_name, of_value, value).map_err(|fault| fault.in_member(key))?;
    }
    close(out, name);
    Ok(())
}

fn find<'m>(structure: &'m Structure, name: &str) -> Outcome<&'m Member> {
    structure.member(name).ok_or_else(|| Fault::new("the model has no such member").in_member(name))
}

/// Writes those members that are attributes of the element.
pub(crate) fn attributes(out: &mut String, model: &Model, structure: &Structure, fields: &Fields) -> Outcome<()> {
    for (name, value) in fields.iter().filter(|(_, value)| **value != Value::Null) {
        let member = find(structure, name)?;
        if member.target.traits.xml_attribute {
            attribute(out, model, member, value)?;
        }
    }
    Ok(())
}

fn attribute(out: &mut String, model: &Model, member: &Member, value: &Value) -> Outcome<()> {
    let of = &member.target;
    let content = scalar::write(&model.shape(of).kind, of, value, TimestampFormat::Iso8601, false);
    out.push(' ');
    out.push_str(of.traits.location_name.as_ref().unwrap_or(&member.name));
    out.push_str("=\"");
    escape(out, &content.map_err(|fault| fault.in_member(&member.name))?, true);
    out.push('"');
    Ok(())
}

/// Writes an element by what the value is, for members that the model does not know.
pub(crate) fn write_untyped(out: &mut String, name: &str, value: &Value) {
    open(out, name, None);
    match value {
        Value::Null => {}
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Double(number) => out.push_str(&scalar::double_text(*number)),
        Value::String(content) => text(out, content),
        Value::Blob(bytes) => out.push_str(&base64::Engine::encode(&scalar::BASE64, bytes)),
        Value::Timestamp(moment) => out.push_str(&moment.iso8601()),
        Value::List(items) => items.iter().for_each(|item| write_untyped(out, "member", item)),
        Value::Struct(fields) => fields.iter().for_each(|(name, value)| write_untyped(out, name, value)),
    }
    close(out, name);
}

/// Writes `<Name xmlns="…">`.
pub(crate) fn open(out: &mut String, name: &str, xmlns: Option<&str>) {
    out.push('<');
    out.push_str(name);
    if let Some(uri) = xmlns {
        out.push_str(" xmlns=\"");
        text(out, uri);
        out.push('"');
    }
    out.push('>');
}

/// Writes the declaration of a namespace, if there is one.
pub(crate) fn namespace(out: &mut String, namespace: Option<&(String, Option<String>)>) {
    if let Some((uri, prefix)) = namespace {
        out.push_str(" xmlns");
        if let Some(prefix) = prefix {
            out.push(':');
            out.push_str(prefix);
        }
        out.push_str("=\"");
        text(out, uri);
        out.push('"');
    }
}

/// Writes `</Name>`.
pub(crate) fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Writes text so that it reads back as it was. Characters that XML 1.0 cannot hold become numbered references, as S3 writes
/// them in keys.
pub(crate) fn text(out: &mut String, content: &str) {
    escape(out, content, false);
}

fn escape(out: &mut String, content: &str, in_attribute: bool) {
    let special = |c: char| match c {
        '&' | '<' | '>' | '"' => true,
        // A reader makes spaces of them in attributes.
        '\t' | '\n' => in_attribute,
        c => c < ' ' || matches!(c, '\u{7f}' | '\u{fffe}' | '\u{ffff}'),
    };
    let mut rest = content;
    while let Some(at) = rest.find(special) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = tail.chars();
        let escaped = match chars.next() {
            Some('&') => Cow::Borrowed("&amp;"),
            Some('<') => Cow::Borrowed("&lt;"),
            Some('>') => Cow::Borrowed("&gt;"),
            Some('"') => Cow::Borrowed("&quot;"),
            Some(c) => Cow::Owned(format!("&#x{:x};", u32::from(c))),
            None => Cow::Borrowed(""),
        };
        out.push_str(&escaped);
        rest = chars.as_str();
    }
    out.push_str(rest);
}
