//! SQL over event stores: the dialect's functions, tables over snapshots, and an engine that keeps to memory, time and rows.
//!
//! The only crate that knows DataFusion. Never changes a store, never lets a query take the server with it.

mod answer;
mod engine;
mod error;
mod files;
mod filter;
mod functions;
mod grouped;
mod groups;
mod json;
mod names;
mod outside;
mod paths;
mod planner;
mod prune;
mod release;
mod scan;
mod show;
mod table;
mod tables;
mod time;
mod types;

pub use answer::Answer;
pub use datafusion::arrow::record_batch::RecordBatch;
pub use engine::{Engine, Options};
pub use files::{ParquetFile, ParquetFiles, ParquetWriter, is_parquet};
pub use outside::{Outside, Piece, Records, Take};
