//! DescribeKey, ListKeys, UpdateKeyDescription, EnableKey, DisableKey: what there is, and whether it may be used.

use serde::{Deserialize, Serialize};

use super::metadata::KeyMetadata;
use super::{check_grant_tokens, page};
use crate::access::Ask;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInput {
    key_id: String,
    #[serde(default)]
    grant_tokens: Vec<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    key_metadata: KeyMetadata,
}

operation! {
    /// Tells what a key is. An alias of a service (`alias/aws/s3`) gets its key now.
    DescribeKey: DescribeInput => DescribeOutput, |kms, call, input| {
        let key = kms.resolve_or_make(call.region, &input.key_id).await?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "DescribeKey")).await?;
        check_grant_tokens(&input.grant_tokens)?;
        Ok(DescribeOutput { key_metadata: KeyMetadata::of(&key, &kms.deps.account, call.time) })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    limit: Option<i64>,
    marker: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyListEntry {
    key_id: String,
    key_arn: String,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    keys: Vec<KeyListEntry>,
    next_marker: Option<String>,
    truncated: bool,
}

operation! {
    /// Lists the keys of a region.
    ListKeys on "*": ListInput => ListOutput, |kms, call, input| {
        let keys: Vec<_> = kms.store.see(|memory| memory.keys(call.region, call.time).cloned().collect());
        let page = page(keys, |key| &key.id, input.marker.as_deref(), input.limit, 100)?;
        let entry = |key: &std::sync::Arc<crate::Held>| KeyListEntry { key_id: key.id.clone(), key_arn: key.arn.clone() };
        let keys = page.items.iter().map(entry).collect();
        Ok(ListOutput { keys, truncated: page.next_token.is_some(), next_marker: page.next_token })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateKeyDescriptionInput {
    key_id: String,
    description: String,
}

operation! {
    /// Gives a key another description.
    UpdateKeyDescription: UpdateKeyDescriptionInput => (), |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "UpdateKeyDescription")).await?;
        kms.change_key(call.region, &key.id, |key| {
            key.check_not_deleted()?;
            key.description = input.description;
            Ok(())
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OneKey {
    key_id: String,
}

operation! {
    /// Lets a key be used again.
    EnableKey: OneKey => (), |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "EnableKey")).await?;
        kms.change_key(call.region, &key.id, |key| {
            key.check_stays(call.time)?;
            key.enabled = true;
            Ok(())
        })
        .await
    }
}

operation! {
    /// Lets nobody use a key.
    DisableKey: OneKey => (), |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "DisableKey")).await?;
        kms.change_key(call.region, &key.id, |key| {
            key.check_stays(call.time)?;
            key.enabled = false;
            Ok(())
        })
        .await
    }
}
