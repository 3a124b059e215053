//! From a call to its record: what the event is called and what kind it is ([`catalog`]), which resources it names
//! ([`resources`]), how its parameters are written and which are hidden ([`params`]), and the record itself ([`build`]; [`sign_in`] for pages).
//!
//! Pure, and the only place that decides what a record says.

pub mod build;
pub mod catalog;
pub mod inline;
pub mod params;
pub mod resources;
pub mod sign_in;

pub use build::{Draft, Outcome};
pub use catalog::{EventKind, describe};
