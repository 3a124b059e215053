//! CloudWatch Logs' operations, by family: each is a few lines over what the modules around this folder do.

/// An operation on the resource of this template.
macro_rules! operation {
    ($(#[$doc:meta])* $name:ident on $resource:literal $(ignores $ignores:expr;)?: $input:ty => $output:ty, |$logs:ident, $call:ident, $in:pat_param| $body:block) => {
        $(#[$doc])*
        pub struct $name;

        impl service::Operation for $name {
            type Service = crate::Logs;
            type Input = $input;
            type Output = $output;
            const NAME: &'static str = stringify!($name);
            const RESOURCE: &'static str = $resource;
            $(const IGNORES: &'static [&'static str] = $ignores;)?

            async fn run($logs: &crate::Logs, $call: &service::Call, $in: $input) -> Result<$output, service::ApiError> $body
        }
    };
}

pub mod account_policies;
pub mod data_protection;
pub mod destinations;
pub mod events;
pub mod export_tasks;
pub mod field_indexes;
pub mod filter_log_events;
pub mod group_lists;
pub mod groups;
pub mod kms_keys;
pub mod log_group_fields;
pub mod metric_filters;
pub mod put_log_events;
pub mod query_definitions;
pub mod resource_policies;
pub mod start_live_tail;
pub mod streams;
pub mod subscription_filters;
pub mod tags;
pub mod transformers;

use serde::Serialize;
use service::ApiError;
use service::paging::Page;

use crate::error::{bad_token, invalid};
use crate::rows::Group;
use crate::store::Plan;

/// An answer without members.
#[derive(Serialize)]
pub struct Empty {}

/// One page of what is in the order of `key`; usually of fifty.
fn page<T>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &str,
    token: Option<&str>,
    limit: Option<i64>,
) -> Result<Page<T>, ApiError> {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(50);
    service::paging::page(items, key, token, limit).map_err(|_| bad_token())
}

/// A document that must be a JSON object.
fn json_object(text: &str, what: &str) -> Result<serde_json::Map<String, serde_json::Value>, ApiError> {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Object(object)) => Ok(object),
        _ => Err(invalid(format!("{what} is not a valid JSON document."))),
    }
}

impl crate::Logs {
    /// Changes a group that is there.
    async fn change_group<T>(
        &self,
        group: &Group,
        change: impl FnOnce(&mut Group) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.store
            .change(|memory, plan: &mut Plan| {
                let mut changed = (**memory.group(group.region, &group.name)?).clone();
                let before = changed.clone();
                let answer = change(&mut changed)?;
                if changed != before {
                    plan.put(changed)?;
                }
                Ok(answer)
            })
            .await
    }
}
