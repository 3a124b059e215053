//! A trail's files, as delivered and then damaged in every way that came to mind: each damage is reported.
#![allow(clippy::disallowed_methods, reason = "tests write the files that are validated")]

mod fixture;
mod runs;
mod tamper;
