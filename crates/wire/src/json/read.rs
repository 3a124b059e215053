//! Reads JSON into values: a serde seed per shape. Must never recurse deeper than [`DEPTH_MAX`], whatever the input.

use std::cell::RefCell;
use std::fmt;

use base::Timestamp;
use model::shape::Structure;
use model::{Fields, Member, Model, Name, ShapeKind, ShapeRef, TimestampFormat, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::DEPTH_MAX;
use crate::entries::{Entries, set_member};
use crate::fault::{Fault, Outcome, quote};
use crate::scalar;

/// Reads a whole body that is this shape. `Null` if the body is empty or `null`.
pub(crate) fn read(model: &Model, of: &ShapeRef, body: &[u8]) -> Outcome<Value> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    run(model, body, |context| Slot { context, what: What::Shape(of), depth: 0 })
}

/// Reads those members of a structure that travel in the body. An empty body has none.
pub(crate) fn read_members(model: &Model, structure: &Structure, body: &[u8]) -> Outcome<Fields> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Fields::new());
    }
    match run(model, body, |context| Slot { context, what: What::Structure(structure), depth: 0 })? {
        Value::Struct(fields) => Ok(fields),
        _ => Ok(Fields::new()),
    }
}

fn run<'m>(
    model: &'m Model,
    body: &[u8],
    slot: impl for<'c> FnOnce(&'c Context<'m>) -> Slot<'c, 'm>,
) -> Outcome<Value> {
    let context = Context { model, fault: RefCell::new(None) };
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = slot(&context).deserialize(&mut deserializer);
    let read = read.and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| match context.fault.take() {
        Some(fault) => fault,
        None => Fault::new(error),
    })
}

struct Context<'m> {
    model: &'m Model,
    /// Where the error sits, put together while it travels outwards.
    fault: RefCell<Option<Box<Fault>>>,
}

impl Context<'_> {
    fn note<E: fmt::Display>(&self, error: E, place: impl FnOnce(Box<Fault>) -> Box<Fault>) -> E {
        let fault = self.fault.take().unwrap_or_else(|| Fault::new(&error));
        self.fault.replace(Some(place(fault)));
        error
    }
}

#[derive(Clone, Copy)]
enum What<'m> {
    Shape(&'m ShapeRef),
    Structure(&'m Structure),
    Document,
}

/// The place that the next JSON value goes to.
#[derive(Clone, Copy)]
struct Slot<'c, 'm> {
    context: &'c Context<'m>,
    what: What<'m>,
    depth: usize,
}

impl<'m> Slot<'_, 'm> {
    fn kind(&self) -> Option<&'m ShapeKind> {
        match self.what {
            What::Shape(of) => Some(&self.context.model.shape(of).kind),
            What::Structure(_) => None,
            What::Document => Some(&ShapeKind::Document),
        }
    }

    fn inside<E: Error>(&self, what: What<'m>) -> Result<Self, E> {
        if self.depth + 1 >= DEPTH_MAX {
            return Err(E::custom(format_args!("nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(Slot { context: self.context, what, depth: self.depth + 1 })
    }

    fn mismatch<E: Error>(&self, found: &str) -> E {
        let expected = self.kind().map_or("a structure", scalar::kind_name);
        E::custom(format_args!("expected {expected}, found {found}"))
    }

    fn number<E: Error>(&self, number: f64) -> Result<Value, E> {
        match self.kind() {
            Some(ShapeKind::Float | ShapeKind::Double | ShapeKind::Document) => Ok(Value::Double(number)),
            Some(kind @ (ShapeKind::Integer | ShapeKind::Long)) => {
                let whole = scalar::whole(number).and_then(|number| scalar::fitting(kind, number));
                whole.map(Value::Int).ok_or_else(|| self.mismatch(&number.to_string()))
            }
            Some(ShapeKind::Timestamp) => {
                let moment = Timestamp::from_secs_f64(number);
                moment.map(Value::Timestamp).ok_or_else(|| E::custom(format_args!("{number} is no moment in time")))
            }
            _ => Err(self.mismatch("a number")),
        }
    }

    fn structure<A: MapAccess<'m>>(self, structure: &'m Structure, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Fields(Vec::with_capacity(structure.members.len().min(16)));
        while let Some(member) = map.next_key_seed(MemberKey(structure))? {
            let Some(member) = member else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let place = |error| self.context.note(error, |fault| fault.in_member(&member.name));
            let slot = self.inside(What::Shape(&member.target)).map_err(place)?;
            let value = map.next_value_seed(slot).map_err(place)?;
            if value != Value::Null {
                set_member(&mut fields, &member.name, value);
            }
        }
        Ok(Value::Struct(fields))
    }

    fn map<A: MapAccess<'m>>(self, what: What<'m>, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Entries::default();
        while let Some(key) = map.next_key::<String>()? {
            let place = |error| self.context.note(error, |fault| fault.in_member(&key));
            let slot = self.inside(what).map_err(place)?;
            let value = map.next_value_seed(slot).map_err(place)?;
            entries.put(Name::from(key), value);
        }
        Ok(Value::Struct(entries.done()))
    }
}

impl<'m> DeserializeSeed<'m> for Slot<'_, 'm> {
    type Value = Value;

    fn deserialize<D: Deserializer<'m>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'m> Visitor<'m> for Slot<'_, 'm> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().map_or("a structure", scalar::kind_name))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        match self.kind() {
            Some(ShapeKind::Boolean | ShapeKind::Document) => Ok(Value::Bool(flag)),
            _ => Err(self.mismatch(if flag { "true" } else { "false" })),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        match self.kind() {
            Some(ShapeKind::Document) => Ok(Value::Int(number)),
            Some(kind @ (ShapeKind::Integer | ShapeKind::Long)) => match scalar::fitting(kind, number) {
                Some(number) => Ok(Value::Int(number)),
                None => Err(self.mismatch(&number.to_string())),
            },
            #[expect(clippy::cast_precision_loss, reason = "the model wants floating point or seconds here")]
            _ => self.number(number as f64),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            #[expect(clippy::cast_precision_loss, reason = "beyond 64 bits with a sign there is only floating point")]
            Err(_) => self.number(number as f64),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        self.number(number)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        let fault = |fault: Box<Fault>| E::custom(fault);
        match (self.what, self.kind()) {
            (_, Some(ShapeKind::String(_) | ShapeKind::Document)) => Ok(Value::String(text.to_owned())),
            (_, Some(ShapeKind::Blob)) => scalar::read_blob(text).map(Value::Blob).map_err(fault),
            (What::Shape(of), Some(ShapeKind::Timestamp)) => {
                let format = of.traits.timestamp_format.unwrap_or(TimestampFormat::Unix);
                scalar::read_timestamp(text, format).map(Value::Timestamp).map_err(fault)
            }
            (_, Some(ShapeKind::Float | ShapeKind::Double)) if matches!(text, "NaN" | "Infinity" | "-Infinity") => {
                Ok(Value::Double(scalar::read_double(text).unwrap_or(f64::NAN)))
            }
            _ => Err(self.mismatch(&format!("the string \"{}\"", quote(text)))),
        }
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        match self.kind() {
            Some(ShapeKind::String(_) | ShapeKind::Document) => Ok(Value::String(text)),
            _ => self.visit_str(&text),
        }
    }

    fn visit_seq<A: SeqAccess<'m>>(self, mut seq: A) -> Result<Value, A::Error> {
        let item = match self.kind() {
            Some(ShapeKind::List(item)) => What::Shape(item),
            Some(ShapeKind::Document) => What::Document,
            _ => return Err(self.mismatch("a list")),
        };
        let mut items = Vec::new();
        let slot = self.inside(item)?;
        while let Some(value) =
            seq.next_element_seed(slot).map_err(|error| self.context.note(error, |fault| fault.in_item(items.len())))?
        {
            items.push(value);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'m>>(self, map: A) -> Result<Value, A::Error> {
        if let What::Structure(structure) = self.what {
            return self.structure(structure, map);
        }
        match self.kind() {
            Some(ShapeKind::Structure(structure)) => self.structure(structure, map),
            Some(ShapeKind::Map(_, value)) => self.map(What::Shape(value), map),
            Some(ShapeKind::Document) => self.map(What::Document, map),
            _ => Err(self.mismatch("an object")),
        }
    }
}

/// Finds the member that a JSON key means, without copying the key.
struct MemberKey<'m>(&'m Structure);

impl<'m> DeserializeSeed<'m> for MemberKey<'m> {
    type Value = Option<&'m Member>;

    fn deserialize<D: Deserializer<'m>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'m> Visitor<'m> for MemberKey<'m> {
    type Value = Option<&'m Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(body_member(self.0, key))
    }
}

/// The member of this name on the wire, if it travels in the body.
pub(crate) fn body_member<'m>(structure: &'m Structure, key: &str) -> Option<&'m Member> {
    let in_body = |member: &&Member| member.target.traits.location.is_none();
    let wire_name = |member: &Member| **member.target.traits.location_name.as_ref().unwrap_or(&member.name) == *key;
    structure.members.iter().filter(in_body).find(|member| wire_name(member))
}
