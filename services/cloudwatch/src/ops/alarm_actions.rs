//! EnableAlarmActions, DisableAlarmActions. Names of alarms that are not there are passed over, as on AWS.

use serde::Deserialize;
use service::{ApiError, Call};

use super::describe_alarms::shown_json;
use crate::CloudWatch;
use crate::alarms::store::Changes;
use crate::alarms::{Alarm, history};
use crate::error::storage;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    alarm_names: Vec<String>,
}

operation! {
    /// Alarms carry out their actions.
    EnableAlarmActions asks: Input => (), |cloudwatch, call, input| {
        cloudwatch.authorize_alarms(call, "EnableAlarmActions", &input.alarm_names).await?;
        enable(cloudwatch, call, &input.alarm_names, true).await
    }
}

operation! {
    /// Alarms do not carry out their actions.
    DisableAlarmActions asks: Input => (), |cloudwatch, call, input| {
        cloudwatch.authorize_alarms(call, "DisableAlarmActions", &input.alarm_names).await?;
        enable(cloudwatch, call, &input.alarm_names, false).await
    }
}

async fn enable(cloudwatch: &CloudWatch, call: &Call, names: &[String], is_enabled: bool) -> Result<(), ApiError> {
    let _turn = cloudwatch.alarms.lock().await;
    let now = cloudwatch.deps.env.clock.now();
    let mut changes = Changes::default();
    for name in names {
        let Some(known) = cloudwatch.alarms.see(|memory| memory.alarm(call.region, name).cloned()) else { continue };
        if known.actions_enabled == is_enabled {
            continue;
        }
        let mut alarm = Alarm::clone(&known);
        alarm.actions_enabled = is_enabled;
        let id = base::ids::uuid(&*cloudwatch.deps.env.rng);
        changes.history.push(history::configuration(
            &id,
            &alarm,
            "Update",
            &shown_json(&alarm),
            Some(&shown_json(&known)),
            now,
        ));
        changes.alarms.insert((call.region, name.clone()), alarm);
    }
    cloudwatch.commit(changes, now).await.map_err(storage)
}
