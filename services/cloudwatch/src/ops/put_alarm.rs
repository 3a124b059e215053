//! What PutMetricAlarm and PutCompositeAlarm have in common.

use base::{Region, Timestamp};
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use super::describe_alarms::shown_json;
use crate::alarms::store::{Changes, Compiled, first_state};
use crate::alarms::{Alarm, VERSION, Watches, history};
use crate::error::storage;
use crate::{CloudWatch, Error};

/// Alarms of a region.
const ALARMS_MAX: usize = 20_000;
/// Tags of a resource. Source: CloudWatch API reference, PutMetricAlarm.
pub const TAGS_MAX: usize = 50;

/// See the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// Tags as they are kept; each key once.
pub fn tags(given: Option<Vec<Tag>>) -> Result<Vec<(String, String)>, Error> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for Tag { key, value } in given.unwrap_or_default() {
        if key.starts_with("aws:") {
            return Err(Error::value("Tag keys must not begin with aws:."));
        }
        tags.retain(|(known, _)| *known != key);
        tags.push((key, value));
    }
    if tags.len() > TAGS_MAX {
        return Err(Error::value(format!("A resource has at most {TAGS_MAX} tags.")));
    }
    Ok(tags)
}

/// What both kinds have.
pub struct Common {
    pub name: String,
    pub description: Option<String>,
    pub actions_enabled: Option<bool>,
    pub ok_actions: Vec<String>,
    pub alarm_actions: Vec<String>,
    pub insufficient_data_actions: Vec<String>,
    pub tags: Option<Vec<Tag>>,
}

/// The ARN of an alarm.
pub fn arn(region: Region, account: &str, name: &str) -> String {
    format!("arn:{}:cloudwatch:{region}:{account}:alarm:{name}", region.partition())
}

/// Services whose ARNs are actions of alarms. Source: CloudWatch API reference, PutMetricAlarm (AlarmActions).
const SERVICES: [&str; 9] = ["sns", "lambda", "automate", "autoscaling", "swf", "ssm", "ssm-incidents", "aiops", "ec2"];

fn check_action(region: Region, action: &str, is_composite: bool) -> Result<(), Error> {
    let bad = || Error::validation(format!("Invalid arn syntax: {action}"));
    let arn = base::Arn::parse(action).ok_or_else(bad)?;
    if !SERVICES.contains(&arn.service.as_str()) {
        return Err(bad());
    }
    if is_composite && !["sns", "lambda", "ssm", "ssm-incidents", "aiops"].contains(&arn.service.as_str()) {
        return Err(Error::validation(format!("Composite alarms do not support actions of {}: {action}", arn.service)));
    }
    if !arn.region.is_empty() && arn.region != region.as_str() {
        return Err(Error::validation(format!("Invalid region {} specified. Only {region} is supported.", arn.region)));
    }
    Ok(())
}

/// Puts an alarm: makes it, or replaces what it was and leaves its state. Source: PutMetricAlarm.
pub async fn put(cloudwatch: &CloudWatch, call: &Call, common: Common, watches: Watches) -> Result<(), ApiError> {
    let is_composite = matches!(watches, Watches::Composite(_));
    let all = [&common.ok_actions, &common.alarm_actions, &common.insufficient_data_actions];
    for action in all.into_iter().flatten() {
        check_action(call.region, action, is_composite)?;
    }
    let tags = tags(common.tags)?;
    let _turn = cloudwatch.alarms.lock().await;
    let now = cloudwatch.deps.env.clock.now();
    let known = cloudwatch.alarms.see(|memory| memory.alarm(call.region, &common.name).cloned());
    if let Some(known) = &known
        && known.is_composite() != is_composite
    {
        let (has, wants) = (known.type_name(), if is_composite { "CompositeAlarm" } else { "MetricAlarm" });
        let text = format!("The alarm {} already exists as a {has} and cannot be put as a {wants}.", common.name);
        return Err(Error::validation(text).into());
    }
    if known.is_none() && cloudwatch.alarms.see(|memory| memory.alarms(call.region).count()) >= ALARMS_MAX {
        let text = format!("The quota of {ALARMS_MAX} alarms of the region is reached.");
        return Err(Error::LimitExceededFault(text).into());
    }
    let mut state = known.as_ref().map_or_else(|| first_state(now), |known| known.state.clone());
    // What was decided of other periods says nothing of these.
    state.decided_until_ms = 0;
    state.suppressed = None;
    let alarm = Alarm {
        v: VERSION,
        region: call.region,
        arn: arn(call.region, &cloudwatch.deps.account, &common.name),
        name: common.name,
        description: common.description,
        actions_enabled: common.actions_enabled.unwrap_or(true),
        ok_actions: common.ok_actions,
        alarm_actions: common.alarm_actions,
        insufficient_data_actions: common.insufficient_data_actions,
        configured: later(now, known.as_ref().map(|known| known.configured)),
        // Tags of an alarm that is there are changed by TagResource alone. Source: PutMetricAlarm (Tags).
        tags: known.as_ref().map_or(tags, |known| known.tags.clone()),
        state,
        watches,
    };
    let compiled = Compiled::of(&alarm);
    let id = base::ids::uuid(&*cloudwatch.deps.env.rng);
    let kind = if known.is_some() { "Update" } else { "Create" };
    let before = known.as_deref().map(shown_json);
    let name = (alarm.region, alarm.name.clone());
    let mut changes = Changes::default();
    changes.history.push(history::configuration(&id, &alarm, kind, &shown_json(&alarm), before.as_ref(), now));
    changes.alarms.insert(name.clone(), alarm);
    if is_composite {
        let why = if known.is_some() { "updated" } else { "created" };
        cloudwatch.evaluate_rule(&mut changes, &name, &compiled, None, Some(why), now);
    }
    cloudwatch.commit(changes, now).await.map_err(storage)?;
    // What has come in this minute counts now.
    cloudwatch.evaluate_arriving(&[name]).await.map_err(storage)
}

/// Now, or a moment after what was put in the same millisecond: what evaluates an alarm is known by this time.
fn later(now: Timestamp, known: Option<Timestamp>) -> Timestamp {
    known.filter(|known| *known >= now).map_or(now, |known| known.plus_ms(1))
}
