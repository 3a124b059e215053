//! A trail's files, as delivered and then damaged in every way that came to mind: each damage is reported.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests write the files that are validated, and may panic"
)]

mod fixture;
mod narrow;
mod runs;
mod tamper;
