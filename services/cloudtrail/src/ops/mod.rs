//! One file per operation: this list is what works.

pub mod add_tags;
pub mod cancel_query;
mod channels;
pub mod create_channel;
pub mod create_dashboard;
pub mod create_event_data_store;
pub mod create_trail;
mod dashboards;
pub mod delete_channel;
pub mod delete_dashboard;
pub mod delete_event_data_store;
pub mod delete_resource_policy;
pub mod delete_trail;
pub mod deregister_organization_delegated_admin;
pub mod describe_query;
pub mod describe_trails;
pub mod disable_federation;
pub mod enable_federation;
mod event_configuration;
mod event_data_stores;
pub mod generate_query;
pub mod get_channel;
pub mod get_dashboard;
pub mod get_event_configuration;
pub mod get_event_data_store;
pub mod get_event_selectors;
pub mod get_import;
pub mod get_insight_selectors;
pub mod get_query_results;
pub mod get_resource_policy;
pub mod get_trail;
pub mod get_trail_status;
mod import_view;
pub mod list_channels;
pub mod list_dashboards;
pub mod list_event_data_stores;
pub mod list_import_failures;
pub mod list_imports;
pub mod list_public_keys;
pub mod list_queries;
pub mod list_tags;
pub mod list_trails;
pub mod lookup_events;
#[cfg(test)]
mod lookup_older_tests;
pub mod put_event_configuration;
pub mod put_event_selectors;
pub mod put_resource_policy;
mod queries;
pub mod register_organization_delegated_admin;
pub mod remove_tags;
mod resource_policies;
pub mod restore_event_data_store;
pub mod search_sample_queries;
mod settings;
pub mod start_dashboard_refresh;
pub mod start_event_data_store_ingestion;
pub mod start_import;
pub mod start_logging;
pub mod start_query;
pub mod stop_event_data_store_ingestion;
pub mod stop_import;
pub mod stop_logging;
mod tags;
#[cfg(test)]
mod tests;
pub mod update_channel;
pub mod update_dashboard;
pub mod update_event_data_store;
pub mod update_trail;
mod view;

pub(crate) use dashboards::minutes_of;

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
