//! PutCompositeAlarm: an alarm over other alarms.

use serde::Deserialize;

use super::put_alarm::{Common, Tag, put};
use crate::alarms::rule::Rule;
use crate::alarms::store::Name;
use crate::alarms::{CompositeAlarm, Watches};
use crate::{CloudWatch, Error};

/// Composite alarms over one alarm at most. Source: CloudWatch user guide, "CloudWatch quotas".
const PARENTS_MAX: usize = 150;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    actions_enabled: Option<bool>,
    alarm_actions: Option<Vec<String>>,
    alarm_description: Option<String>,
    alarm_name: String,
    alarm_rule: String,
    insufficient_data_actions: Option<Vec<String>>,
    #[serde(rename = "OKActions")]
    ok_actions: Option<Vec<String>>,
    tags: Option<Vec<Tag>>,
    actions_suppressor: Option<String>,
    actions_suppressor_wait_period: Option<i64>,
    actions_suppressor_extension_period: Option<i64>,
}

operation! {
    /// Makes an alarm over other alarms, or replaces one.
    PutCompositeAlarm on "alarm:{AlarmName}": Input => (), |cloudwatch, call, input| {
        let rule = Rule::parse(&input.alarm_rule)
            .map_err(|why| Error::validation(format!("Error in AlarmRule: {why}.")))?;
        let own: Name = (call.region, input.alarm_name.clone());
        let mut missing = Vec::new();
        let all = rule.alarms().into_iter().chain(input.actions_suppressor.as_deref());
        for text in all {
            let name = cloudwatch.alarm_name(call.region, text).filter(|(region, _)| *region == call.region);
            let found = name.filter(|name| cloudwatch.alarms.see(|memory| memory.alarm(name.0, &name.1).is_some()));
            match found {
                Some(name) if name == own => {
                    return Err(Error::validation(format!("The composite alarm {} cannot refer to itself.", own.1)).into());
                }
                Some(name) => {
                    let parents = parents(cloudwatch, &name).into_iter().filter(|parent| *parent != own.1).count();
                    if parents >= PARENTS_MAX {
                        let text = format!("The alarm {} is in the rules of {PARENTS_MAX} composite alarms already.", name.1);
                        return Err(Error::LimitExceededFault(text).into());
                    }
                }
                None => missing.push(text.to_owned()),
            }
        }
        if !missing.is_empty() {
            let text = format!("Could not save the composite alarm as alarms [{}] in the alarm rule do not exist", missing.join(", "));
            return Err(Error::validation(text).into());
        }
        let periods = [input.actions_suppressor_wait_period, input.actions_suppressor_extension_period];
        match (&input.actions_suppressor, periods) {
            (Some(_), [Some(wait), Some(extension)]) if wait >= 0 && extension >= 0 => {}
            (None, [None, None]) => {}
            (Some(_), _) => {
                let text = "ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod are required when ActionsSuppressor is specified.";
                return Err(Error::validation(text).into());
            }
            (None, _) => {
                let text = "ActionsSuppressor must be specified with ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod.";
                return Err(Error::validation(text).into());
            }
        }
        let common = Common {
            name: input.alarm_name,
            description: input.alarm_description,
            actions_enabled: input.actions_enabled,
            ok_actions: input.ok_actions.unwrap_or_default(),
            alarm_actions: input.alarm_actions.unwrap_or_default(),
            insufficient_data_actions: input.insufficient_data_actions.unwrap_or_default(),
            tags: input.tags,
        };
        let composite = CompositeAlarm {
            rule: input.alarm_rule,
            suppressor: input.actions_suppressor,
            wait_s: input.actions_suppressor_wait_period,
            extension_s: input.actions_suppressor_extension_period,
        };
        put(cloudwatch, call, common, Watches::Composite(composite)).await
    }
}

/// The composite alarms whose rules or suppressors name an alarm.
pub(super) fn parents(cloudwatch: &CloudWatch, name: &Name) -> Vec<String> {
    cloudwatch.alarms.see(|memory| {
        let over = memory.alarms(name.0).filter(|alarm| names(cloudwatch, alarm).contains(name));
        over.map(|alarm| alarm.name.clone()).collect()
    })
}

/// The alarms that a composite alarm names; a metric alarm names none.
pub(super) fn names(cloudwatch: &CloudWatch, alarm: &crate::alarms::Alarm) -> Vec<Name> {
    let Watches::Composite(composite) = &alarm.watches else { return Vec::new() };
    let Ok(rule) = Rule::parse(&composite.rule) else { return Vec::new() };
    let texts = rule.alarms().into_iter().chain(composite.suppressor.as_deref());
    texts.filter_map(|text| cloudwatch.alarm_name(alarm.region, text)).collect()
}
