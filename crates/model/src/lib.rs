//! AWS API models as data: shapes, operations, and the [`Value`]s that fit them; validation from the model.
//!
//! Pure, and knows nothing of protocol bytes: that is the crate `wire`.

pub mod catalog;
pub mod load;
mod pattern;
mod raw;
pub mod secret;
pub mod serde_bridge;
pub mod shape;
pub mod validate;
pub mod value;

pub use catalog::{Catalog, ServiceIndex, catalog};
pub use load::{LoadError, from_json_value, load};
pub use secret::is_secret_name;
pub use serde_bridge::{Blob, BridgeError, PathPart, field_names, from_value, to_value};
pub use shape::{Location, Member, Model, Operation, Protocol, Shape, ShapeKind, ShapeRef, TimestampFormat, Traits};
pub use validate::{Violation, ViolationKind, validate};
pub use value::{Fields, Name, Value};
