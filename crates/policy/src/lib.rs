//! The IAM policy language: parse, evaluate, decide over all kinds of policies together, and say which statement decided.
//!
//! Pure: it knows nothing of storage, of who a key belongs to, or of which policies apply; it is given all of that.

pub mod authorize;
pub mod bucket;
mod bucket_actions;
pub mod condition;
pub mod document;
pub mod evaluate;
mod identity;
mod json;
pub mod kinds;
pub mod pattern;
pub mod principal;
pub mod set;

pub use authorize::{Decider, Decision, Layer, Layers, ResourceLayer, authorize};
pub use bucket::{parse_bucket_policy, validate_bucket_policy};
pub use document::{Effect, ParseError, Policy, Statement};
pub use evaluate::{Because, Context, Request, Said, evaluate, evaluate_within_account};
pub use identity::parse_identity_policy;
pub use kinds::{parse_control_policy, parse_key_policy, parse_resource_control_policy, parse_trust_policy};
pub use principal::Principal;
pub use set::PolicySet;
