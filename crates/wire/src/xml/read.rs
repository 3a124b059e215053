//! Reads an XML tree into values. Element names are compared without their prefixes, the root's name not at all: clients are
//! not of one mind about either.

use std::borrow::Cow;

use model::shape::Structure;
use model::{Fields, Member, Model, Name, ShapeKind, ShapeRef, TimestampFormat, Value};

use super::tree::Element;
use super::{item_name, local};
use crate::entries::{Entries, set_member};
use crate::fault::{Fault, Outcome};
use crate::scalar;

/// Reads an element that is this shape.
pub(crate) fn read(model: &Model, of: &ShapeRef, element: &Element<'_>) -> Outcome<Value> {
    let kind = &model.shape(of).kind;
    match kind {
        ShapeKind::Structure(structure) => read_members(model, structure, element).map(Value::Struct),
        ShapeKind::List(item) => {
            let wanted = local(item.traits.location_name.as_deref().unwrap_or("member"));
            let mut items = Vec::new();
            for child in element.children.iter().filter(|child| local(&child.name) == wanted) {
                items.push(read(model, item, child).map_err(|fault| fault.in_item(items.len()))?);
            }
            Ok(Value::List(items))
        }
        ShapeKind::Map(key, value) => {
            let mut entries = Entries::default();
            for entry in element.children.iter().filter(|child| local(&child.name) == "entry") {
                let (key, value) = read_entry(model, key, value, entry)?;
                entries.put(key, value);
            }
            Ok(Value::Struct(entries.done()))
        }
        _ if !element.children.is_empty() => {
            Err(Fault::new(format_args!("expected {}, found an element inside", scalar::kind_name(kind))))
        }
        _ => scalar::read(kind, of, Cow::Borrowed(&element.text), TimestampFormat::Iso8601),
    }
}

/// Reads those members of a structure that travel in the body.
pub(crate) fn read_members(model: &Model, structure: &Structure, element: &Element<'_>) -> Outcome<Fields> {
    let mut fields = Fields::new();
    let mut flat_maps: Vec<(Name, Entries)> = Vec::new();
    for child in &element.children {
        let Some(member) = find(model, structure, &child.name) else { continue };
        let place = |fault: Box<Fault>| fault.in_member(&member.name);
        let flattened = member.target.traits.flattened;
        match &model.shape(&member.target).kind {
            ShapeKind::List(item) if flattened => {
                let at = fields.get(&member.name).and_then(Value::as_list).map_or(0, <[Value]>::len);
                let value = read(model, item, child).map_err(|fault| place(fault.in_item(at)))?;
                match fields.get_mut(&member.name) {
                    Some(Value::List(items)) => items.push(value),
                    _ => set_member(&mut fields, &member.name, Value::List(vec![value])),
                }
            }
            ShapeKind::Map(key, value) if flattened => {
                let (key, value) = read_entry(model, key, value, child).map_err(place)?;
                match flat_maps.iter_mut().find(|(name, _)| *name == member.name) {
                    Some((_, entries)) => entries.put(key, value),
                    None => {
                        let mut entries = Entries::default();
                        entries.put(key, value);
                        flat_maps.push((member.name.clone(), entries));
                    }
                }
            }
            _ => set_member(&mut fields, &member.name, read(model, &member.target, child).map_err(place)?),
        }
    }
    for (name, entries) in flat_maps {
        set_member(&mut fields, &name, Value::Struct(entries.done()));
    }
    for member in structure.members.iter().filter(|member| member.target.traits.xml_attribute) {
        let wanted = wire_name(member);
        let same = |name: &str| name == wanted || local(name) == local(wanted);
        let is_declaration = |name: &str| name == "xmlns" || name.starts_with("xmlns:");
        if let Some((_, text)) = element.attributes.iter().find(|(name, _)| !is_declaration(name) && same(name)) {
            let kind = &model.shape(&member.target).kind;
            let value = scalar::read(kind, &member.target, Cow::Borrowed(text), TimestampFormat::Iso8601);
            set_member(&mut fields, &member.name, value.map_err(|fault| fault.in_member(&member.name))?);
        }
    }
    Ok(fields)
}

fn wire_name(member: &Member) -> &str {
    member.target.traits.location_name.as_ref().unwrap_or(&member.name)
}

fn find<'m>(model: &'m Model, structure: &'m Structure, name: &str) -> Option<&'m Member> {
    let name = local(name);
    let mut members = structure
        .members
        .iter()
        .filter(|member| member.target.traits.location.is_none() && !member.target.traits.xml_attribute);
    let by_item = |member: &&Member| item_name(model, &member.target).is_some_and(|item| local(item) == name);
    members.clone().find(|member| local(wire_name(member)) == name).or_else(|| members.find(by_item))
}

fn read_entry(model: &Model, key: &ShapeRef, value: &ShapeRef, entry: &Element<'_>) -> Outcome<(Name, Value)> {
    let part = |of: &ShapeRef, default: &str| {
        let wanted = local(of.traits.location_name.as_deref().unwrap_or(default)).to_owned();
        entry.children.iter().find(|child| local(&child.name) == wanted)
    };
    let key = part(key, "key").ok_or_else(|| Fault::new("an entry without its key"))?;
    let value = match part(value, "value") {
        Some(element) => read(model, value, element).map_err(|fault| fault.in_member(&key.text))?,
        None => Value::Null,
    };
    Ok((Name::from(&*key.text), value))
}
