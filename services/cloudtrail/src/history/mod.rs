//! Event history: the management events of the last 90 days, kept for LookupEvents whether or not there is a trail.
//!
//! ```text
//! journal ─ take ─ tail (memory) ─ seal ─ objects "history/…" ─ commit {segment, filter, cursor}
//! lookup: tail, then segments from the newest, each only if its times and its filter allow a match;
//!         then, if it reaches beyond the 90 days, the built-in event store
//! ```

mod all;
mod consumer;
mod expire;
mod index;
mod lookup;
mod older;
pub mod segment;
pub mod terms;

pub use consumer::History;
pub use expire::KEPT_DAYS;
pub use index::Index;
pub use lookup::{Page, Query};
