//! Delivery of log files: records are gathered per trail and region ([`consumer`]), cut into files that are durable in the outbox
//! together with the place in the journal they reach to ([`outbox`]), and put into their buckets by each trail's worker
//! ([`worker`]). A record is in exactly one file of each trail that selects it, whatever happens in between.
//!
//! ```text
//! journal ─ take ─ open files ─ cut ─ objects "delivery/outbox/…" ─ commit {outbox rows, cursor} ─ put ─ commit {delivered}
//! ```

pub mod consumer;
#[cfg(test)]
mod crash_tests;
pub mod give_up;
#[cfg(test)]
mod give_up_tests;
pub mod lane;
pub mod logs;
#[cfg(test)]
mod logs_tests;
pub mod outbox;
mod tidy;
pub mod worker;

pub use consumer::Delivery;
pub use logs::LogDelivery;
