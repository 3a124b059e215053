//! CreateQueue: makes a queue, or answers with the one that is there and is the same.

use std::collections::BTreeMap;

use base::ids;
use serde::{Deserialize, Serialize};

use super::queue_attributes::{check_redrive, checked_changes};
use super::tags::check_tags;
use crate::Error;
use crate::attributes::{defaults, merged};
use crate::queue::Row;

/// The longest name.
const NAME_MAX: usize = 80;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    queue_name: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default, rename = "tags")]
    tags: BTreeMap<String, String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    queue_url: String,
}

operation! {
    /// Makes a queue.
    CreateQueue on "{QueueName}": Input => Output, |sqs, call, input| {
        let name = input.queue_name;
        let wants_fifo = input.attributes.get("FifoQueue").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        check_name(&name, wants_fifo)?;
        let is_fifo = name.ends_with(".fifo");
        let changes = checked_changes(&input.attributes, is_fifo, true)?;
        let tags = check_tags(input.tags)?;
        if !tags.is_empty() {
            sqs.authorize(call, &sqs.arn(call.region, &name), "TagQueue", &[]).await?;
        }
        let _turn = sqs.changes.lock().await;
        if let Some(live) = sqs.live(call.region, &name) {
            let setup = live.setup();
            let differs = |(attribute, value): &(&String, &String)| {
                setup.text(attribute).unwrap_or_default() != value.as_str()
            };
            return match changes.iter().find(differs) {
                Some((attribute, _)) => Err(Error::QueueNameExists(attribute.clone()).into()),
                None => Ok(Output { queue_url: sqs.url(call, &name) }),
            };
        }
        if is_fifo && !wants_fifo {
            return Err(not_fifo().into());
        }
        let arn = sqs.arn(call.region, &name);
        check_redrive(sqs, call, &arn, is_fifo, &changes)?;
        let now_ms = call.time.ms();
        let row = Row {
            v: 1,
            id: ids::alphanumeric(&*sqs.deps.env.rng, 16),
            created_ms: now_ms,
            modified_ms: now_ms,
            attributes: merged(defaults(is_fifo), &changes)?,
            tags,
            purged_ms: None,
        };
        sqs.make(call.region, &name, row).await?;
        Ok(Output { queue_url: sqs.url(call, &name) })
    }
}

fn not_fifo() -> Error {
    let text = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
    Error::InvalidParameterValue(text.to_owned())
}

fn check_name(name: &str, wants_fifo: bool) -> Result<(), Error> {
    let stem = name.strip_suffix(".fifo");
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let fits = (1..=NAME_MAX).contains(&name.len());
    let good = |text: &str| fits && !text.is_empty() && text.chars().all(is_allowed);
    if wants_fifo {
        return if stem.is_some_and(good) {
            Ok(())
        } else {
            Err(Error::InvalidParameterValue(
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix \
                 and be 1 to 80 in length."
                    .to_owned(),
            ))
        };
    }
    // A name with the suffix is refused later, unless the queue is there.
    if good(stem.unwrap_or(name)) { Ok(()) } else { Err(not_fifo()) }
}
