//! XML by the model: REST-XML bodies both ways, and the answers of Query and EC2. DTDs are refused, so no entity is ever expanded.

mod read;
mod tree;
mod write;

pub(crate) use read::{read, read_members};
pub(crate) use tree::parse;
pub(crate) use write::{Rules, attributes, close, namespace, open, text, write, write_member, write_untyped};

use model::{Model, ShapeKind, ShapeRef};

/// The element name of a flattened list's items as botocore reads them: the member's own name for the wire, else its items',
/// else the member's.
pub(crate) fn item_name<'m>(model: &'m Model, of: &'m ShapeRef) -> Option<&'m str> {
    match &model.shape(of).kind {
        ShapeKind::List(item) if of.traits.flattened => item.traits.location_name.as_deref(),
        _ => None,
    }
}

/// A name without its namespace prefix.
pub(crate) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}
