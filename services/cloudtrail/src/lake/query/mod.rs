//! Queries: what is kept of one ([`row`]), how it runs ([`run`]), where its rows are ([`results`]), and how they get into a bucket with
//! the file that proves them ([`deliver`]). SQL itself is the business of [`ports::QueryEngine`].
//!
//! ```text
//! StartQuery ─ check ─ commit {query, indexes, open} ─ run ─ chunks of rows ─ commit {query} ─ files ─ sign file ─ commit {query, not open}
//! ```

pub mod deliver;
pub mod results;
pub mod row;
pub mod run;
#[cfg(test)]
mod tests;
