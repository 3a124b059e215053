//! The searchable event store: records in columns, crash-safe, in parts that background work keeps few and sorted.
//!
//! Never changes a record: its bytes come back exactly. Never says that something is stored before it is.

mod append;
mod cache;
mod coded;
mod columns;
mod consumer;
mod encode;
mod encryption;
mod figures;
mod find;
mod flat;
mod index;
mod loose;
mod part;
mod port;
mod project;
mod read;
mod reading;
mod rebuild;
mod rows;
mod scan;
mod schema;
mod seal;
mod skeleton;
mod snapshot;
mod stores;
mod sweep;
mod tail;
mod terms;
mod upkeep;
mod write;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod encryption_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use coded::{Numbers, leaf, with_numbers};
pub use consumer::Events;
pub use encryption::Encryption;
pub use loose::{LOOSE_BATCH_ROWS, Loose, loose};
pub use part::Part;
pub use project::{Projection, UnknownColumn};
pub use read::{Batches, Candidates, Equality, Pruning, ReadError, ReadOptions, RowFilter};
pub use reading::spread;
pub use rebuild::{Losses, Rebuild};
pub use schema::{EVENT_JSON, is_json, is_plain};
pub use snapshot::Snapshot;
pub use stores::{Options, Stores};
