//! A program without SQL: the event store is kept and found in, and nothing answers queries.

use std::path::Path;

use base::Env;
use node::MakeQueryEngine;

use crate::commands::Failure;

/// Runs no queries.
pub struct Queries;

impl Queries {
    /// Makes nothing.
    pub fn open(_: &Path) -> Result<Queries, Failure> {
        Ok(Queries)
    }

    /// Nothing.
    pub fn engine(&self, _: Env) -> Option<MakeQueryEngine> {
        None
    }
}
