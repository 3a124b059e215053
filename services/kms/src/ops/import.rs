//! GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial: material that its owner keeps a copy of. Source: KMS developer
//! guide, "Importing key material".
//!
//! Nothing is kept between the first two: the import token holds the private half of the wrapping key, wrapped under the master key
//! and bound to the key.

use base::Timestamp;
use base::time::DAY_MS;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Blob;
use serde::{Deserialize, Serialize};
use service::ApiError;
use zeroize::Zeroizing;

use crate::Error;
use crate::access::Ask;
use crate::crypto::import::{WrappingAlgorithm, unwrap};
use crate::crypto::{self, pair};
use crate::error::broken;
use crate::key::{Key, Material, MaterialState};
use crate::spec::{KeySpec, Origin};

/// How long an import token is good. Source: KMS API reference, GetParametersForImport.
const TOKEN_MS: i64 = DAY_MS;
/// How far ahead material may expire.
const VALID_DAYS_MAX: i64 = 365;

/// What an import token holds.
#[derive(Serialize, Deserialize)]
struct Token {
    algorithm: WrappingAlgorithm,
    modulus_bytes: usize,
    expires: Timestamp,
    private: String,
}

fn bound(key: &Key) -> Vec<u8> {
    [b"cairn kms import token:", key.arn.as_bytes()].concat()
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParametersInput {
    key_id: String,
    wrapping_algorithm: WrappingAlgorithm,
    wrapping_key_spec: KeySpec,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParametersOutput {
    key_id: String,
    import_token: Blob,
    public_key: Blob,
    parameters_valid_to: Timestamp,
}

operation! {
    /// Gives a public key to wrap material with, and the token to send it back with.
    GetParametersForImport: ParametersInput => ParametersOutput, |kms, call, input| {
        let spec = input.wrapping_key_spec;
        let key = kms.resolve_key(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "GetParametersForImport").with("kms:WrappingKeySpec", spec.text());
        let word = serde_json::to_value(input.wrapping_algorithm).map_err(ApiError::internal)?;
        kms.authorize(call, ask.with("kms:WrappingAlgorithm", word.as_str().unwrap_or_default())).await?;
        key.check_origin(Origin::External)?;
        key.check_not_deleted()?;
        let (Some(_), Some(bits)) = (input.wrapping_algorithm.steps(), spec.rsa_bits()) else {
            let text = "The wrapping algorithm or wrapping key spec is not supported.";
            return Err(Error::UnsupportedOperationException(text.to_owned()).into());
        };
        let private = kms.generate(spec).await?;
        let public = pair::public_key(spec, &private).map_err(|_| broken("a new key pair does not read"))?;
        let expires = call.time.plus_ms(TOKEN_MS);
        let token = Token {
            algorithm: input.wrapping_algorithm,
            modulus_bytes: bits / 8,
            expires,
            private: STANDARD.encode(&*private),
        };
        let token = Zeroizing::new(serde_json::to_vec(&token).map_err(ApiError::internal)?);
        let token = kms.deps.master.wrap(&token, &bound(&key)).await?;
        Ok(ParametersOutput {
            key_id: key.arn.clone(),
            import_token: Blob::from(token),
            public_key: Blob::from(public),
            parameters_valid_to: expires,
        })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImportInput {
    key_id: String,
    import_token: Blob,
    encrypted_key_material: Blob,
    valid_to: Option<Timestamp>,
    expiration_model: Option<String>,
    import_type: Option<String>,
    key_material_description: Option<String>,
    key_material_id: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MaterialOutput {
    key_id: String,
    key_material_id: Option<String>,
}

/// When the material expires, as asked for.
fn expiry(input: &ImportInput, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let expires = input.expiration_model.as_deref() != Some("KEY_MATERIAL_DOES_NOT_EXPIRE");
    match (expires, input.valid_to) {
        (true, None) => {
            let text = "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES";
            Err(Error::ValidationException(text.to_owned()))
        }
        (false, Some(_)) => {
            let text = "A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE";
            Err(Error::ValidationException(text.to_owned()))
        }
        (true, Some(end)) if end <= now || end > now.plus_ms(VALID_DAYS_MAX * DAY_MS) => {
            let text = format!("ValidTo must be in the future and within {VALID_DAYS_MAX} days.");
            Err(Error::ValidationException(text))
        }
        (_, end) => Ok(end),
    }
}

/// Gives a key its material: the first, one that it had, or one to rotate to.
fn take(key: &mut Key, new: Material, import_type: Option<&str>) -> Result<(), Error> {
    if let Some(known) = key.materials.iter_mut().find(|known| known.id == new.id) {
        known.wrapped = new.wrapped;
        known.valid_to = new.valid_to;
        known.description = new.description.or(known.description.take());
        return Ok(());
    }
    let pending = key.materials.iter().any(|material| material.state == MaterialState::PendingRotation);
    let state = match (key.materials.is_empty(), import_type) {
        (true, _) => MaterialState::Current,
        (false, Some("NEW_KEY_MATERIAL")) if key.spec.is_symmetric() && !pending => MaterialState::PendingRotation,
        (false, Some("NEW_KEY_MATERIAL")) if key.spec.is_symmetric() => {
            let text = format!("{} has key material pending rotation.", key.arn);
            return Err(Error::KMSInvalidStateException(text));
        }
        _ => {
            let text = "The imported key material is not the material that was imported into the KMS key before.";
            return Err(Error::IncorrectKeyMaterialException(text.to_owned()));
        }
    };
    key.materials.push(Material { state, ..new });
    Ok(())
}

operation! {
    /// Gives a key the material that its owner wrapped.
    ImportKeyMaterial: ImportInput => MaterialOutput, |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "ImportKeyMaterial")
            .with("kms:ExpirationModel", input.expiration_model.as_deref().unwrap_or("KEY_MATERIAL_EXPIRES"))
            .with_some("kms:ValidTo", input.valid_to.map(|time| time.iso8601_secs()));
        kms.authorize(call, ask).await?;
        key.check_origin(Origin::External)?;
        key.check_not_deleted()?;
        let valid_to = expiry(&input, call.time)?;
        if !kms.deps.master.knows(&input.import_token) {
            return Err(Error::InvalidImportTokenException.into());
        }
        let token = kms.deps.master.unwrap(&input.import_token, &bound(&key)).await?;
        let token: Option<Token> = token.and_then(|text| serde_json::from_slice(&text).ok());
        let token = token.ok_or(Error::InvalidImportTokenException)?;
        if token.expires <= call.time {
            return Err(Error::ExpiredImportTokenException.into());
        }
        let private = STANDARD.decode(Zeroizing::new(token.private).as_str()).map(Zeroizing::new);
        let private = private.map_err(|_| Error::InvalidImportTokenException)?;
        let secret = unwrap(token.algorithm, &private, token.modulus_bytes, &input.encrypted_key_material);
        let secret = secret.map_err(|_| Error::InvalidCiphertextException)?;
        if !crypto::fits(key.spec, &secret) {
            let text = format!("The key material does not fit key spec {}.", key.spec);
            return Err(Error::IncorrectKeyMaterialException(text).into());
        }
        let public = match key.spec.has_public_key() {
            true => Some(pair::public_key(key.spec, &secret).map_err(|_| broken("a key pair does not read"))?),
            false => None,
        };
        let mut material = kms.material_of(&key, &secret).await?;
        if input.key_material_id.is_some_and(|id| id != material.id) {
            let text = "The imported key material does not have the specified key material ID.";
            return Err(Error::IncorrectKeyMaterialException(text.to_owned()).into());
        }
        material.valid_to = valid_to;
        material.description = input.key_material_description;
        let shown = key.spec.is_symmetric().then(|| material.id.clone());
        kms.change_key(call.region, &key.id, |key| {
            key.check_not_deleted()?;
            take(key, material, input.import_type.as_deref())?;
            key.public_key = public.or(key.public_key.take());
            Ok(MaterialOutput { key_id: key.arn.clone(), key_material_id: shown })
        })
        .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteInput {
    key_id: String,
    key_material_id: Option<String>,
}

operation! {
    /// Drops a key's imported material; the key can be used again when the same is imported.
    DeleteImportedKeyMaterial: DeleteInput => MaterialOutput, |kms, call, input| {
        let key = kms.resolve_key(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "DeleteImportedKeyMaterial")).await?;
        key.check_origin(Origin::External)?;
        kms.change_key(call.region, &key.id, |key| {
            let id = input.key_material_id.clone().or_else(|| key.current().map(|material| material.id.clone()));
            let found = key.materials.iter_mut().find(|material| Some(&material.id) == id.as_ref());
            match found {
                Some(material) if material.state == MaterialState::PendingRotation => {
                    key.materials.retain(|material| Some(&material.id) != id.as_ref());
                }
                Some(material) => {
                    material.wrapped = None;
                    material.valid_to = None;
                }
                None if input.key_material_id.is_some() => {
                    let text = "The key material ID is not one of the KMS key.";
                    return Err(Error::NotFoundException(text.to_owned()).into());
                }
                None => {}
            }
            let key_material_id = id.filter(|_| key.spec.is_symmetric());
            Ok(MaterialOutput { key_id: key.arn.clone(), key_material_id })
        })
        .await
    }
}
