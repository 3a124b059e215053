//! Imports log files into event stores: finds them wherever AWS's layouts put them, reads them, and hands their records on. It resumes
//! by what it knows of each file, never by the last name it saw, so files that come late are found; nothing is lost or kept twice,
//! wherever it is cut off. It never writes to what it reads, and never takes a part of a file: a damaged file fails as a whole.
//!
//! ```text
//! Source (folder, S3) ── walk ──► files of a sort and time that are asked for ── unknown? ──► batches ──► Target
//!                                                                                                       │
//!                    Receiver: inflate, split, filter ──► EventStores::append ──► ledger (what is known of each file)
//! ```
//! A [`Target`] is the [`Receiver`] itself, inside of the server, or a client's way to it.

mod content;
mod filter;
mod ledger;
mod names;
mod receiver;
mod reconcile;
mod report;
mod run;
mod target;
#[cfg(test)]
mod tests;

pub use content::{CONTENT_BYTES_MAX, Unreadable, records};
pub use filter::Filter;
pub use ledger::{FILES, FileRow};
pub use names::{Sort, sort};
pub use receiver::{Receiver, StoreTarget};
pub use report::{FAILURES_MAX, FileFailure, MISSING_MAX, Report};
pub use run::{Event, Failure, Options, Origin, Totals, count, import};
pub use target::{Answer, Fetched, Listed, NAME_BYTES_MAX, Taken, Target, TargetError};
