//! PutAlarmMuteRule, GetAlarmMuteRule, ListAlarmMuteRules, DeleteAlarmMuteRule: kept as put. Alarms are not muted by them.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::Call;

use super::put_alarm::{Tag, tags};
use crate::Error;
use crate::error::storage;
use crate::recorded::{self, Recorded};

const KIND: &str = "alarm-mute-rule";

fn arn(call: &Call, name: &str) -> String {
    format!("arn:{}:cloudwatch:{}:{}:alarm-mute-rule:{name}", call.region.partition(), call.region, call.account)
}

/// See the model.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rule {
    schedule: Schedule,
}

/// See the model.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Schedule {
    expression: String,
    duration: String,
    timezone: Option<String>,
}

/// See the model.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Targets {
    alarm_names: Vec<String>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutInput {
    name: String,
    description: Option<String>,
    rule: Rule,
    mute_targets: Option<Targets>,
    tags: Option<Vec<Tag>>,
    start_date: Option<Timestamp>,
    expire_date: Option<Timestamp>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NameInput {
    alarm_mute_rule_name: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    name: String,
    alarm_mute_rule_arn: String,
    description: Option<String>,
    rule: Option<Rule>,
    mute_targets: Option<Targets>,
    start_date: Option<Timestamp>,
    expire_date: Option<Timestamp>,
    status: &'static str,
    last_updated_timestamp: Timestamp,
}

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    description: Option<String>,
    rule: Option<Rule>,
    targets: Option<Targets>,
    start: Option<Timestamp>,
    expire: Option<Timestamp>,
}

fn kept(one: &Recorded) -> Kept {
    let nothing = Kept { description: None, rule: None, targets: None, start: None, expire: None };
    serde_json::from_value(one.document.clone()).unwrap_or(nothing)
}

fn status(kept: &Kept, now: Timestamp) -> &'static str {
    if kept.expire.is_some_and(|expire| expire <= now) { "EXPIRED" } else { "SCHEDULED" }
}

operation! {
    /// Keeps a mute rule.
    PutAlarmMuteRule on "alarm-mute-rule:{Name}": PutInput => (), |cloudwatch, call, input| {
        let state = &*cloudwatch.deps.state;
        let given = tags(input.tags)?;
        let known = recorded::get(state, call.region, KIND, &input.name).await.map_err(storage)?;
        if known.is_none() && recorded::all(state, call.region, KIND).await.map_err(storage)?.len() >= recorded::OF_A_KIND_MAX {
            return Err(Error::LimitExceededFault("The quota of alarm mute rules is reached.".to_owned()).into());
        }
        let document = json!(Kept {
            description: input.description,
            rule: Some(input.rule),
            targets: input.mute_targets,
            start: input.start_date,
            expire: input.expire_date,
        });
        let tags = known.map_or(given, |known| known.tags);
        let one = Recorded::new(&input.name, "SCHEDULED", document, tags, call.time);
        recorded::put(state, call.region, KIND, &one).await.map_err(storage)
    }
}

operation! {
    /// A mute rule.
    GetAlarmMuteRule on "alarm-mute-rule:{AlarmMuteRuleName}": NameInput => GetOutput, |cloudwatch, call, input| {
        let name = input.alarm_mute_rule_name;
        let known = recorded::get(&*cloudwatch.deps.state, call.region, KIND, &name).await.map_err(storage)?;
        let known = known.ok_or_else(|| Error::ResourceNotFoundException(format!("Alarm mute rule {name} does not exist")))?;
        let kept = kept(&known);
        Ok(GetOutput {
            alarm_mute_rule_arn: arn(call, &name),
            name,
            status: status(&kept, call.time),
            description: kept.description,
            rule: kept.rule,
            mute_targets: kept.targets,
            start_date: kept.start,
            expire_date: kept.expire,
            last_updated_timestamp: known.updated,
        })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    alarm_name: Option<String>,
    statuses: Option<Vec<String>>,
    max_records: Option<i64>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    alarm_mute_rule_summaries: Vec<Summary>,
    next_token: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Summary {
    alarm_mute_rule_arn: String,
    expire_date: Option<Timestamp>,
    status: &'static str,
    last_updated_timestamp: Timestamp,
}

operation! {
    /// Lists mute rules.
    ListAlarmMuteRules on "*": ListInput => ListOutput, |cloudwatch, call, input| {
        let all = recorded::all(&*cloudwatch.deps.state, call.region, KIND).await.map_err(storage)?;
        let is_wanted = |one: &Recorded| {
            let kept = kept(one);
            let is_target = |name: &String| kept.targets.as_ref().is_some_and(|targets| targets.alarm_names.contains(name));
            input.alarm_name.as_ref().is_none_or(is_target)
                && input.statuses.as_ref().is_none_or(|all| all.iter().any(|one| one == status(&kept, call.time)))
        };
        let found = all.into_iter().filter(is_wanted);
        let page = super::page(found, |one| &one.name, input.next_token.as_deref(), super::limit(input.max_records, 100))?;
        let summary = |one: Recorded| {
            let kept = kept(&one);
            Summary {
                alarm_mute_rule_arn: arn(call, &one.name),
                expire_date: kept.expire,
                status: status(&kept, call.time),
                last_updated_timestamp: one.updated,
            }
        };
        Ok(ListOutput { alarm_mute_rule_summaries: page.items.into_iter().map(summary).collect(), next_token: page.next_token })
    }
}

operation! {
    /// Removes a mute rule, which may be absent.
    DeleteAlarmMuteRule on "alarm-mute-rule:{AlarmMuteRuleName}": NameInput => (), |cloudwatch, call, input| {
        recorded::delete(&*cloudwatch.deps.state, call.region, KIND, &input.alarm_mute_rule_name).await.map_err(storage)
    }
}
