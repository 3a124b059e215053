//! Validates what a trail delivered: the chain of signed digests and every log file they name, in parallel and streaming. It finds
//! what `aws cloudtrail validate-logs` finds, says it in the same words, and finds what that cannot see. It never writes to what it
//! reads, never holds a whole log file in memory, and calls nothing valid that it did not check.
//!
//! ```text
//! Source (folder, S3, buckets of this server) ── list ──► chains ── walk, newest digest first ──► log files ── hash ──► Events
//!                                                            └── tail, strays, names: what no digest shows ──────────►
//! ```
//! Sources of the rules: CloudTrail user guide, "Validating CloudTrail log file integrity with the AWS CLI" and "Custom
//! implementations of CloudTrail log file integrity validation".

mod chain;
mod digest;
mod expected;
mod folder;
mod group;
mod gzip;
mod keys;
mod log;
mod problem;
mod records;
mod remembered;
mod report;
mod run;
mod scope;
mod source;
mod strays;
mod text;
mod walk;
mod work;

pub use expected::{Expected, Head};
pub use folder::{Folder, METADATA_SUFFIX};
pub use keys::{KeyFile, Keys, PublicKey};
pub use problem::{Event, Kind, Problem, Subject};
pub use remembered::Remembered;
pub use report::{Counts, PROBLEMS_MAX, Report};
pub use run::{BucketFound, Failure, Options, Outcome, find_bucket, validate};
pub use scope::{Scope, TrailName};
pub use source::{Object, Opened, Pieces, Source, SourceError};
pub use text::Text;
