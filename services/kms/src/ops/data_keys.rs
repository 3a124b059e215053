//! GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom.

use model::Blob;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};
use zeroize::Zeroizing;

use super::encrypt::{check_context, shown};
use super::{Recipient, check_dry_run, check_grant_tokens, check_recipient};
use crate::access::Ask;
use crate::crypto::ciphertext::EncryptionContext;
use crate::master::SecretBytes;
use crate::material::Encrypted;
use crate::spec::{EncryptionAlgorithm, KeyUsage};
use crate::{Error, Held, Kms};

/// The most bytes of a data key or of a random text.
const BYTES_MAX: i64 = 1024;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataKeyInput {
    key_id: String,
    #[serde(default)]
    encryption_context: EncryptionContext,
    number_of_bytes: Option<i64>,
    key_spec: Option<String>,
    #[serde(default)]
    grant_tokens: Vec<String>,
    recipient: Option<Recipient>,
    dry_run: Option<bool>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HiddenDataKeyInput {
    key_id: String,
    #[serde(default)]
    encryption_context: EncryptionContext,
    key_spec: Option<String>,
    number_of_bytes: Option<i64>,
    #[serde(default)]
    grant_tokens: Vec<String>,
    dry_run: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataKeyOutput {
    ciphertext_blob: Blob,
    plaintext: Option<Blob>,
    key_id: String,
    key_material_id: Option<String>,
}

fn bytes_of(spec: Option<&str>, bytes: Option<i64>) -> Result<usize, Error> {
    match (spec, bytes) {
        (Some("AES_256"), None) => Ok(32),
        (Some(_), None) => Ok(16),
        (None, Some(bytes)) => Ok(usize::try_from(bytes.clamp(1, BYTES_MAX)).unwrap_or(1)),
        _ => Err(Error::ValidationException("Please specify either number of bytes or key spec.".to_owned())),
    }
}

/// Refuses keys that make no data keys.
pub(super) fn check_makes_data_keys(key: &Held, call: &Call, operation: &str) -> Result<(), Error> {
    key.check_enabled(call.time)?;
    key.check_usage(KeyUsage::EncryptDecrypt, operation)?;
    if !key.spec.is_symmetric() {
        let text = format!("{} key spec is {} which is not valid for {operation}.", key.arn, key.spec);
        return Err(Error::InvalidKeyUsageException(text));
    }
    Ok(())
}

async fn make(
    kms: &Kms,
    call: &Call,
    operation: &str,
    input: HiddenDataKeyInput,
) -> Result<(SecretBytes, Encrypted, String), ApiError> {
    let context = &input.encryption_context;
    let key = kms.resolve(call.region, &input.key_id)?;
    let ask = Ask::of(&key, &input.key_id, operation).with_context(context);
    kms.authorize(call, ask.with("kms:EncryptionAlgorithm", EncryptionAlgorithm::Symmetric.text())).await?;
    check_grant_tokens(&input.grant_tokens)?;
    let bytes = bytes_of(input.key_spec.as_deref(), input.number_of_bytes)?;
    check_makes_data_keys(&key, call, operation)?;
    check_context(EncryptionAlgorithm::Symmetric, context)?;
    check_dry_run(input.dry_run)?;
    let mut secret = Zeroizing::new(vec![0; bytes]);
    kms.deps.env.rng.fill(&mut secret);
    let sealed = kms.encrypt_under(&key, EncryptionAlgorithm::Symmetric, context, &secret).await?;
    Ok((secret, sealed, key.arn.clone()))
}

operation! {
    /// Makes a secret, in clear and encrypted.
    GenerateDataKey: DataKeyInput => DataKeyOutput, |kms, call, input| {
        let DataKeyInput { key_id, encryption_context, number_of_bytes, key_spec, grant_tokens, recipient, dry_run } =
            input;
        check_recipient(recipient.as_ref())?;
        let input =
            HiddenDataKeyInput { key_id, encryption_context, key_spec, number_of_bytes, grant_tokens, dry_run };
        let (secret, sealed, key_id) = make(kms, call, "GenerateDataKey", input).await?;
        Ok(DataKeyOutput {
            ciphertext_blob: Blob::from(sealed.ciphertext),
            plaintext: Some(shown(secret)),
            key_id,
            key_material_id: sealed.material_id,
        })
    }
}

operation! {
    /// Makes a secret, encrypted only.
    GenerateDataKeyWithoutPlaintext: HiddenDataKeyInput => DataKeyOutput, |kms, call, input| {
        let (_, sealed, key_id) = make(kms, call, "GenerateDataKeyWithoutPlaintext", input).await?;
        Ok(DataKeyOutput {
            ciphertext_blob: Blob::from(sealed.ciphertext),
            plaintext: None,
            key_id,
            key_material_id: sealed.material_id,
        })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RandomInput {
    number_of_bytes: Option<i64>,
    custom_key_store_id: Option<String>,
    recipient: Option<Recipient>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RandomOutput {
    plaintext: Blob,
}

operation! {
    /// Gives random bytes.
    GenerateRandom on "*": RandomInput => RandomOutput, |kms, _call, input| {
        check_recipient(input.recipient.as_ref())?;
        if let Some(id) = input.custom_key_store_id {
            let text = format!("Custom key store {id} is not found.");
            return Err(Error::CustomKeyStoreNotFoundException(text).into());
        }
        let Some(bytes) = input.number_of_bytes else {
            return Err(Error::ValidationException("NumberOfBytes is required.".to_owned()).into());
        };
        let mut random = Zeroizing::new(vec![0; bytes_of(None, Some(bytes))?]);
        kms.deps.env.rng.fill(&mut random);
        Ok(RandomOutput { plaintext: shown(random) })
    }
}
