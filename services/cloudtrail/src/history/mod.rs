//! Event history: the management events of the last 90 days, kept for LookupEvents whether or not there is a trail.
//!
//! ```text
//! journal ─ take ─ tail (memory) ─ seal ─ objects "history/…" ─ commit {segment, filter, cursor}
//! lookup: tail, then segments from the newest, each only if its times and its filter allow a match
//! ```

mod consumer;
mod expire;
mod index;
mod lookup;
pub mod segment;
pub mod terms;

pub use consumer::History;
pub use expire::KEPT_DAYS;
pub use index::Index;
pub use lookup::{Page, Query};
