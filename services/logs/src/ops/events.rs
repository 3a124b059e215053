//! GetLogEvents: the events of one stream, a page at a time, either way; GetLogRecord: one event with its fields.

use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::error::{bad_token, invalid, missing};
use crate::live::Place;
use crate::names::{event_id, place_of};
use crate::scan::Query;

/// Events of a page. Source: CloudWatch Logs API reference, GetLogEvents.
pub const EVENTS_MAX: usize = 10_000;
/// Bytes of a page. Source: as above ("up to 10,000 log events, or 1 MB").
pub const PAGE_BYTES_MAX: usize = 1 << 20;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    start_time: Option<i64>,
    end_time: Option<i64>,
    next_token: Option<String>,
    limit: Option<i64>,
    start_from_head: Option<bool>,
    #[serde(rename = "unmask")]
    _unmask: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    events: Vec<OutputEvent>,
    next_forward_token: String,
    next_backward_token: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputEvent {
    timestamp: i64,
    message: String,
    ingestion_time: i64,
}

/// A token: which way it goes, and from where.
fn read(token: &str) -> Result<(bool, Place), ApiError> {
    let invalid_token = || invalid("The specified nextToken is invalid.");
    let (way, place) = token.split_once('/').ok_or_else(invalid_token)?;
    let place = place_of(place.strip_suffix("/s").unwrap_or(place))?;
    match way {
        "f" => Ok((true, place)),
        "b" => Ok((false, place)),
        _ => Err(invalid_token()),
    }
}

operation! {
    /// Shows the events of a stream.
    GetLogEvents on "log-group:{logGroupName|logGroupIdentifier}:log-stream:{logStreamName}": Input => Output, |logs, call, input| {
        let group = logs.group(call, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let stream = logs.store.see(|memory| memory.stream(group.id, &input.log_stream_name).cloned())?;
        let (forward, after) = match &input.next_token {
            Some(token) => read(token).map(|(forward, place)| (forward, Some(place)))?,
            None => (input.start_from_head == Some(true), None),
        };
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(EVENTS_MAX).min(EVENTS_MAX);
        let query = Query {
            streams: Some(HashSet::from([stream.id])),
            from: input.start_time.unwrap_or(i64::MIN),
            to: input.end_time.unwrap_or(i64::MAX),
            after,
            forward,
        };
        let mut scan = logs.scan(group, query);
        let (mut found, mut bytes) = (Vec::new(), 0);
        while found.len() < limit {
            let Some(event) = scan.next().await? else { break };
            bytes += event.event.text.len() + 26;
            if bytes > PAGE_BYTES_MAX && !found.is_empty() {
                break;
            }
            found.push(event);
        }
        if !forward {
            found.reverse();
        }
        // At an end the token is the one that led there.
        let nowhere = Place::before(input.start_time.unwrap_or(0).max(0));
        let first = found.first().map(|event| event.place).or(after).unwrap_or(nowhere);
        let last = found.last().map(|event| event.place).or(after).unwrap_or(nowhere);
        let shown = |event: &crate::scan::Found| OutputEvent {
            timestamp: event.place.ts,
            message: event.text().to_owned(),
            ingestion_time: event.event.ingested,
        };
        Ok(Output {
            events: found.iter().map(shown).collect(),
            next_forward_token: format!("f/{}/s", event_id(last)),
            next_backward_token: format!("b/{}/s", event_id(first)),
        })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordInput {
    log_record_pointer: String,
    #[serde(rename = "unmask")]
    _unmask: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordOutput {
    log_record: BTreeMap<String, String>,
}

/// What names one event of an account: `@ptr` of a query's rows.
pub fn pointer(group: u64, place: Place) -> String {
    STANDARD.encode(format!("{group:016x}{}", event_id(place)))
}

fn read_pointer(text: &str) -> Option<(u64, Place)> {
    let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (group, place) = (text.get(..16)?, text.get(16..)?);
    Some((u64::from_str_radix(group, 16).ok()?, place_of(place).ok()?))
}

/// The fields of a JSON event: names of members with dots between, and their values as text.
fn flatten(prefix: &str, value: &serde_json::Value, out: &mut BTreeMap<String, String>) {
    /// Source: CloudWatch Logs user guide, "Supported logs and discovered fields".
    const FIELDS_MAX: usize = 200;
    if out.len() >= FIELDS_MAX {
        return;
    }
    let name = |part: &str| if prefix.is_empty() { part.to_owned() } else { format!("{prefix}.{part}") };
    match value {
        serde_json::Value::Object(members) => members.iter().for_each(|(key, value)| flatten(&name(key), value, out)),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| flatten(&name(&at.to_string()), value, out));
        }
        serde_json::Value::String(text) => drop(out.insert(prefix.to_owned(), text.clone())),
        other => drop(out.insert(prefix.to_owned(), other.to_string())),
    }
}

/// The fields that are found in an event's text.
pub fn fields(text: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    if let Ok(value @ serde_json::Value::Object(_)) = serde_json::from_str::<serde_json::Value>(text) {
        flatten("", &value, &mut out);
    }
    out
}

operation! {
    /// Shows one event with its fields.
    GetLogRecord on "*": RecordInput => RecordOutput, |logs, call, input| {
        let pointer = input.log_record_pointer;
        let (group, place) = read_pointer(&pointer).ok_or_else(|| invalid("The specified logRecordPointer is invalid."))?;
        let none = || missing("The specified log record does not exist.");
        let group = logs.store.see(|memory| memory.group_by_id(group).filter(|group| group.region == call.region).cloned());
        let group = group.ok_or_else(none)?;
        let query = Query { streams: None, from: place.ts, to: place.ts.saturating_add(1), after: None, forward: true };
        let mut scan = logs.scan(std::sync::Arc::clone(&group), query);
        while let Some(found) = scan.next().await? {
            if found.place == place {
                let mut log_record = fields(found.text());
                log_record.insert("@message".to_owned(), found.text().to_owned());
                log_record.insert("@timestamp".to_owned(), place.ts.to_string());
                log_record.insert("@ingestionTime".to_owned(), found.event.ingested.to_string());
                log_record.insert("@logStream".to_owned(), found.stream.to_string());
                log_record.insert("@log".to_owned(), format!("{}:{}", logs.deps.account, group.name));
                log_record.insert("@ptr".to_owned(), pointer);
                return Ok(RecordOutput { log_record });
            }
        }
        Err(none())
    }
}

/// A token that leads on from a place, for FilterLogEvents.
pub fn token_of(place: Place) -> String {
    STANDARD.encode(event_id(place))
}

/// The place in such a token.
pub fn read_token(token: &str) -> Result<Place, ApiError> {
    let text = STANDARD.decode(token).ok().and_then(|text| String::from_utf8(text).ok());
    place_of(&text.ok_or_else(bad_token)?)
}
