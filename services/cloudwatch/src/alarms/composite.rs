//! Composite alarms: they follow the alarms that they name, and may hold their actions back while another alarm is in ALARM. Source:
//! CloudWatch user guide, "Combining alarms" and "Alarm suppression".

use std::collections::BTreeSet;
use std::sync::Arc;

use base::Timestamp;
use serde_json::{Value, json};

use super::message::{Child, From};
use super::reason::long;
use super::store::{Changes, Compiled, Name, NewState};
use super::{Alarm, StateValue, Suppressed, Watches};
use crate::CloudWatch;

/// Alarms over alarms over alarms: a circle ends here at the latest.
const ROUNDS_MAX: usize = 32;

impl CloudWatch {
    /// The name of an alarm that is named by name or ARN.
    pub(crate) fn alarm_name(&self, region: base::Region, text: &str) -> Option<Name> {
        let Some(arn) = base::Arn::parse(text) else { return Some((region, text.to_owned())) };
        let region = base::Region::parse(&arn.region)?;
        let name = arn.resource.strip_prefix("alarm:")?;
        (*arn.account == *self.deps.account).then(|| (region, name.to_owned()))
    }

    fn state_of(&self, changes: &Changes, region: base::Region, text: &str) -> Option<StateValue> {
        let name = self.alarm_name(region, text)?;
        changes.alarm(self, &name).map(|alarm| alarm.state.value)
    }

    /// Composite alarms over those that flipped, and over those in turn.
    pub(super) fn follow(&self, changes: &mut Changes, now: Timestamp) {
        for _ in 0..ROUNDS_MAX {
            let flipped: BTreeSet<Name> = std::mem::take(&mut changes.flipped).into_iter().collect();
            if flipped.is_empty() {
                return;
            }
            let parents: Vec<(Name, Arc<Compiled>)> = self.alarms.see(|memory| {
                let over = memory.all().filter(|((region, _), held)| match &*held.compiled {
                    Compiled::Rule(rule) => rule
                        .alarms()
                        .iter()
                        .any(|text| self.alarm_name(*region, text).is_some_and(|name| flipped.contains(&name))),
                    _ => false,
                });
                over.map(|(name, held)| (name.clone(), Arc::clone(&held.compiled))).collect()
            });
            for (name, compiled) in parents {
                let Compiled::Rule(rule) = &*compiled else { continue };
                let trigger = rule.alarms().into_iter().filter_map(|text| self.alarm_name(name.0, text));
                let trigger = trigger.filter(|name| flipped.contains(name)).find_map(|name| changes.alarm(self, &name));
                self.evaluate_rule(changes, &name, &compiled, trigger.as_deref(), None, now);
            }
            let gone: Vec<Name> = flipped.into_iter().collect();
            self.suppressors_flipped(changes, &gone, now);
        }
    }

    /// Evaluates a composite alarm's rule. `why`: what to say if no alarm triggered it.
    pub(crate) fn evaluate_rule(
        &self,
        changes: &mut Changes,
        name: &Name,
        compiled: &Compiled,
        trigger: Option<&Alarm>,
        why: Option<&str>,
        now: Timestamp,
    ) {
        let Some(alarm) = changes.alarm(self, name) else { return };
        let Compiled::Rule(rule) = compiled else { return };
        let is_alarm = rule.holds(&|text| self.state_of(changes, name.0, text));
        let value = if is_alarm { StateValue::Alarm } else { StateValue::Ok };
        if value == alarm.state.value {
            return;
        }
        let reason = match (trigger, why) {
            (Some(child), _) => {
                let time = spelled(child.state.transitioned);
                format!("{} transitioned to {} at {time}", child.arn, child.state.value.as_str())
            }
            (None, Some(why)) => format!("{} was {why} and its alarm rule evaluates to {}", alarm.arn, value.as_str()),
            (None, None) => format!("The alarm rule of {} evaluates to {}", alarm.arn, value.as_str()),
        };
        let children = self.triggering(changes, &alarm);
        let data = json!({ "triggeringAlarms": children.iter().map(triggering_json).collect::<Vec<Value>>() });
        self.set_state(changes, &alarm, NewState { value, reason, data: Some(data), decided_until_ms: 0 }, now);
    }

    /// The alarms of a composite alarm's rule with their states: those in ALARM, or all if none is.
    pub(super) fn triggering(&self, changes: &Changes, alarm: &Alarm) -> Vec<Child> {
        let Watches::Composite(composite) = &alarm.watches else { return Vec::new() };
        let Ok(rule) = super::rule::Rule::parse(&composite.rule) else { return Vec::new() };
        let children = rule.alarms().into_iter().filter_map(|text| {
            let child = changes.alarm(self, &self.alarm_name(alarm.region, text)?)?;
            Some(Child { arn: child.arn.clone(), value: child.state.value, time: child.state.transitioned })
        });
        let children: Vec<Child> = children.collect();
        let (in_alarm, rest): (Vec<Child>, Vec<Child>) =
            children.into_iter().partition(|child| child.value == StateValue::Alarm);
        if in_alarm.is_empty() { rest } else { in_alarm }
    }

    /// Whether something holds the actions of an alarm's new state back. Notes that it does, and from what they would tell.
    pub(super) fn holds_back(&self, changes: &Changes, alarm: &mut Alarm, from: &From, now: Timestamp) -> bool {
        let Watches::Composite(composite) = &alarm.watches else { return false };
        let Some(suppressor) = &composite.suppressor else { return false };
        let is_in_alarm = self.state_of(changes, alarm.region, suppressor) == Some(StateValue::Alarm);
        let before = alarm.state.suppressed.take();
        // What is held back now tells from where the story began.
        let (from_value, from_reason, from_data, from_time) = match before {
            Some(before) => (before.from, before.from_reason, before.from_data, before.from_time),
            None => (from.value, from.reason.clone(), from.data.clone(), from.time),
        };
        let held = |by: &str, reason: String, until_ms| Suppressed {
            by: by.to_owned(),
            reason,
            until_ms,
            from: from_value,
            from_reason: from_reason.clone(),
            from_data: from_data.clone(),
            from_time,
        };
        if is_in_alarm {
            let reason = format!("Actions suppressed by {suppressor}");
            alarm.state.suppressed = Some(held("Alarm", reason, None));
            return true;
        }
        let wait_s = composite.wait_s.unwrap_or(0);
        if wait_s > 0 && alarm.state.value == StateValue::Alarm {
            let reason = format!("Actions suppressed by WaitPeriod of {wait_s} seconds");
            alarm.state.suppressed = Some(held("WaitPeriod", reason, Some(now.ms() + wait_s * 1000)));
            return true;
        }
        false
    }

    /// Suppressors flipped: what they held back is held on for the extension, what waited for them is held by them.
    fn suppressors_flipped(&self, changes: &mut Changes, flipped: &[Name], now: Timestamp) {
        let concerned: Vec<Name> = self.alarms.see(|memory| {
            let concerned = memory.all().filter(|((region, _), held)| match &held.alarm.watches {
                Watches::Composite(composite) => composite
                    .suppressor
                    .as_deref()
                    .and_then(|text| self.alarm_name(*region, text))
                    .is_some_and(|name| flipped.contains(&name)),
                Watches::Metric(_) => false,
            });
            concerned.map(|(name, _)| name.clone()).collect()
        });
        for name in concerned {
            let Some(alarm) = changes.alarm(self, &name) else { continue };
            let mut alarm = Alarm::clone(&alarm);
            let Watches::Composite(composite) = &alarm.watches else { continue };
            let Some(suppressor) = composite.suppressor.clone() else { continue };
            let extension_s = composite.extension_s.unwrap_or(0);
            let is_in_alarm = self.state_of(changes, alarm.region, &suppressor) == Some(StateValue::Alarm);
            let Some(held) = &mut alarm.state.suppressed else { continue };
            if is_in_alarm {
                held.by = "Alarm".to_owned();
                held.reason = format!("Actions suppressed by {suppressor}");
                held.until_ms = None;
            } else if held.by == "Alarm" {
                held.by = "ExtensionPeriod".to_owned();
                held.reason = format!("Actions suppressed by ExtensionPeriod of {extension_s} seconds");
                held.until_ms = Some(now.ms() + extension_s * 1000);
            }
            changes.alarms.insert(name, alarm);
        }
    }

    /// Actions that were held back until now are lined up, if the alarm's state is another than where it came from.
    pub(super) fn release(&self, changes: &mut Changes, now: Timestamp) {
        let over: Vec<Name> = self.alarms.see(|memory| {
            let is_over = |held: &Suppressed| held.until_ms.is_some_and(|until| until <= now.ms());
            let over = memory.all().filter(|(_, held)| held.alarm.state.suppressed.as_ref().is_some_and(is_over));
            over.map(|(name, _)| name.clone()).collect()
        });
        for name in over {
            let Some(alarm) = changes.alarm(self, &name) else { continue };
            let mut alarm = Alarm::clone(&alarm);
            let Some(held) = alarm.state.suppressed.take() else { continue };
            if held.from != alarm.state.value && alarm.actions_enabled {
                let from =
                    From { value: held.from, reason: held.from_reason, data: held.from_data, time: held.from_time };
                let id = base::ids::uuid(&*self.deps.env.rng);
                self.line_up(changes, &alarm, &from, &id, now);
            }
            changes.alarms.insert(name, alarm);
        }
    }
}

fn triggering_json(child: &Child) -> Value {
    json!({"arn": child.arn, "state": {"value": child.value.as_str(), "timestamp": long(child.time)}})
}

/// `Friday 14 February, 2020 16:10:12 UTC`.
fn spelled(time: Timestamp) -> String {
    let c = time.civil();
    let (day, month) = (c.weekday_name(), c.month_name());
    format!("{day} {:02} {month}, {} {:02}:{:02}:{:02} UTC", c.day, c.year, c.hour, c.minute, c.second)
}
