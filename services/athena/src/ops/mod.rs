//! One file per operation: this list is what works.

pub mod batch_get_named_query;
pub mod batch_get_query_execution;
pub mod create_named_query;
pub mod delete_named_query;
pub mod get_data_catalog;
pub mod get_database;
pub mod get_named_query;
pub mod get_query_execution;
pub mod get_query_results;
pub mod get_table_metadata;
pub mod get_work_group;
pub mod list_data_catalogs;
pub mod list_databases;
pub mod list_named_queries;
pub mod list_query_executions;
pub mod list_table_metadata;
pub mod list_work_groups;
pub mod start_query_execution;
pub mod stop_query_execution;
pub mod update_work_group;
