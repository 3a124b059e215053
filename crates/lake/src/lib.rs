//! SQL over event stores: the dialect's functions, tables over snapshots, and an engine that keeps to memory, time and rows.
//!
//! The only crate that knows DataFusion. Never changes a store, never lets a query take the server with it.

mod engine;
mod error;
mod functions;
mod json;
mod names;
mod outside;
mod planner;
mod prune;
mod scan;
mod show;
mod table;
mod time;
mod types;

pub use datafusion::arrow::record_batch::RecordBatch;
pub use engine::{Answer, Engine, Options};
pub use outside::{Piece, Records};
