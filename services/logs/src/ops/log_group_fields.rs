//! GetLogGroupFields: which fields the events of a group have, and how many of them.

use std::collections::BTreeMap;

use base::time::MINUTE_MS;
use serde::{Deserialize, Serialize};

use super::events::fields;
use crate::scan::Query;

/// Events that are looked at.
const EVENTS_MAX: usize = 1_000;
/// Fields that are shown. Source: CloudWatch Logs user guide, "Supported logs and discovered fields".
const FIELDS_MAX: usize = 200;
/// How far back is looked, and how far around a time. Source: CloudWatch Logs API reference, GetLogGroupFields.
const BACK_MS: i64 = 15 * MINUTE_MS;
/// See [`BACK_MS`].
const AROUND_MS: i64 = 8 * MINUTE_MS;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    log_group_name: Option<String>,
    time: Option<i64>,
    log_group_identifier: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    log_group_fields: Vec<Field>,
}

/// See the model.
#[derive(Serialize)]
pub struct Field {
    name: String,
    percent: usize,
}

operation! {
    /// Shows the fields of a group's events.
    GetLogGroupFields on "log-group:{logGroupName|logGroupIdentifier}:log-stream:": Input => Output, |logs, call, input| {
        let group = logs.group(call, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        let now = call.time.ms();
        let (from, to) = match input.time.map(|secs| secs.saturating_mul(1_000)) {
            Some(time) => (time.saturating_sub(AROUND_MS), time.saturating_add(AROUND_MS)),
            None => (now - BACK_MS, now + 1),
        };
        let mut scan = logs.scan(group, Query { streams: None, from, to, after: None, forward: false });
        let (mut counts, mut events) = (BTreeMap::<String, usize>::new(), 0);
        while events < EVENTS_MAX {
            let Some(found) = scan.next().await? else { break };
            events += 1;
            let system = ["@ingestionTime", "@log", "@logStream", "@message", "@timestamp"];
            for name in system.into_iter().map(str::to_owned).chain(fields(found.text()).into_keys()) {
                *counts.entry(name).or_default() += 1;
            }
        }
        let mut found: Vec<Field> =
            counts.into_iter().map(|(name, count)| Field { name, percent: count * 100 / events.max(1) }).collect();
        found.sort_by(|a, b| b.percent.cmp(&a.percent).then_with(|| a.name.cmp(&b.name)));
        found.truncate(FIELDS_MAX);
        Ok(Output { log_group_fields: found })
    }
}
