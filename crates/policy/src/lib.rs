//! The IAM policy language: parse, evaluate, and say which statement decided.
//!
//! Pure: it knows nothing of storage, of who a key belongs to, or of which policies apply; it is given all of that.

pub mod bucket;
mod bucket_actions;
pub mod condition;
pub mod document;
pub mod evaluate;
mod json;
pub mod pattern;
pub mod principal;

pub use bucket::{parse_bucket_policy, validate_bucket_policy};
pub use document::{Effect, ParseError, Policy, Statement};
pub use evaluate::{Because, Context, Decision, Request, evaluate, evaluate_within_account};
pub use principal::Principal;
