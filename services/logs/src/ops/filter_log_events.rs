//! FilterLogEvents: events of a group, of all streams in the order of time, that match a pattern.

use std::collections::HashSet;

use pattern::{Event, FilterPattern};
use serde::{Deserialize, Serialize};

use super::events::{EVENTS_MAX, PAGE_BYTES_MAX, read_token, token_of};
use crate::error::invalid;
use crate::names::event_id;
use crate::rows::Stream;
use crate::scan::Query;

/// Bytes of texts that are looked through for a page, which is empty if nothing matched in them.
const READ_BYTES_MAX: u64 = 64 << 20;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
    #[serde(rename = "interleaved")]
    _interleaved: Option<bool>,
    #[serde(rename = "unmask")]
    _unmask: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    events: Vec<FilteredEvent>,
    searched_log_streams: Vec<Searched>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilteredEvent {
    log_stream_name: String,
    timestamp: i64,
    message: String,
    ingestion_time: i64,
    event_id: String,
}

/// See the model. None is listed any more. Source: CloudWatch Logs API reference, FilterLogEvents.
#[derive(Serialize)]
pub struct Searched {}

operation! {
    /// Searches the events of a group. They are always interleaved, as they are at AWS since 2019.
    FilterLogEvents on "log-group:{logGroupName|logGroupIdentifier}:log-stream:": Input => Output, |logs, call, input| {
        let group = logs.group(call, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        if input.log_stream_names.is_some() && input.log_stream_name_prefix.is_some() {
            return Err(invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters."));
        }
        let text = input.filter_pattern.unwrap_or_default();
        let pattern = FilterPattern::parse(&text).map_err(|error| invalid(error.for_filter()))?;
        let is_all = text.trim().is_empty();
        let streams = logs.store.see(|memory| match (&input.log_stream_names, &input.log_stream_name_prefix) {
            (Some(names), _) => {
                let ids: Result<HashSet<u64>, _> =
                    names.iter().map(|name| memory.stream(group.id, name).map(|stream| stream.id)).collect();
                ids.map(Some)
            }
            (None, Some(prefix)) => {
                let found = memory.of_group::<Stream>(group.id).filter(|stream| stream.name.starts_with(prefix.as_str()));
                Ok(Some(found.map(|stream| stream.id).collect()))
            }
            (None, None) => Ok(None),
        })?;
        let after = input.next_token.as_deref().map(read_token).transpose()?;
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(EVENTS_MAX).min(EVENTS_MAX);
        let query = Query {
            streams,
            from: input.start_time.unwrap_or(i64::MIN),
            // The end is included.
            to: input.end_time.map_or(i64::MAX, |end| end.saturating_add(1)),
            after,
            forward: true,
        };
        let mut scan = logs.scan(group, query);
        let (mut events, mut bytes, mut at) = (Vec::new(), 0, after);
        let has_more = loop {
            // What follows a full page is only looked for to know whether there is anything.
            let Some(found) = scan.next().await? else {
                break scan.is_cut;
            };
            let matches = is_all || pattern.matches(&Event::new(found.text()));
            if matches {
                bytes += found.event.text.len() + 26;
                if events.len() >= limit || (bytes > PAGE_BYTES_MAX && !events.is_empty()) {
                    break true;
                }
                events.push(FilteredEvent {
                    log_stream_name: found.stream.to_string(),
                    timestamp: found.place.ts,
                    message: found.text().to_owned(),
                    ingestion_time: found.event.ingested,
                    event_id: event_id(found.place),
                });
            }
            at = Some(found.place);
            if scan.read_bytes > READ_BYTES_MAX {
                break true;
            }
        };
        let next_token = at.filter(|_| has_more).map(token_of);
        Ok(Output { events, searched_log_streams: Vec::new(), next_token })
    }
}
