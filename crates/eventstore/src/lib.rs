//! The searchable event store: records in columns, crash-safe, in parts that background work keeps few and sorted.
//!
//! Never changes a record: its bytes come back exactly. Never says that something is stored before it is.

mod encode;
mod flat;
mod scan;
mod schema;
mod skeleton;

#[cfg(test)]
mod testing;
