//! TagResource, UntagResource, ListResourceTags.

use serde::{Deserialize, Serialize};

use super::page;
use crate::access::Ask;
use crate::tags::{self, Tag};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagInput {
    key_id: String,
    tags: Vec<Tag>,
}

operation! {
    /// Sets tags of a key.
    TagResource: TagInput => (), |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        let mut ask = Ask::of(&key, &input.key_id, "TagResource");
        let pairs = input.tags.iter().map(|tag| (tag.tag_key.as_str(), Some(tag.tag_value.as_str())));
        ask.more = ask.more.with_request_tags(pairs);
        kms.authorize(call, ask).await?;
        kms.change_key(call.region, &key.id, |key| {
            key.check_not_deleted()?;
            key.tags = tags::merged(&key.tags, input.tags)?;
            Ok(())
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UntagInput {
    key_id: String,
    tag_keys: Vec<String>,
}

operation! {
    /// Takes tags from a key.
    UntagResource: UntagInput => (), |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        let mut ask = Ask::of(&key, &input.key_id, "UntagResource");
        ask.more = ask.more.with_request_tags(input.tag_keys.iter().map(|key| (key.as_str(), None)));
        kms.authorize(call, ask).await?;
        input.tag_keys.iter().try_for_each(|key| tags::check_key(key))?;
        kms.change_key(call.region, &key.id, |key| {
            key.check_not_deleted()?;
            key.tags.retain(|tag| !input.tag_keys.contains(&tag.tag_key));
            Ok(())
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    key_id: String,
    limit: Option<i64>,
    marker: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    tags: Vec<Tag>,
    next_marker: Option<String>,
    truncated: bool,
}

operation! {
    /// Lists the tags of a key, by their keys.
    ListResourceTags: ListInput => ListOutput, |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "ListResourceTags")).await?;
        let mut tags = key.tags.clone();
        tags.sort_by(|one, other| one.tag_key.cmp(&other.tag_key));
        let page = page(tags, |tag| &tag.tag_key, input.marker.as_deref(), input.limit, 50)?;
        Ok(ListOutput { tags: page.items, truncated: page.next_token.is_some(), next_marker: page.next_token })
    }
}
