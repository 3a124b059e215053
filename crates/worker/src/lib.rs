//! Consumers of the journal: what an entry says ([`entry`]), and the loop that feeds a [`Consumer`] in order, retries it, reports
//! its lag and lets the journal drop what nobody needs any more.
//!
//! A consumer sees every entry in order and may see one again after a crash; it never sees one twice with its effects kept.

mod blocking;
pub mod consumer;
pub mod entry;

pub use blocking::{aside, blocking};
pub use consumer::{Consumer, ConsumerStatus, Crew, Failure, ahead};
pub use entry::{Control, Data, EntryKind};
