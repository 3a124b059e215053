//! CreateLogStream, DeleteLogStream, DescribeLogStreams.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Empty;
use crate::error::{Error, bad_token, invalid, too_many};
use crate::rows::{Stats, Stream, VERSION};

/// Streams of an account: AWS has no such limit, but each takes some memory here.
const STREAMS_MAX: usize = 1_000_000;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamInput {
    log_group_name: String,
    log_stream_name: String,
}

operation! {
    /// Makes a log stream.
    CreateLogStream on "log-group:{logGroupName}:log-stream:{logStreamName}": StreamInput => Empty, |logs, call, input| {
        let (id, created) = (logs.new_id(), call.time.ms());
        logs.store
            .change(|memory, plan| {
                let group = memory.group(call.region, &input.log_group_name)?;
                if memory.stream(group.id, &input.log_stream_name).is_ok() {
                    return Err(Error::ResourceAlreadyExistsException("The specified log stream already exists".to_owned()).into());
                }
                if memory.stream_count() >= STREAMS_MAX {
                    return Err(too_many("Resource limit exceeded."));
                }
                plan.put(Stream { v: VERSION, id, group: group.id, name: input.log_stream_name, created, stats: Stats::default() })
            })
            .await?;
        Ok(Empty {})
    }
}

operation! {
    /// Deletes a log stream with its events.
    DeleteLogStream on "log-group:{logGroupName}:log-stream:{logStreamName}": StreamInput => Empty, |logs, call, input| {
        let id = logs.store
            .change(|memory, plan| {
                let group = memory.group(call.region, &input.log_group_name)?;
                if group.is_protected {
                    let text = "The log stream cannot be deleted because deletion protection is enabled on its log group.";
                    return Err(Error::ValidationException(text.to_owned()).into());
                }
                let stream = memory.stream(group.id, &input.log_stream_name)?;
                plan.remove::<Stream>(stream);
                Ok(stream.id)
            })
            .await?;
        let mut live = logs.live_mut();
        live.streams.remove(&id);
        live.changed.remove(&id);
        Ok(Empty {})
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInput {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    descending: Option<bool>,
    next_token: Option<String>,
    limit: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOutput {
    log_streams: Vec<Described>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    log_stream_name: String,
    creation_time: i64,
    first_event_timestamp: Option<i64>,
    last_event_timestamp: Option<i64>,
    last_ingestion_time: Option<i64>,
    upload_sequence_token: Option<String>,
    arn: String,
    stored_bytes: i64,
}

/// What AWS still gives as the token of the next batch, which nobody has to send.
pub fn sequence_token(seq: u64) -> String {
    format!("49{seq:054}")
}

operation! {
    /// Shows the streams of a group.
    DescribeLogStreams on "log-group:{logGroupName|logGroupIdentifier}:log-stream:": DescribeInput => DescribeOutput, |logs, call, input| {
        let group = logs.group(call, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let by_time = input.order_by.as_deref() == Some("LastEventTime");
        if by_time && input.log_stream_name_prefix.is_some() {
            return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        let prefix = input.log_stream_name_prefix.unwrap_or_default();
        let streams: Vec<Arc<Stream>> = logs.store.see(|memory| {
            memory.of_group::<Stream>(group.id).filter(|stream| stream.name.starts_with(&prefix)).cloned().collect()
        });
        let mut streams: Vec<(Arc<Stream>, Stats)> = {
            let live = logs.live();
            streams.into_iter().map(|stream| { let stats = live.stats(stream.id); (stream, stats) }).collect()
        };
        // Names decide between those of one time.
        let time = |stats: &Stats| if by_time { stats.last.unwrap_or(0) } else { 0 };
        streams.sort_by(|(a, of_a), (b, of_b)| time(of_a).cmp(&time(of_b)).then_with(|| a.name.cmp(&b.name)));
        let is_descending = input.descending == Some(true);
        if is_descending {
            streams.reverse();
        }
        let after = match &input.next_token {
            None => None,
            Some(token) => {
                let text = service::paging::read_token(token).map_err(|_| bad_token())?;
                let (time, name) = text.split_once(' ').ok_or_else(bad_token)?;
                Some((time.parse::<i64>().map_err(|_| bad_token())?, name.to_owned()))
            }
        };
        let is_after = |stream: &Stream, stats: &Stats| after.as_ref().is_none_or(|(at, name)| {
            let order = time(stats).cmp(at).then_with(|| stream.name.cmp(name));
            if is_descending { order.is_lt() } else { order.is_gt() }
        });
        let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(50);
        let mut rest: Vec<_> = streams.into_iter().filter(|(stream, stats)| is_after(stream, stats)).take(limit + 1).collect();
        let has_more = rest.len() > limit;
        rest.truncate(limit);
        let last = rest.last().filter(|_| has_more);
        let next_token = last.map(|(stream, stats)| service::paging::token_of(&format!("{} {}", time(stats), stream.name)));
        let arn = group.arn(&logs.deps.account);
        let described = |(stream, stats): (Arc<Stream>, Stats)| Described {
            arn: format!("{arn}:log-stream:{}", stream.name),
            log_stream_name: stream.name.clone(),
            creation_time: stream.created,
            first_event_timestamp: stats.first,
            last_event_timestamp: stats.last,
            last_ingestion_time: stats.ingested,
            upload_sequence_token: stats.last.map(|_| sequence_token(stats.seq)),
            // Source: CloudWatch Logs API reference, LogStream: always zero since 2019.
            stored_bytes: 0,
        };
        Ok(DescribeOutput { log_streams: rest.into_iter().map(described).collect(), next_token })
    }
}
