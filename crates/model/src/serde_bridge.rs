//! The bridge between [`Value`]s and the typed inputs and outputs of operations, by serde. Nothing here knows a model: a
//! structure's members are matched by their modelled names.

mod de;
mod fields;
mod passing;
mod ser;

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::value::{Name, Value};

pub use fields::field_names;

/// How deep values may nest on either side of the bridge. AWS's deepest fixed structures stay under 20; DynamoDB's documents
/// and other recursive shapes may have 32 levels, each of up to three of ours.
pub const DEPTH_MAX: usize = 128;

/// Makes a typed value. Structures take their members by name and ignore those they do not know; a missing or null member is
/// `None` for an `Option` and an error otherwise; whole numbers are checked against their type's range.
///
/// ```
/// #[derive(serde::Deserialize)]
/// #[serde(rename_all = "PascalCase")]
/// struct Input { name: String, s3_key_prefix: Option<String> }
///
/// let mut fields = model::Fields::new();
/// fields.push("Name", "audit");
/// let input: Input = model::from_value(fields.into())?;
/// assert_eq!((&*input.name, input.s3_key_prefix), ("audit", None));
/// # Ok::<(), model::BridgeError>(())
/// ```
///
/// # Errors
/// Names the first member that does not fit, and what it should have been.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, BridgeError> {
    T::deserialize(de::ValueDeserializer::new(value))
}

/// Makes a [`Value`] of a typed one. A structure's `None` members are left out; a `None` in a list or map is
/// [`Value::Null`]; enumerations without data are strings, with data a structure of one member (AWS's unions).
///
/// # Errors
/// If a number does not fit 64 bits with a sign, a map's key is not a string, or the value nests deeper than [`DEPTH_MAX`].
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, BridgeError> {
    value.serialize(ser::ValueSerializer::new())
}

/// A value and a type do not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeError {
    /// The way to the place from the outermost structure, outermost first: member names, map keys, list indices from 0.
    pub path: Vec<PathPart>,
    /// What is wrong there, and what was expected.
    pub problem: String,
}

/// One step of the way to a place in a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPart {
    /// A member of a structure.
    Member(Name),
    /// An entry of a map.
    Key(Name),
    /// An item of a list, counted from 0.
    Index(usize),
}

impl BridgeError {
    fn new(problem: impl fmt::Display) -> BridgeError {
        BridgeError { path: Vec::new(), problem: problem.to_string() }
    }

    fn too_deep() -> BridgeError {
        BridgeError::new(format_args!("nested deeper than {DEPTH_MAX} levels"))
    }

    /// Adds the step that led to this error's place. Errors travel outwards, so each step goes in front.
    fn under(mut self, step: PathPart) -> BridgeError {
        self.path.insert(0, step);
        self
    }
}

impl fmt::Display for BridgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.path.iter().enumerate() {
            match part {
                PathPart::Member(name) | PathPart::Key(name) if at == 0 => f.write_str(name)?,
                PathPart::Member(name) | PathPart::Key(name) => write!(f, ".{name}")?,
                PathPart::Index(index) => write!(f, "[{index}]")?,
            }
        }
        let colon = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{colon}{}", self.problem)
    }
}

impl std::error::Error for BridgeError {}

impl serde::de::Error for BridgeError {
    fn custom<T: fmt::Display>(problem: T) -> BridgeError {
        BridgeError::new(problem)
    }
}

impl serde::ser::Error for BridgeError {
    fn custom<T: fmt::Display>(problem: T) -> BridgeError {
        BridgeError::new(problem)
    }
}

/// Bytes, as a member of an operation's input or output. (`Vec<u8>` would be a list of numbers to serde.)
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Blob(pub Bytes);

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<T: Into<Bytes>> From<T> for Blob {
    fn from(bytes: T) -> Blob {
        Blob(bytes.into())
    }
}

#[cfg(test)]
mod tests;
