//! A generator of CloudTrail log files for demonstrations, tests and benchmarks: accounts that work day and night, in AWS's layout.
//! Deterministic: the same plan gives the same bytes, on any machine, with any number of threads. Pure: files go to whoever asks;
//! nothing here reads a clock, and nothing that is made is a secret or anybody's.
//!
//! ```text
//! Plan ──► World ── cells (account, region, day), in any order ──► log files, and a Summary of what is in them
//!                └─ digests, once all cells are done ──► digests
//! ```

mod attack;
mod cell;
mod digests;
mod events;
mod people;
mod pools;
mod random;
mod scene;
mod summary;
mod tally;
mod template;
#[cfg(test)]
mod tests;
mod world;

pub use attack::AttackStep;
pub use cell::{Cell, File};
pub use summary::{Counts, Logins, Summary};
pub use world::{ACCOUNTS_MAX, BadPlan, DAYS_MAX, Plan, RECORDS_MAX, REGIONS, World};
