//! CloudWatch's operations, by family where they are tiny.

/// An operation that acts on a resource.
macro_rules! operation {
    // One that asks by itself, about each of the things that it acts on.
    ($(#[$doc:meta])* $name:ident asks: $input:ty => $output:ty, |$service:ident, $call:ident, $in:pat_param| $body:block) => {
        $(#[$doc])*
        pub struct $name;

        impl service::Operation for $name {
            type Service = crate::CloudWatch;
            type Input = $input;
            type Output = $output;
            const NAME: &'static str = stringify!($name);
            const RESOURCE: &'static str = "alarm:*";
            const ASKS_ITSELF: bool = true;

            async fn run($service: &crate::CloudWatch, $call: &service::Call, $in: $input) -> Result<$output, service::ApiError> $body
        }
    };
    ($(#[$doc:meta])* $name:ident on $resource:literal $(ignores [$($ignored:literal),*])?: $input:ty => $output:ty, |$service:ident, $call:ident, $in:pat_param| $body:block) => {
        $(#[$doc])*
        pub struct $name;

        impl service::Operation for $name {
            type Service = crate::CloudWatch;
            type Input = $input;
            type Output = $output;
            const NAME: &'static str = stringify!($name);
            const RESOURCE: &'static str = $resource;
            $(const IGNORES: &'static [&'static str] = &[$($ignored),*];)?

            async fn run($service: &crate::CloudWatch, $call: &service::Call, $in: $input) -> Result<$output, service::ApiError> $body
        }
    };
}

pub mod alarm_actions;
pub mod anomaly;
pub mod dashboards;
pub mod delete_alarms;
pub mod describe_alarm_history;
pub mod describe_alarms;
pub mod get_metric_data;
pub mod get_metric_statistics;
pub mod get_metric_widget_image;
pub mod insight_rules;
pub mod list_metrics;
pub mod metric_streams;
pub mod mute_rules;
mod put_alarm;
pub mod put_composite_alarm;
pub mod put_metric_alarm;
pub mod put_metric_data;
pub mod set_alarm_state;
pub mod tags;

pub(crate) use put_alarm::arn as alarm_arn;
use service::paging::Page;

use crate::Error;

/// An empty input.
#[derive(serde::Deserialize)]
pub struct Nothing {}

/// One page of what is in the order of `key`.
fn page<T>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> &str,
    token: Option<&str>,
    max: usize,
) -> Result<Page<T>, Error> {
    service::paging::page(items, key, token, max).map_err(|_| Error::InvalidNextToken)
}

/// A number of records as given, or the usual one.
fn limit(given: Option<i64>, usual: usize) -> usize {
    given.and_then(|given| usize::try_from(given).ok()).filter(|given| *given > 0).unwrap_or(usual)
}
