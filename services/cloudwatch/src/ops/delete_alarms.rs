//! DeleteAlarms: all of them or none.

use serde::Deserialize;

use super::describe_alarms::shown_json;
use super::put_composite_alarm::parents;
use crate::Error;
use crate::alarms::history;
use crate::alarms::store::{Changes, Name};
use crate::error::storage;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    alarm_names: Vec<String>,
}

operation! {
    /// Removes alarms.
    DeleteAlarms asks: Input => (), |cloudwatch, call, input| {
        cloudwatch.authorize_alarms(call, "DeleteAlarms", &input.alarm_names).await?;
        let _turn = cloudwatch.alarms.lock().await;
        let now = cloudwatch.deps.env.clock.now();
        let mut changes = Changes::default();
        let mut composites = 0;
        let wanted: Vec<Name> = input.alarm_names.iter().map(|name| (call.region, name.clone())).collect();
        for name in &wanted {
            let Some(alarm) = cloudwatch.alarms.see(|memory| memory.alarm(name.0, &name.1).cloned()) else {
                return Err(Error::ResourceNotFound(format!("Alarm {} does not exist", name.1)).into());
            };
            composites += usize::from(alarm.is_composite());
            let over: Vec<String> = parents(cloudwatch, name)
                .into_iter()
                .filter(|parent| *parent != name.1 && !input.alarm_names.contains(parent))
                .collect();
            if !over.is_empty() {
                let text = format!("Cannot delete {} as there are composite alarm(s) depending on it: [{}]", name.1, over.join(", "));
                return Err(Error::validation(text).into());
            }
            if changes.removed.insert(name.clone()) {
                let id = base::ids::uuid(&*cloudwatch.deps.env.rng);
                changes.history.push(history::configuration(&id, &alarm, "Delete", &shown_json(&alarm), None, now));
            }
        }
        if composites > 1 {
            return Err(Error::validation("You can delete at most one composite alarm in one operation.").into());
        }
        cloudwatch.commit(changes, now).await.map_err(storage)
    }
}
