//! Reads CBOR into values. Must never trust a length: nothing is reserved that the remaining bytes cannot fill, and nothing
//! nests deeper than [`DEPTH_MAX`].

use base::Timestamp;
use bytes::Bytes;
use model::shape::Structure;
use model::{Fields, Model, Name, ShapeKind, ShapeRef, Value};

use super::{TAG_EPOCH, major};
use crate::DEPTH_MAX;
use crate::entries::{Entries, set_member};
use crate::fault::{Fault, Outcome, quote};
use crate::json::body_member;
use crate::scalar;

/// Reads a whole body: the members of a structure. An empty body has none.
pub(crate) fn read_members(model: &Model, structure: &Structure, body: &[u8]) -> Outcome<Fields> {
    if body.is_empty() {
        return Ok(Fields::new());
    }
    let mut reader = Reader { model, rest: body };
    let fields = match reader.item(Want::Structure(structure), 0)? {
        Value::Struct(fields) => fields,
        _ => Fields::new(),
    };
    reader.end().map(|()| fields)
}

#[derive(Clone, Copy)]
enum Want<'m> {
    Shape(&'m ShapeRef),
    Structure(&'m Structure),
    /// A document, or something to be skipped.
    Anything,
}

struct Reader<'b, 'm> {
    model: &'m Model,
    rest: &'b [u8],
}

/// The head of an item.
struct Head {
    major: u8,
    /// The low five bits: for simple values and floats.
    low: u8,
    /// `None`: of indefinite length, or (major 7) the break.
    argument: Option<u64>,
}

impl<'b, 'm> Reader<'b, 'm> {
    fn end(&self) -> Outcome<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Fault::new("bytes follow the end of the message")) }
    }

    fn take(&mut self, count: u64) -> Outcome<&'b [u8]> {
        let taken = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let (taken, rest) = taken.ok_or_else(|| Fault::new("the message is cut off"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn head(&mut self) -> Outcome<Head> {
        let first = self.take(1)?[0];
        let low = first & 0x1f;
        let argument = match low {
            0..=23 => Some(u64::from(low)),
            24..=27 => {
                let bytes = self.take(1 << (low - 24))?;
                Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
            }
            31 => None,
            _ => return Err(Fault::new("reserved length in CBOR")),
        };
        let head = Head { major: first >> 5, low, argument };
        match (head.major, head.argument) {
            (major::UNSIGNED | major::NEGATIVE | major::TAG, None) => {
                Err(Fault::new("indefinite length where CBOR has none"))
            }
            _ => Ok(head),
        }
    }

    /// Takes the break if it comes next.
    fn at_break(&mut self) -> bool {
        let found = self.rest.first() == Some(&0xff);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// Whether another item of an array or map follows.
    fn more(&mut self, left: &mut Option<u64>) -> bool {
        match left {
            Some(0) => false,
            Some(count) => {
                *count -= 1;
                true
            }
            None => !self.at_break(),
        }
    }

    fn item(&mut self, want: Want<'m>, depth: usize) -> Outcome<Value> {
        if depth >= DEPTH_MAX {
            return Err(Fault::new(format_args!("nested deeper than {DEPTH_MAX} levels")));
        }
        let head = self.head()?;
        let kind = match want {
            Want::Shape(of) => &self.model.shape(of).kind,
            Want::Structure(structure) => return self.structure_or_null(&head, structure, depth),
            Want::Anything => &ShapeKind::Document,
        };
        match head.major {
            major::UNSIGNED | major::NEGATIVE => int(kind, &head),
            major::BYTES => match kind {
                ShapeKind::Blob | ShapeKind::Document => Ok(Value::Blob(self.bytes(&head)?)),
                _ => Err(mismatch(kind, "bytes")),
            },
            major::TEXT => match kind {
                ShapeKind::String(_) | ShapeKind::Document => Ok(Value::String(self.text(&head)?)),
                _ => {
                    let text = self.text(&head)?;
                    Err(mismatch(kind, &format!("the string \"{}\"", quote(&text))))
                }
            },
            major::ARRAY => self.list(kind, &head, depth),
            major::MAP => match kind {
                ShapeKind::Structure(structure) => self.structure(&head, structure, depth),
                ShapeKind::Map(_, value) => self.map(Want::Shape(value), &head, depth),
                ShapeKind::Document => self.map(Want::Anything, &head, depth),
                _ => Err(mismatch(kind, "a map")),
            },
            major::TAG
                if head.argument == Some(TAG_EPOCH) && matches!(kind, ShapeKind::Timestamp | ShapeKind::Document) =>
            {
                match self.item(Want::Anything, depth + 1)? {
                    Value::Int(secs) => moment(secs as f64),
                    Value::Double(secs) => moment(secs),
                    other => Err(mismatch(kind, other.kind())),
                }
            }
            // Other tags say more of a value than the model asks for.
            major::TAG => self.item(want, depth + 1),
            _ => simple(kind, &head),
        }
    }

    fn structure_or_null(&mut self, head: &Head, structure: &'m Structure, depth: usize) -> Outcome<Value> {
        match (head.major, head.low) {
            (major::MAP, _) => self.structure(head, structure, depth),
            (major::SIMPLE, 22 | 23) => Ok(Value::Null),
            _ => Err(Fault::new("expected a structure")),
        }
    }

    fn structure(&mut self, head: &Head, structure: &'m Structure, depth: usize) -> Outcome<Value> {
        let mut fields = Fields::new();
        let mut left = head.argument;
        while self.more(&mut left) {
            let key = self.key()?;
            match body_member(structure, &key) {
                Some(member) => {
                    let value = self.item(Want::Shape(&member.target), depth + 1);
                    let value = value.map_err(|fault| fault.in_member(&member.name))?;
                    if value != Value::Null {
                        set_member(&mut fields, &member.name, value);
                    }
                }
                None => self.skip()?,
            }
        }
        Ok(Value::Struct(fields))
    }

    fn map(&mut self, want: Want<'m>, head: &Head, depth: usize) -> Outcome<Value> {
        let mut entries = Entries::default();
        let mut left = head.argument;
        while self.more(&mut left) {
            let key = self.key()?;
            let value = self.item(want, depth + 1).map_err(|fault| fault.in_member(&key))?;
            entries.put(Name::from(key), value);
        }
        Ok(Value::Struct(entries.done()))
    }

    fn list(&mut self, kind: &'m ShapeKind, head: &Head, depth: usize) -> Outcome<Value> {
        let want = match kind {
            ShapeKind::List(item) => Want::Shape(item),
            ShapeKind::Document => Want::Anything,
            _ => return Err(mismatch(kind, "a list")),
        };
        let mut items = Vec::new();
        let mut left = head.argument;
        while self.more(&mut left) {
            items.push(self.item(want, depth + 1).map_err(|fault| fault.in_item(items.len()))?);
        }
        Ok(Value::List(items))
    }

    fn key(&mut self) -> Outcome<String> {
        let head = self.head()?;
        if head.major != major::TEXT {
            return Err(Fault::new("expected a string as the key of a map"));
        }
        self.text(&head)
    }

    fn text(&mut self, head: &Head) -> Outcome<String> {
        let bytes = match head.argument {
            Some(count) => self.take(count)?.to_vec(),
            None => self.chunks(major::TEXT)?,
        };
        String::from_utf8(bytes).map_err(|_| Fault::new("a string is not UTF-8"))
    }

    fn bytes(&mut self, head: &Head) -> Outcome<Bytes> {
        Ok(match head.argument {
            Some(count) => Bytes::copy_from_slice(self.take(count)?),
            None => self.chunks(major::BYTES)?.into(),
        })
    }

    fn chunks(&mut self, major: u8) -> Outcome<Vec<u8>> {
        let mut whole = Vec::new();
        while !self.at_break() {
            let head = self.head()?;
            match head.argument {
                Some(count) if head.major == major => whole.extend_from_slice(self.take(count)?),
                _ => return Err(Fault::new("a chunk of another type in CBOR")),
            }
        }
        Ok(whole)
    }

    /// Passes over one item, however it nests, without recursion.
    fn skip(&mut self) -> Outcome<()> {
        // What is open: how many items are left, `None` until the break.
        let mut open: Vec<Option<u64>> = vec![Some(1)];
        while let Some(left) = open.last_mut() {
            let mut count = *left;
            let more = self.more(&mut count);
            *open.last_mut().expect("just seen") = count;
            if !more {
                open.pop();
                continue;
            }
            let head = self.head()?;
            match (head.major, head.argument) {
                (major::BYTES | major::TEXT, Some(count)) => drop(self.take(count)?),
                (major::BYTES | major::TEXT, None) => drop(self.chunks(head.major)?),
                (major::ARRAY, count) => open.push(count),
                (major::MAP, Some(count)) => {
                    open.push(Some(count.checked_mul(2).ok_or_else(|| Fault::new("the message is cut off"))?));
                }
                (major::MAP, None) => open.push(None),
                (major::TAG, _) => open.push(Some(1)),
                (major::SIMPLE, None) => return Err(Fault::new("a break where CBOR has none")),
                _ => {}
            }
            if open.len() > DEPTH_MAX {
                return Err(Fault::new(format_args!("nested deeper than {DEPTH_MAX} levels")));
            }
        }
        Ok(())
    }
}

fn int(kind: &ShapeKind, head: &Head) -> Outcome<Value> {
    let argument = head.argument.unwrap_or_default();
    let magnitude = i64::try_from(argument).ok();
    let number = if head.major == major::NEGATIVE { magnitude.map(|number| -1 - number) } else { magnitude };
    match kind {
        ShapeKind::Integer | ShapeKind::Long | ShapeKind::Document => number
            .and_then(|number| scalar::fitting(kind, number))
            .map(Value::Int)
            .ok_or_else(|| Fault::expected(scalar::kind_name(kind), &argument.to_string())),
        ShapeKind::Float | ShapeKind::Double | ShapeKind::Timestamp => {
            let magnitude = argument as f64;
            float(kind, if head.major == major::NEGATIVE { -1.0 - magnitude } else { magnitude })
        }
        _ => Err(mismatch(kind, "a number")),
    }
}

fn float(kind: &ShapeKind, number: f64) -> Outcome<Value> {
    match kind {
        ShapeKind::Float | ShapeKind::Double | ShapeKind::Document => Ok(Value::Double(number)),
        ShapeKind::Timestamp => moment(number),
        ShapeKind::Integer | ShapeKind::Long => scalar::whole(number)
            .and_then(|number| scalar::fitting(kind, number))
            .map(Value::Int)
            .ok_or_else(|| Fault::expected(scalar::kind_name(kind), &number.to_string())),
        _ => Err(mismatch(kind, "a number")),
    }
}

fn simple(kind: &ShapeKind, head: &Head) -> Outcome<Value> {
    let bits = head.argument.unwrap_or_default();
    let wide = |bits: u64| u32::try_from(bits).unwrap_or_default();
    match (head.low, kind) {
        (20 | 21, ShapeKind::Boolean | ShapeKind::Document) => Ok(Value::Bool(head.low == 21)),
        (20 | 21, _) => Err(mismatch(kind, if head.low == 21 { "true" } else { "false" })),
        (22 | 23, _) => Ok(Value::Null),
        (25, _) => float(kind, half(wide(bits))),
        (26, _) => float(kind, f64::from(f32::from_bits(wide(bits)))),
        (27, _) => float(kind, f64::from_bits(bits)),
        (31, _) => Err(Fault::new("a break where CBOR has none")),
        _ => Err(Fault::new("a simple value that has no meaning here")),
    }
}

/// The value of a half-precision float: RFC 8949, appendix D.
fn half(bits: u32) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match bits >> 10 & 0x1f {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (fraction + 1024.0) * 2_f64.powi(i32::try_from(exponent).expect("five bits") - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

fn moment(secs: f64) -> Outcome<Value> {
    let moment = Timestamp::from_secs_f64(secs).map(Value::Timestamp);
    moment.ok_or_else(|| Fault::new(format_args!("{secs} is no moment in time")))
}

fn mismatch(kind: &ShapeKind, found: &str) -> Box<Fault> {
    Fault::new(format_args!("expected {}, found {found}", scalar::kind_name(kind)))
}
