//! StartLiveTail: events as they come, for as long as the client listens.

use std::collections::HashMap;
use std::sync::Arc;

use pattern::FilterPattern;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::Body;
use wire::event_stream::CONTENT_TYPE;

use crate::error::{Error, invalid, too_many};
use crate::live_tail::{Session, answer};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    log_group_identifiers: Vec<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefixes: Option<Vec<String>>,
    log_event_filter_pattern: Option<String>,
}

/// The answer is the stream.
#[derive(Serialize)]
pub struct Output {}

operation! {
    /// Begins a session.
    StartLiveTail on "*": Input => Output, |logs, call, input| {
        let names = input.log_stream_names.unwrap_or_default();
        let prefixes = input.log_stream_name_prefixes.unwrap_or_default();
        if !names.is_empty() && !prefixes.is_empty() {
            return Err(invalid("logStreamNames and logStreamNamePrefixes are mutually exclusive parameters."));
        }
        if (!names.is_empty() || !prefixes.is_empty()) && input.log_group_identifiers.len() > 1 {
            return Err(invalid("Log streams can only be specified with a single log group identifier."));
        }
        let text = input.log_event_filter_pattern.filter(|text| !text.is_empty());
        let pattern = text.as_deref().map(FilterPattern::parse).transpose();
        let pattern = pattern.map_err(|error| invalid(error.for_filter()))?;
        let mut groups = HashMap::new();
        for identifier in &input.log_group_identifiers {
            if !identifier.starts_with("arn:") {
                return Err(invalid("logGroupIdentifiers must be ARNs of log groups."));
            }
            let group = logs.group(call, None, Some(identifier))?;
            if group.class != "STANDARD" {
                let text = format!("Live Tail is not supported for log groups of the class {}.", group.class);
                return Err(Error::InvalidOperationException(text).into());
            }
            // As AWS shows it: account and name.
            groups.insert(group.id, format!("{}:{}", logs.deps.account, group.name));
        }
        let start = json!({
            "requestId": call.request_id,
            "sessionId": base::ids::uuid(&*logs.deps.env.rng),
            "logGroupIdentifiers": input.log_group_identifiers,
            "logStreamNames": names,
            "logStreamNamePrefixes": prefixes,
            "logEventFilterPattern": text.unwrap_or_default(),
        });
        let session = Arc::new(Session::new(groups, names, prefixes, pattern));
        if !logs.tails.add(&session) {
            return Err(too_many("The limit of concurrent Live Tail sessions is reached."));
        }
        call.reply_header("content-type", CONTENT_TYPE);
        call.stream_reply(Body::new(answer(session, logs.deps.env.clone(), start), None));
        Ok(Output {})
    }
}
