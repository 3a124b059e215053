//! What happened to alarms: kept for 30 days, also of alarms that are gone. Source: CloudWatch API reference, DescribeAlarmHistory.

use base::{Region, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use state::{Expect, Op, State, Typed, key};

use super::{Alarm, VERSION, message};

const HISTORY: Typed<Item> = Typed::new("cloudwatch/history");
/// How long it is kept.
const KEPT_MS: i64 = 30 * base::time::DAY_MS;
/// Items removed at a time.
const REMOVED_MAX: usize = 1000;
/// The most characters of `HistoryData`. Source: the model.
const DATA_CHARS_MAX: usize = 4095;

/// Something that happened to an alarm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    v: u32,
    /// Tells it from others of the same moment.
    pub id: String,
    pub region: Region,
    pub alarm: String,
    pub is_composite: bool,
    pub time: Timestamp,
    /// `StateUpdate`, `ConfigurationUpdate`, `Action`.
    pub kind: String,
    pub summary: String,
    pub data: String,
}

impl Item {
    fn new(id: &str, alarm: &Alarm, time: Timestamp, kind: &str, summary: String, data: &Value) -> Item {
        let mut data = data.to_string();
        if data.chars().count() > DATA_CHARS_MAX {
            data = data.chars().take(DATA_CHARS_MAX).collect();
        }
        Item {
            v: VERSION,
            id: id.to_owned(),
            region: alarm.region,
            alarm: alarm.name.clone(),
            is_composite: alarm.is_composite(),
            time,
            kind: kind.to_owned(),
            summary: summary.chars().take(255).collect(),
            data,
        }
    }

    fn key(&self) -> Vec<u8> {
        key::key(&[self.region.as_str(), &at(self.time.ms()), &self.id])
    }

    /// Its place among others of its region.
    pub fn place(&self) -> String {
        format!("{} {}", at(self.time.ms()), self.id)
    }

    /// The operation that writes it.
    pub fn op(&self) -> Result<Op, state::Error> {
        HISTORY.put_op(&self.key(), self, Expect::Any)
    }
}

/// A time as a part of a key.
fn at(time_ms: i64) -> String {
    format!("{:016x}", time_ms.max(0))
}

/// The state of an alarm changed.
pub fn state_update(id: &str, alarm: &Alarm, old: &super::State, now: Timestamp) -> Item {
    let summary = format!("Alarm updated from {} to {}", old.value.as_str(), alarm.state.value.as_str());
    let data = json!({
        "version": "1.0",
        "oldState": message::state_json(old.value, &old.reason, old.reason_data.as_deref()),
        "newState": message::state_json(alarm.state.value, &alarm.state.reason, alarm.state.reason_data.as_deref()),
    });
    Item::new(id, alarm, now, "StateUpdate", summary, &data)
}

/// An alarm was made, changed or removed: `Create`, `Update`, `Delete`.
pub fn configuration(
    id: &str,
    alarm: &Alarm,
    kind: &str,
    shown: &Value,
    before: Option<&Value>,
    now: Timestamp,
) -> Item {
    let (word, member) = match kind {
        "Create" => ("created", "createdAlarm"),
        "Delete" => ("deleted", "deletedAlarm"),
        _ => ("updated", "updatedAlarm"),
    };
    let mut data = json!({"version": "1.0", "type": kind});
    data[member] = shown.clone();
    if let Some(before) = before {
        data["originalUpdatedFields"] = before.clone();
    }
    Item::new(id, alarm, now, "ConfigurationUpdate", format!("Alarm \"{}\" {word}", alarm.name), &data)
}

/// An action was carried out, or was not.
pub fn action(id: &str, done: &super::actions::Pending, error: Option<&str>, now: Timestamp) -> Item {
    let summary = match error {
        None => format!("Successfully executed action {}", done.action),
        Some(error) => format!("Failed to execute action {}. Received error: \"{error}\"", done.action),
    };
    let data = json!({
        "actionState": if error.is_none() { "Succeeded" } else { "Failed" },
        "stateUpdateTimestamp": done.state_time.ms(),
        "notificationResource": done.action,
        "publishedMessage": done.message,
        "error": error,
    });
    let mut item = Item {
        v: VERSION,
        id: id.to_owned(),
        region: done.region,
        alarm: done.alarm.clone(),
        is_composite: done.is_composite,
        time: now,
        kind: "Action".to_owned(),
        summary: summary.chars().take(255).collect(),
        data: data.to_string(),
    };
    if item.data.chars().count() > DATA_CHARS_MAX {
        item.data = item.data.chars().take(DATA_CHARS_MAX).collect();
    }
    item
}

/// Which items of a region are asked for.
pub struct Wanted<'a> {
    pub region: Region,
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    pub is_ascending: bool,
    /// The place of the last item of the page before.
    pub after: Option<&'a str>,
    pub max: usize,
}

/// A page of items, and whether there are more.
pub async fn page(
    state: &dyn State,
    wanted: &Wanted<'_>,
    is_wanted: impl Fn(&Item) -> bool,
) -> Result<(Vec<Item>, bool), state::Error> {
    let region = wanted.region.as_str();
    let place = |place: &str| match place.split_once(' ') {
        Some((time, id)) => key::key(&[region, time, id]),
        None => key::key(&[region, place]),
    };
    let mut range = state::Range::prefix(key::key(&[region]));
    if let Some(start_ms) = wanted.start_ms {
        range = range.from(key::key(&[region, &at(start_ms)]));
    }
    if let Some(end_ms) = wanted.end_ms {
        range = range.before(key::key(&[region, &at(end_ms)]));
    }
    match (wanted.after, wanted.is_ascending) {
        (Some(after), true) => range = range.after(place(after)),
        (Some(after), false) => range = range.before(place(after)),
        (None, _) => {}
    }
    if !wanted.is_ascending {
        range = range.reverse();
    }
    let mut items = Vec::new();
    state::scan_all::<state::Error>(state, HISTORY.table(), range, |row| {
        let item = HISTORY.read(row)?.value;
        if is_wanted(&item) {
            items.push(item);
        }
        Ok(items.len() <= wanted.max)
    })
    .await?;
    let more = items.len() > wanted.max;
    items.truncate(wanted.max);
    Ok((items, more))
}

/// Removes what is too old; whether there may be more.
pub async fn sweep(state: &dyn State, now_ms: i64) -> Result<bool, state::Error> {
    let mut more = false;
    for region in Region::all() {
        let range = state::Range::prefix(key::key(&[region.as_str()]));
        let range = range.before(key::key(&[region.as_str(), &at(now_ms - KEPT_MS)]));
        let old = HISTORY.scan(state, range, REMOVED_MAX).await?;
        more |= old.len() == REMOVED_MAX;
        if !old.is_empty() {
            state.commit(old.iter().map(|doc| HISTORY.delete_op(&doc.key, Expect::Any)).collect()).await?;
        }
    }
    Ok(more)
}
