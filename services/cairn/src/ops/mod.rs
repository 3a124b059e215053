//! One file per operation.

pub mod backfill_metric_filter;
pub mod check_import;
pub mod explain;
pub mod flush;
pub mod get_status;
pub mod hold_for_backup;
pub mod import_files;
pub mod look_up;
pub mod preview_metric_filter;
pub mod tail;
