//! GetQueueAttributes, SetQueueAttributes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use service::Call;

use crate::attributes::{self, Attributes, checked, is_known, lets_redrive, merged};
use crate::queue::{Live, Row};
use crate::{Error, Sqs};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInput {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
}

operation! {
    /// Shows attributes of a queue.
    GetQueueAttributes: GetInput => GetOutput, |sqs, call, input| {
        let live = sqs.queue(call, &input.queue_url, "GetQueueAttributes").await?;
        if let Some(unknown) = input.attribute_names.iter().find(|name| !is_known(name)) {
            return Err(Error::InvalidAttributeName(unknown.clone()).into());
        }
        let is_asked =
            |name: &str| input.attribute_names.iter().any(|asked| asked == "All" || asked == name);
        let mut all = all_of(&live, sqs.now_ms());
        all.retain(|name, _| is_asked(name));
        Ok(GetOutput { attributes: all })
    }
}

/// All attributes as they are now.
fn all_of(live: &Live, now_ms: i64) -> Attributes {
    let setup = live.setup();
    let counts = live.lock_at(now_ms).shelf.counts();
    let mut all = setup.row.attributes.clone();
    let mut put = |name: &str, value: String| drop(all.insert(name.to_owned(), value));
    put("ApproximateNumberOfMessages", counts.visible.to_string());
    put("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string());
    put("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string());
    put("CreatedTimestamp", (setup.row.created_ms / 1000).to_string());
    put("LastModifiedTimestamp", (setup.row.modified_ms / 1000).to_string());
    put("QueueArn", live.arn.clone());
    all
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetInput {
    queue_url: String,
    attributes: BTreeMap<String, String>,
}

operation! {
    /// Sets attributes of a queue.
    SetQueueAttributes: SetInput => (), |sqs, call, input| {
        let live = sqs.own_queue(call, &input.queue_url, "SetQueueAttributes", &[]).await?;
        let changes = checked_changes(&input.attributes, live.is_fifo, false)?;
        check_redrive(sqs, call, &live.arn, live.is_fifo, &changes)?;
        let _turn = sqs.changes.lock().await;
        let setup = live.setup();
        let attributes = merged(setup.row.attributes.clone(), &changes)?;
        let row = Row { attributes, modified_ms: call.time.ms(), ..setup.row.clone() };
        sqs.change(&live, row).await
    }
}

/// What a request sets, in the form in which it is kept.
pub fn checked_changes(given: &Attributes, is_fifo: bool, is_new: bool) -> Result<Attributes, Error> {
    given.iter().map(|(name, value)| Ok((name.clone(), checked(name, value, is_fifo, is_new)?))).collect()
}

/// Refuses a dead letter queue that is not there, is of the other kind, or does not let this one.
pub fn check_redrive(
    sqs: &Sqs,
    call: &Call,
    source_arn: &str,
    is_fifo: bool,
    changes: &Attributes,
) -> Result<(), Error> {
    let Some(text) = changes.get("RedrivePolicy").filter(|text| !text.is_empty()) else { return Ok(()) };
    let bad = |reason: &str| Error::value(text, "RedrivePolicy", reason);
    let Some(redrive) = attributes::redrive(text) else { return Err(bad("Redrive policy is not a valid JSON map.")) };
    let target = sqs.live_by_arn(call.region, &redrive.target_arn);
    let target = target.ok_or_else(|| bad("Dead letter target does not exist."))?;
    if target.is_fifo != is_fifo {
        return Err(bad("Dead-letter queue must be same type of queue as the source."));
    }
    if !lets_redrive(target.setup().row.attributes.get("RedriveAllowPolicy"), source_arn) {
        return Err(bad("Queue does not have permission to use the specified dead-letter queue."));
    }
    Ok(())
}
