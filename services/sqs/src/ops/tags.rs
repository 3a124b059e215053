//! TagQueue, UntagQueue, ListQueueTags.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::queue::Row;

/// The most tags of a queue. Source: SQS developer guide, "Amazon SQS cost allocation tags".
const TAGS_MAX: usize = 50;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagInput {
    queue_url: String,
    tags: BTreeMap<String, String>,
}

operation! {
    /// Sets tags of a queue.
    TagQueue: TagInput => (), |sqs, call, input| {
        let names: Vec<String> = input.tags.keys().map(|key| format!("aws:requesttag/{}", key.to_lowercase())).collect();
        let values = names.iter().zip(input.tags.values()).map(|(name, value)| (name.as_str(), value.as_str()));
        let keys = input.tags.keys().map(|key| ("aws:tagkeys", key.as_str()));
        let more: Vec<(&str, &str)> = values.chain(keys).collect();
        let live = sqs.own_queue(call, &input.queue_url, "TagQueue", &more).await?;
        let _turn = sqs.changes.lock().await;
        let setup = live.setup();
        let mut tags = setup.row.tags.clone();
        tags.extend(input.tags.clone());
        let tags = check_tags(tags)?;
        sqs.change(&live, Row { tags, ..setup.row.clone() }).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagInput {
    queue_url: String,
    tag_keys: Vec<String>,
}

operation! {
    /// Takes tags from a queue.
    UntagQueue: UntagInput => (), |sqs, call, input| {
        let more: Vec<(&str, &str)> = input.tag_keys.iter().map(|key| ("aws:tagkeys", key.as_str())).collect();
        let live = sqs.own_queue(call, &input.queue_url, "UntagQueue", &more).await?;
        let _turn = sqs.changes.lock().await;
        let setup = live.setup();
        let mut tags = setup.row.tags.clone();
        tags.retain(|key, _| !input.tag_keys.contains(key));
        sqs.change(&live, Row { tags, ..setup.row.clone() }).await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    queue_url: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

operation! {
    /// Lists the tags of a queue.
    ListQueueTags: ListInput => ListOutput, |sqs, call, input| {
        let live = sqs.own_queue(call, &input.queue_url, "ListQueueTags", &[]).await?;
        Ok(ListOutput { tags: live.setup().row.tags.clone() })
    }
}

/// Refuses tags that cannot be.
pub fn check_tags(tags: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
    let bad = |text: String| Err(Error::InvalidParameterValue(text));
    if tags.len() > TAGS_MAX {
        return bad(format!("Too many tags: a queue can have at most {TAGS_MAX}."));
    }
    for (key, value) in &tags {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return bad("Tag keys must be between 1 and 128 characters in length, values at most 256.".to_owned());
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return bad("Tag keys that begin with aws: are reserved for AWS.".to_owned());
        }
        let is_allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
        if !key.chars().all(is_allowed) || !value.chars().all(is_allowed) {
            return bad("Tag keys and values can only have letters, digits, white space and _.:/=+-@.".to_owned());
        }
    }
    Ok(tags)
}
