//! PutLogEvents: keeps a batch of events of one stream. They are durable and to be seen when it answers. Source: CloudWatch Logs API
//! reference, PutLogEvents (rules of a batch).

use base::time::{DAY_MS, HOUR_MS};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::ApiError;

use super::streams::sequence_token;
use crate::error::invalid;
use crate::live::EVENT_OVERHEAD_BYTES;
use crate::rows::Group;

/// Of a batch, each event counted with 26 bytes more.
pub const BATCH_BYTES_MAX: u64 = 1_048_576;
/// Events of a batch.
pub const BATCH_EVENTS_MAX: usize = 10_000;
/// Of one event's text. Source: CloudWatch Logs user guide, "CloudWatch Logs quotas" (1 MB since 2025).
pub const EVENT_BYTES_MAX: usize = 1_048_576 - 26;
/// How far the times of a batch may be apart.
const SPAN_MS: i64 = DAY_MS;
/// Events older than this are refused.
const OLD_MS: i64 = 14 * DAY_MS;
/// Events later than this from now are refused.
const NEW_MS: i64 = 2 * HOUR_MS;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<InputEvent>,
    #[serde(rename = "sequenceToken")]
    _sequence_token: Option<String>,
}

/// See the model.
#[derive(Deserialize)]
pub struct InputEvent {
    timestamp: i64,
    message: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    next_sequence_token: Option<String>,
    rejected_log_events_info: Option<Rejected>,
}

/// Which events were not kept: indexes into the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    too_new_log_event_start_index: Option<usize>,
    too_old_log_event_end_index: Option<usize>,
    expired_log_event_end_index: Option<usize>,
}

/// Refuses a batch as a whole.
fn check(events: &[InputEvent]) -> Result<(), ApiError> {
    let mut bytes = 0;
    for event in events {
        let len = event.message.len();
        if len > EVENT_BYTES_MAX {
            return Err(invalid(format!("Log event too large: {} bytes exceeds limit of {BATCH_BYTES_MAX}", len + 26)));
        }
        bytes += len as u64 + EVENT_OVERHEAD_BYTES;
    }
    if bytes > BATCH_BYTES_MAX {
        return Err(invalid(format!("Upload too large: {bytes} bytes exceeds limit of {BATCH_BYTES_MAX}")));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let span =
        events.last().zip(events.first()).map_or(0, |(last, first)| last.timestamp.saturating_sub(first.timestamp));
    if span > SPAN_MS {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Ok(())
}

/// Which events of a batch are kept, and what is said of the others.
fn kept(events: &[InputEvent], group: &Group, now_ms: i64) -> (std::ops::Range<usize>, Option<Rejected>) {
    let before = |ts: i64| events.partition_point(|event| event.timestamp < ts);
    let (old, expired) = (before(now_ms - OLD_MS), before(group.horizon(now_ms)));
    let new = before(now_ms + NEW_MS + 1);
    let some = |index: usize| (index > 0).then_some(index);
    let rejected = Rejected {
        too_new_log_event_start_index: (new < events.len()).then_some(new),
        too_old_log_event_end_index: some(old),
        expired_log_event_end_index: some(expired).filter(|expired| *expired > old),
    };
    let start = old.max(expired);
    (start..new.max(start), Some(rejected).filter(|rejected| *rejected != Rejected::default()))
}

operation! {
    /// Keeps events. Entities, which only AWS's own pages show, are not kept.
    PutLogEvents on "log-group:{logGroupName}:log-stream:{logStreamName}" ignores &["entity"];: Input => Output, |logs, call, input| {
        let events = input.log_events;
        let (group, stream) = logs.store.see(|memory| {
            let group = memory.group(call.region, &input.log_group_name)?.clone();
            let stream = memory.stream(group.id, &input.log_stream_name)?.clone();
            Ok::<_, ApiError>((group, stream))
        })?;
        check(&events)?;
        let (range, rejected) = kept(&events, &group, logs.deps.env.clock.now().ms());
        let mut events: Vec<(i64, Bytes)> =
            events.into_iter().map(|event| (event.timestamp, Bytes::from(event.message))).collect();
        events.truncate(range.end);
        events.drain(..range.start);
        if events.is_empty() {
            let next_sequence_token = Some(sequence_token(logs.live().stats(stream.id).seq));
            return Ok(Output { next_sequence_token, rejected_log_events_info: rejected });
        }
        let seq = logs.append(&group, &stream, None, &events).await?;
        logs.seen(seq).await;
        Ok(Output { next_sequence_token: Some(sequence_token(seq)), rejected_log_events_info: rejected })
    }
}
