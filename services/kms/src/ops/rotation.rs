//! EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand, ListKeyRotations: new material for a key, while the
//! old still decrypts what it encrypted. Source: KMS developer guide, "Rotate AWS KMS keys".

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::metadata::expiration_model;
use super::page;
use crate::Error;
use crate::access::Ask;
use crate::key::{Key, Material, MaterialState, ROTATION_DAYS};
use crate::spec::{KeyState, Origin};

/// Rotations on demand in a key's life. Source: KMS API reference, RotateKeyOnDemand.
const ON_DEMAND_MAX: usize = 25;
const ON_DEMAND: &str = "ON_DEMAND";

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EnableInput {
    key_id: String,
    rotation_period_in_days: Option<i64>,
}

operation! {
    /// Has a key's material replaced from time to time.
    EnableKeyRotation: EnableInput => (), |kms, call, input| {
        let days = input.rotation_period_in_days.unwrap_or(ROTATION_DAYS);
        let key = kms.resolve_key(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "EnableKeyRotation").with("kms:RotationPeriodInDays", days.to_string());
        kms.authorize(call, ask).await?;
        kms.change_key(call.region, &key.id, |key| {
            key.check_origin(Origin::Kms)?;
            key.check_symmetric("EnableKeyRotation")?;
            key.check_enabled(call.time)?;
            if key.rotation.is_none_or(|rotation| rotation.period_days != days) {
                key.rotation = Some(Key::rotation_from(call.time, days));
            }
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
    /// Has a key's material replaced no more.
    DisableKeyRotation: OneKey => (), |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "DisableKeyRotation")).await?;
        kms.change_key(call.region, &key.id, |key| {
            key.check_origin(Origin::Kms)?;
            key.check_symmetric("DisableKeyRotation")?;
            key.check_enabled(call.time)?;
            key.rotation = None;
            Ok(())
        })
        .await
    }
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatusOutput {
    key_rotation_enabled: bool,
    key_id: String,
    rotation_period_in_days: Option<i64>,
    next_rotation_date: Option<Timestamp>,
}

operation! {
    /// Tells whether and when a key's material is replaced.
    GetKeyRotationStatus: OneKey => StatusOutput, |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "GetKeyRotationStatus")).await?;
        let rotation = key.rotation.filter(|_| key.state(call.time) != KeyState::PendingDeletion);
        Ok(StatusOutput {
            key_rotation_enabled: rotation.is_some(),
            key_id: key.arn.clone(),
            rotation_period_in_days: rotation.map(|rotation| rotation.period_days),
            next_rotation_date: rotation.map(|rotation| rotation.next),
        })
    }
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RotateOutput {
    key_id: String,
}

operation! {
    /// Replaces a key's material now.
    RotateKeyOnDemand: OneKey => RotateOutput, |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "RotateKeyOnDemand")).await?;
        key.check_symmetric("RotateKeyOnDemand")?;
        key.check_enabled(call.time)?;
        let new = match key.origin {
            Origin::Kms => {
                let secret = kms.generate(key.spec).await?;
                Some(kms.material_of(&key, &secret).await?)
            }
            _ => None,
        };
        kms.change_key(call.region, &key.id, |key| {
            key.check_enabled(call.time)?;
            let is_on_demand = |material: &&Material| matches!(&material.rotated, Some((_, kind)) if kind == ON_DEMAND);
            if key.materials.iter().filter(is_on_demand).count() >= ON_DEMAND_MAX {
                let text = format!("{} has been rotated on demand {ON_DEMAND_MAX} times.", key.arn);
                return Err(Error::LimitExceededException(text).into());
            }
            let pending = || key.materials.iter().find(|material| material.state == MaterialState::PendingRotation);
            let id = match &new {
                Some(new) => new.id.clone(),
                None => match pending() {
                    Some(material) => material.id.clone(),
                    None => {
                        let text = format!("{} has no key material pending rotation.", key.arn);
                        return Err(Error::KMSInvalidStateException(text).into());
                    }
                },
            };
            key.rotate(new, &id, call.time, ON_DEMAND);
            Ok(RotateOutput { key_id: key.arn.clone() })
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInput {
    key_id: String,
    include_key_material: Option<String>,
    limit: Option<i64>,
    marker: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RotationsListEntry {
    key_id: String,
    key_material_id: String,
    key_material_description: Option<String>,
    import_state: Option<&'static str>,
    key_material_state: &'static str,
    expiration_model: Option<&'static str>,
    valid_to: Option<Timestamp>,
    rotation_date: Option<Timestamp>,
    rotation_type: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    rotations: Vec<RotationsListEntry>,
    next_marker: Option<String>,
    truncated: bool,
}

operation! {
    /// Lists the times at which a key's material was replaced, oldest first; or all material.
    ListKeyRotations: ListInput => ListOutput, |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "ListKeyRotations")).await?;
        key.check_symmetric("ListKeyRotations")?;
        let all = input.include_key_material.as_deref() == Some("ALL_KEY_MATERIAL");
        let shown = key.materials.iter().filter(|material| all || material.rotated.is_some());
        let numbered: Vec<_> = shown.enumerate().map(|(at, material)| (format!("{at:06}"), material)).collect();
        let page = page(numbered, |(at, _)| at, input.marker.as_deref(), input.limit, 100)?;
        let is_imported = key.origin == Origin::External;
        let entry = |(_, material): &(String, &Material)| RotationsListEntry {
            key_id: key.id.clone(),
            key_material_id: material.id.clone(),
            key_material_description: material.description.clone(),
            import_state: is_imported.then(|| if material.is_here(call.time) { "IMPORTED" } else { "PENDING_IMPORT" }),
            key_material_state: material.state.text(),
            expiration_model: is_imported.then(|| expiration_model(material.valid_to)),
            valid_to: material.valid_to,
            rotation_date: material.rotated.as_ref().map(|(time, _)| *time),
            rotation_type: material.rotated.as_ref().map(|(_, kind)| kind.clone()),
        };
        let rotations = page.items.iter().map(entry).collect();
        Ok(ListOutput { rotations, truncated: page.next_token.is_some(), next_marker: page.next_token })
    }
}
