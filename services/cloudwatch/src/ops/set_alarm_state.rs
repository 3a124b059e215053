//! SetAlarmState: puts an alarm into a state until it is evaluated again.

use serde::Deserialize;

use crate::Error;
use crate::alarms::StateValue;
use crate::alarms::store::{Changes, NewState};
use crate::error::storage;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    alarm_name: String,
    state_value: String,
    state_reason: String,
    state_reason_data: Option<String>,
}

operation! {
    /// Puts an alarm into a state.
    SetAlarmState on "alarm:{AlarmName}": Input => (), |cloudwatch, call, input| {
        let value = StateValue::parse(&input.state_value)
            .ok_or_else(|| Error::validation(format!("StateValue {} is not a state.", input.state_value)))?;
        let data = match &input.state_reason_data {
            None => None,
            Some(text) => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(data) => Some(data),
                Err(_) => return Err(Error::InvalidFormatFault("StateReasonData was not valid JSON".to_owned()).into()),
            },
        };
        let _turn = cloudwatch.alarms.lock().await;
        let now = cloudwatch.deps.env.clock.now();
        let Some(alarm) = cloudwatch.alarms.see(|memory| memory.alarm(call.region, &input.alarm_name).cloned()) else {
            return Err(Error::ResourceNotFound(format!("Alarm {} does not exist", input.alarm_name)).into());
        };
        let mut changes = Changes::default();
        let new = NewState { value, reason: input.state_reason, data, decided_until_ms: 0 };
        cloudwatch.set_state(&mut changes, &alarm, new, now);
        cloudwatch.commit(changes, now).await.map_err(storage)
    }
}
