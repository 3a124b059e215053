//! ScheduleKeyDeletion, CancelKeyDeletion. Source: KMS developer guide, "Delete a KMS key".

use base::Timestamp;
use base::time::DAY_MS;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::access::Ask;
use crate::spec::KeyState;

/// The days that a key waits if nothing else is said, and the least.
const WINDOW_DAYS: i64 = 30;
const WINDOW_DAYS_MIN: i64 = 7;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScheduleInput {
    key_id: String,
    pending_window_in_days: Option<i64>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScheduleOutput {
    key_id: String,
    deletion_date: Timestamp,
    key_state: KeyState,
    pending_window_in_days: i64,
}

operation! {
    /// Has a key deleted after some days, and lets nobody use it until then.
    ScheduleKeyDeletion: ScheduleInput => ScheduleOutput, |kms, call, input| {
        let days = input.pending_window_in_days.unwrap_or(WINDOW_DAYS);
        let key = kms.resolve_key(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "ScheduleKeyDeletion")
            .with("kms:ScheduleKeyDeletionPendingWindowInDays", days.to_string());
        kms.authorize(call, ask).await?;
        if !(WINDOW_DAYS_MIN..=WINDOW_DAYS).contains(&days) {
            let text = format!("PendingWindowInDays must be between {WINDOW_DAYS_MIN} and {WINDOW_DAYS}");
            return Err(Error::ValidationException(text).into());
        }
        let due = call.time.plus_ms(days * DAY_MS);
        kms.change_key(call.region, &key.id, |key| {
            key.check_not_deleted()?;
            key.deletion = Some(due);
            Ok(ScheduleOutput {
                key_id: key.arn.clone(),
                deletion_date: due,
                key_state: KeyState::PendingDeletion,
                pending_window_in_days: days,
            })
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CancelInput {
    key_id: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CancelOutput {
    key_id: String,
}

operation! {
    /// Keeps a key that was to be deleted; it is disabled then.
    CancelKeyDeletion: CancelInput => CancelOutput, |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "CancelKeyDeletion")).await?;
        kms.change_key(call.region, &key.id, |key| {
            if key.deletion.take().is_none() {
                return Err(Error::KMSInvalidStateException(format!("{} is not pending deletion.", key.arn)).into());
            }
            key.enabled = false;
            Ok(CancelOutput { key_id: key.arn.clone() })
        })
        .await
    }
}
