//! One file per operation.

pub mod check_import;
pub mod explain;
pub mod flush;
pub mod get_status;
pub mod hold_for_backup;
pub mod import_files;
pub mod look_up;
pub mod tail;
