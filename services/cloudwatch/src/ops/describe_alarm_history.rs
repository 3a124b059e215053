//! DescribeAlarmHistory: what happened to alarms.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::alarms::history::{Item, Wanted, page};
use crate::error::storage;

/// Items of a page. Source: CloudWatch API reference, DescribeAlarmHistory.
const PAGE: usize = 100;

/// See the model. No alarm has contributors.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    alarm_name: Option<String>,
    alarm_contributor_id: Option<String>,
    alarm_types: Option<Vec<String>>,
    history_item_type: Option<String>,
    start_date: Option<Timestamp>,
    end_date: Option<Timestamp>,
    max_records: Option<i64>,
    next_token: Option<String>,
    scan_by: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    alarm_history_items: Vec<Shown>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    alarm_name: String,
    alarm_type: &'static str,
    timestamp: Timestamp,
    history_item_type: String,
    history_summary: String,
    history_data: String,
}

operation! {
    /// What happened to alarms.
    DescribeAlarmHistory on "alarm:*": Input => Output, |cloudwatch, call, input| {
        let after = input.next_token.as_deref().map(service::paging::read_token).transpose().map_err(|_| Error::InvalidNextToken)?;
        let types = input.alarm_types.filter(|types| !types.is_empty());
        let is_wanted = |item: &Item| {
            let kind = if item.is_composite { "CompositeAlarm" } else { "MetricAlarm" };
            // Without a type only metric alarms are shown, unless an alarm is named. Source: DescribeAlarmHistory (AlarmTypes).
            let is_type = match &types {
                Some(types) => types.iter().any(|name| name == kind),
                None => !item.is_composite || input.alarm_name.is_some(),
            };
            is_type
                && input.alarm_contributor_id.is_none()
                && input.alarm_name.as_ref().is_none_or(|name| *name == item.alarm)
                && input.history_item_type.as_ref().is_none_or(|kind| *kind == item.kind)
        };
        let wanted = Wanted {
            region: call.region,
            start_ms: input.start_date.map(Timestamp::ms),
            end_ms: input.end_date.map(Timestamp::ms),
            is_ascending: input.scan_by.as_deref() == Some("TimestampAscending"),
            after: after.as_deref(),
            max: super::limit(input.max_records, PAGE).min(PAGE),
        };
        let (items, more) = page(&*cloudwatch.deps.state, &wanted, is_wanted).await.map_err(storage)?;
        let next_token = items.last().filter(|_| more).map(|item| service::paging::token_of(&item.place()));
        let shown = |item: Item| Shown {
            alarm_name: item.alarm,
            alarm_type: if item.is_composite { "CompositeAlarm" } else { "MetricAlarm" },
            timestamp: item.time,
            history_item_type: item.kind,
            history_summary: item.summary,
            history_data: item.data,
        };
        Ok(Output { alarm_history_items: items.into_iter().map(shown).collect(), next_token })
    }
}
