//! The words every other crate uses: time, accounts, regions, ARNs, identifiers, and the seams to the world outside.
//!
//! Pure: nothing here reads the clock, makes a random number or touches a disk; it only names who may ([`Env`]).

pub mod arn;
pub mod env;
pub mod ids;
pub mod region;
pub mod time;

pub use arn::Arn;
pub use env::{Clock, Disk, DiskFile, Env, Rng};
pub use region::Region;
pub use time::Timestamp;
