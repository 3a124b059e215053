//! [`Value`]: what a request or a response says, once it has left its protocol's bytes and before it becomes one
//! operation's own types.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;

/// A member name or map key. Member names are shared with the model, so that a decoded request copies none of them.
pub type Name = Arc<str>;

/// A value of any shape.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// Absent where a list or map may have a hole.
    #[default]
    Null,
    /// `boolean`.
    Bool(bool),
    /// `integer`, `long`.
    Int(i64),
    /// `float`, `double`; NaN and the infinities included.
    Double(f64),
    /// `string`, `character`.
    String(String),
    /// `blob`, decoded.
    Blob(Bytes),
    /// `timestamp`.
    Timestamp(Timestamp),
    /// `list`.
    List(Vec<Value>),
    /// `structure` (by member name, in the order read or given) and `map` (by key). Documents use it for objects.
    Struct(Fields),
}

/// The members of a structure or the entries of a map, in order. Few enough that looking one up by name is a scan.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Fields(pub Vec<(Name, Value)>);

impl Fields {
    /// No members.
    pub fn new() -> Fields {
        Fields::default()
    }

    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// The member of this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// The text of the string member of this name.
    pub fn str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Adds a member at the end. The caller sees to it that the name is new.
    pub fn push(&mut self, name: impl Into<Name>, value: impl Into<Value>) {
        self.0.push((name.into(), value.into()));
    }

    /// Sets a member, in its old place if it is there, else at the end.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        match self.get_mut(name) {
            Some(old) => *old = value.into(),
            None => self.push(name, value),
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(known, _)| &**known == name)?;
        Some(self.0.remove(at).1)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Value {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members of a structure or map.
    pub fn as_fields(&self) -> Option<&Fields> {
        match self {
            Value::Struct(fields) => Some(fields),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The member of this name, if this is a structure or map that has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_fields()?.get(name)
    }

    /// The word for what this is, for error messages: `string`, `list` …
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "integer",
            Value::Double(_) => "double",
            Value::String(_) => "string",
            Value::Blob(_) => "blob",
            Value::Timestamp(_) => "timestamp",
            Value::List(_) => "list",
            Value::Struct(_) => "structure",
        }
    }
}

macro_rules! value_from {
    ($($from:ty => |$v:ident| $to:expr),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from($v: $from) -> Value {
                $to
            }
        }
    )*};
}

value_from! {
    bool => |v| Value::Bool(v),
    i64 => |v| Value::Int(v),
    i32 => |v| Value::Int(i64::from(v)),
    u32 => |v| Value::Int(i64::from(v)),
    f64 => |v| Value::Double(v),
    &str => |v| Value::String(v.to_owned()),
    String => |v| Value::String(v),
    Bytes => |v| Value::Blob(v),
    Timestamp => |v| Value::Timestamp(v),
    Vec<Value> => |v| Value::List(v),
    Fields => |v| Value::Struct(v),
}
