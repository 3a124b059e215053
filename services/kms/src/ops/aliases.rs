//! CreateAlias, UpdateAlias, DeleteAlias, ListAliases: other names of keys. Source: KMS developer guide, "Aliases in AWS KMS".

use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::page;
use crate::Error;
use crate::access::Ask;
use crate::key::{Alias, DOCUMENT_VERSION, arn};
use crate::names::check_alias;
use crate::rules::Conditions;
use crate::store::Step;

/// Aliases of one key. Source: KMS developer guide, "Resource quotas".
const ALIASES_MAX: usize = 50;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NameInput {
    alias_name: String,
    target_key_id: String,
}

operation! {
    /// Gives a key another name.
    CreateAlias: NameInput => (), |kms, call, input| {
        let name = input.alias_name;
        check_alias(&name)?;
        let alias_arn = arn(call.region, &kms.deps.account, &name);
        kms.authorize_by_identity(call, "CreateAlias", &alias_arn, &Conditions::new()).await?;
        if input.target_key_id.starts_with("alias/") {
            return Err(Error::ValidationException("Aliases must refer to keys. Not aliases".to_owned()).into());
        }
        let key = kms.resolve_key(call.region, &input.target_key_id)?;
        kms.authorize(call, Ask::of(&key, &name, "CreateAlias")).await?;
        call.note_resource("AWS::KMS::Alias", alias_arn.as_str());
        key.check_not_deleted()?;
        let now = call.time;
        kms.store
            .change(|memory| {
                if memory.alias(call.region, &name).is_some() {
                    let text = format!("An alias with the name {alias_arn} already exists");
                    return Err(Error::AlreadyExistsException(text).into());
                }
                let key = memory.key(call.region, &key.id, now).ok_or_else(|| Error::no_key(&key.arn))?;
                if memory.aliases(call.region).filter(|alias| alias.key_id == key.id).count() >= ALIASES_MAX {
                    let text = format!("The quota of aliases of {} is reached.", key.arn);
                    return Err(Error::LimitExceededException(text).into());
                }
                let alias = Alias {
                    v: DOCUMENT_VERSION,
                    arn: alias_arn,
                    region: call.region.to_string(),
                    key_id: key.id.clone(),
                    created: now,
                    updated: now,
                    name,
                };
                Ok((vec![Step::PutAlias(alias)], ()))
            })
            .await
    }
}

operation! {
    /// Makes an alias name another key of the same kind.
    UpdateAlias: NameInput => (), |kms, call, input| {
        let name = input.alias_name;
        check_alias(&name)?;
        let alias_arn = arn(call.region, &kms.deps.account, &name);
        kms.authorize_by_identity(call, "UpdateAlias", &alias_arn, &Conditions::new()).await?;
        let old = kms.resolve(call.region, &name)?;
        let key = kms.resolve_key(call.region, &input.target_key_id)?;
        kms.authorize(call, Ask::of(&old, &name, "UpdateAlias")).await?;
        kms.authorize(call, Ask::of(&key, &name, "UpdateAlias")).await?;
        call.note_resource("AWS::KMS::Alias", alias_arn.as_str());
        key.check_not_deleted()?;
        if old.spec.has_public_key() != key.spec.has_public_key() || old.usage != key.usage {
            let text = "The current and new KMS key must be the same type and have the same key usage.";
            return Err(Error::ValidationException(text.to_owned()).into());
        }
        kms.store
            .change(|memory| {
                let alias = memory.alias(call.region, &name).ok_or_else(|| Error::no_alias(&alias_arn))?;
                let mut alias = Alias::clone(&alias);
                alias.key_id.clone_from(&key.id);
                alias.updated = call.time;
                Ok((vec![Step::PutAlias(alias)], ()))
            })
            .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteInput {
    alias_name: String,
}

operation! {
    /// Takes a name away from its key.
    DeleteAlias: DeleteInput => (), |kms, call, input| {
        let name = input.alias_name;
        check_alias(&name)?;
        let alias_arn = arn(call.region, &kms.deps.account, &name);
        kms.authorize_by_identity(call, "DeleteAlias", &alias_arn, &Conditions::new()).await?;
        let key = kms.resolve(call.region, &name)?;
        kms.authorize(call, Ask::of(&key, &name, "DeleteAlias")).await?;
        call.note_resource("AWS::KMS::Alias", alias_arn.as_str());
        kms.store
            .change(|memory| {
                let alias = memory.alias(call.region, &name).ok_or_else(|| Error::no_alias(&alias_arn))?;
                Ok((vec![Step::RemoveAlias(alias)], ()))
            })
            .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    key_id: Option<String>,
    limit: Option<i64>,
    marker: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AliasListEntry {
    alias_name: String,
    alias_arn: String,
    target_key_id: String,
    creation_date: Timestamp,
    last_updated_date: Timestamp,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    aliases: Vec<AliasListEntry>,
    next_marker: Option<String>,
    truncated: bool,
}

operation! {
    /// Lists the aliases of a region, or of one key.
    ListAliases on "*": ListInput => ListOutput, |kms, call, input| {
        let key = input.key_id.map(|id| kms.resolve_key(call.region, &id)).transpose()?;
        let is_wanted = |alias: &&Arc<Alias>| key.as_ref().is_none_or(|key| key.id == alias.key_id);
        let all: Vec<_> = kms.store.see(|memory| memory.aliases(call.region).filter(is_wanted).cloned().collect());
        let page = page(all, |alias| &alias.name, input.marker.as_deref(), input.limit.map(|limit| limit.min(100)), 50)?;
        let entry = |alias: &Arc<Alias>| AliasListEntry {
            alias_name: alias.name.clone(),
            alias_arn: alias.arn.clone(),
            target_key_id: alias.key_id.clone(),
            creation_date: alias.created,
            last_updated_date: alias.updated,
        };
        let aliases = page.items.iter().map(entry).collect();
        Ok(ListOutput { aliases, truncated: page.next_token.is_some(), next_marker: page.next_token })
    }
}
