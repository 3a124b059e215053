//! JSON by the model: the bodies of JSON 1.0, JSON 1.1 and REST-JSON. Reads straight into [`model::Value`], with no JSON tree
//! in between.

mod read;
mod write;

pub(crate) use read::{body_member, read, read_members};
pub(crate) use write::{string, write, write_member, write_untyped};
