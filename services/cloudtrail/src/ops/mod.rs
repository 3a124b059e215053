//! One file per operation: this list is what works.

pub mod add_tags;
pub mod create_trail;
pub mod delete_trail;
pub mod describe_trails;
pub mod get_event_selectors;
pub mod get_import;
pub mod get_insight_selectors;
pub mod get_trail;
pub mod get_trail_status;
mod import_view;
pub mod list_import_failures;
pub mod list_imports;
pub mod list_public_keys;
pub mod list_tags;
pub mod list_trails;
pub mod lookup_events;
pub mod put_event_selectors;
pub mod remove_tags;
mod settings;
pub mod start_import;
pub mod start_logging;
pub mod stop_import;
pub mod stop_logging;
mod tags;
#[cfg(test)]
mod tests;
pub mod update_trail;
mod view;

use serde::{Deserialize, Serialize};

/// The input of operations that name a trail and say nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NameInput {
    name: String,
}

/// The output of operations that have none.
#[derive(Serialize)]
pub struct Empty {}
