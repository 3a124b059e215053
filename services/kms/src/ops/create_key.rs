//! CreateKey: makes a key, with material of its own or to be imported.

use serde::{Deserialize, Serialize};

use super::metadata::KeyMetadata;
use crate::Error;
use crate::crypto::pair;
use crate::error::broken;
use crate::key::{DOCUMENT_VERSION, Key, arn};
use crate::rules::{self, Conditions};
use crate::spec::{KeySpec, KeyUsage, Origin};
use crate::store::Step;
use crate::tags::{self, Tag};

/// Customer keys in a region of an account. Source: KMS developer guide, "Resource quotas".
const KEYS_MAX: usize = 100_000;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    policy: Option<String>,
    description: Option<String>,
    key_usage: Option<KeyUsage>,
    customer_master_key_spec: Option<KeySpec>,
    key_spec: Option<KeySpec>,
    origin: Option<Origin>,
    custom_key_store_id: Option<String>,
    bypass_policy_lockout_safety_check: Option<bool>,
    #[serde(default)]
    tags: Vec<Tag>,
    multi_region: Option<bool>,
    xks_key_id: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    key_metadata: KeyMetadata,
}

/// What the key is made of, and what it is for.
fn kind(input: &Input) -> Result<(KeySpec, KeyUsage), Error> {
    let spec = match (input.key_spec, input.customer_master_key_spec) {
        (Some(_), Some(_)) => {
            let text = "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. \
                        CustomerMasterKeySpec is deprecated.";
            return Err(Error::ValidationException(text.to_owned()));
        }
        (spec, old) => spec.or(old).unwrap_or(KeySpec::Symmetric),
    };
    let usage = match input.key_usage {
        Some(usage) => usage,
        None if spec.is_symmetric() => KeyUsage::EncryptDecrypt,
        None => {
            let text = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
            return Err(Error::ValidationException(text.to_owned()));
        }
    };
    if !spec.usages().contains(&usage) {
        return Err(Error::ValidationException(format!("KeyUsage {usage} is not compatible with KeySpec {spec}")));
    }
    if !spec.is_supported() {
        let text = format!("KeySpec {spec} is not supported in this region.");
        return Err(Error::UnsupportedOperationException(text));
    }
    Ok((spec, usage))
}

/// Refuses what lies outside of this server.
fn check_here(input: &Input) -> Result<(), Error> {
    if let Some(id) = &input.custom_key_store_id {
        return Err(Error::CustomKeyStoreNotFoundException(format!("Custom key store {id} is not found.")));
    }
    if matches!(input.origin, Some(Origin::CloudHsm | Origin::KeyStore)) || input.xks_key_id.is_some() {
        let text = "CustomKeyStoreId must be specified for keys in a custom key store.";
        return Err(Error::ValidationException(text.to_owned()));
    }
    if input.multi_region == Some(true) {
        let text = "Multi-Region keys are not supported in this region.";
        return Err(Error::UnsupportedOperationException(text.to_owned()));
    }
    Ok(())
}

operation! {
    /// Makes a key, with material of its own or to be imported.
    CreateKey: Input => Output, |kms, call, input| {
        let (spec, usage) = kind(&input)?;
        let origin = input.origin.unwrap_or(Origin::Kms);
        let bypass = input.bypass_policy_lockout_safety_check == Some(true);
        let pairs = input.tags.iter().map(|tag| (tag.tag_key.as_str(), Some(tag.tag_value.as_str())));
        let conditions = Conditions::new()
            .with("kms:KeySpec", spec.text())
            .with("kms:CustomerMasterKeySpec", spec.text())
            .with("kms:KeyUsage", usage.text())
            .with("kms:CustomerMasterKeyUsage", usage.text())
            .with("kms:KeyOrigin", origin.text())
            .with("kms:MultiRegion", input.multi_region.unwrap_or(false).to_string())
            .with("kms:BypassPolicyLockoutSafetyCheck", bypass.to_string())
            .with_request_tags(pairs);
        kms.authorize_by_identity(call, "CreateKey", "*", &conditions).await?;
        if !input.tags.is_empty() {
            kms.authorize_by_identity(call, "TagResource", "*", &conditions).await?;
        }
        check_here(&input)?;
        let account = &kms.deps.account;
        let now = call.time;
        let id = base::ids::uuid(&*kms.deps.env.rng);
        let arn = arn(call.region, account, &format!("key/{id}"));
        let policy = match input.policy {
            Some(text) => {
                let policy = rules::parse_key_policy(&text)?;
                if !bypass {
                    rules::check_lockout(policy, &call.caller, &arn, account)?;
                }
                text
            }
            None => rules::default_policy(call.region.partition(), account),
        };
        let mut key = Key {
            v: DOCUMENT_VERSION,
            id,
            arn,
            region: call.region.to_string(),
            created: now,
            description: input.description.unwrap_or_default(),
            spec,
            usage,
            origin,
            managed_for: None,
            enabled: true,
            deletion: None,
            policy,
            tags: tags::merged(&[], input.tags)?,
            materials: Vec::new(),
            rotation: None,
            public_key: None,
        };
        if origin == Origin::Kms {
            let secret = kms.generate(spec).await?;
            if spec.has_public_key() {
                let public = pair::public_key(spec, &secret).map_err(|_| broken("a new key pair does not read"))?;
                key.public_key = Some(public);
            }
            let material = kms.material_of(&key, &secret).await?;
            key.materials.push(material);
        }
        call.note_resource("AWS::KMS::Key", key.arn.as_str());
        let key_metadata = KeyMetadata::of(&key, account, now);
        kms.store
            .change(|memory| {
                let own = memory.keys(call.region, now).filter(|held| held.managed_for.is_none());
                if own.count() >= KEYS_MAX {
                    return Err(Error::LimitExceededException("The quota of KMS keys is reached.".to_owned()).into());
                }
                Ok((vec![Step::Put(Box::new(key))], Output { key_metadata }))
            })
            .await
    }
}
