//! One file per operation.

pub mod flush;
pub mod get_status;
pub mod hold_for_backup;
pub mod tail;
