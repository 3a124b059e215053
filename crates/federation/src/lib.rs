//! Event stores as Iceberg tables in a bucket of the server: files for each part of a store, and snapshots that name exactly the parts
//! which the store had at one moment (ADR 18).
//!
//! A table never shows a row twice, and leaves out none but what was too old when its part was written, whenever the process ends: readers
//! see nothing before the one write of `version-hint.text`, and nothing goes that a kept snapshot names.

mod columns;
mod files;
mod publish;
mod rows;

#[cfg(test)]
mod tests;

pub use publish::Publisher;
