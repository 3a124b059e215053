//! Encrypt, Decrypt, ReEncrypt: up to 4096 bytes at a time.

use std::sync::Arc;

use base::Region;
use model::Blob;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};
use zeroize::Zeroizing;

use super::{Recipient, check_dry_run, check_grant_tokens, check_recipient};
use crate::access::Ask;
use crate::crypto::ciphertext::{self, EncryptionContext};
use crate::key::Key;
use crate::spec::{EncryptionAlgorithm, KeyUsage};
use crate::{Error, Held, Kms};

/// The most characters of an encryption context. Source: KMS developer guide, "Encryption context".
const CONTEXT_CHARS_MAX: usize = 8192;
/// What DryRunModifiers says if there is no ciphertext to look at.
const IGNORE_CIPHERTEXT: &str = "IGNORE_CIPHERTEXT";

/// Refuses contexts that do not go with the algorithm.
pub(super) fn check_context(algorithm: EncryptionAlgorithm, context: &EncryptionContext) -> Result<(), Error> {
    if algorithm != EncryptionAlgorithm::Symmetric && !context.is_empty() {
        let text = "EncryptionContext is not supported for asymmetric encryption algorithms.";
        return Err(Error::ValidationException(text.to_owned()));
    }
    let chars: usize = context.iter().map(|(key, value)| key.chars().count() + value.chars().count()).sum();
    if chars > CONTEXT_CHARS_MAX {
        let text = format!("EncryptionContext must not have more than {CONTEXT_CHARS_MAX} characters.");
        return Err(Error::ValidationException(text));
    }
    Ok(())
}

/// Refuses algorithms that are not the key's.
fn check_algorithm(key: &Key, algorithm: EncryptionAlgorithm) -> Result<(), Error> {
    if key.spec.encryption().contains(&algorithm) {
        return Ok(());
    }
    let text = format!("Algorithm {algorithm} is incompatible with key spec {}.", key.spec);
    Err(Error::InvalidKeyUsageException(text))
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EncryptInput {
    key_id: String,
    plaintext: Blob,
    #[serde(default)]
    encryption_context: EncryptionContext,
    #[serde(default)]
    grant_tokens: Vec<String>,
    encryption_algorithm: Option<EncryptionAlgorithm>,
    dry_run: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EncryptOutput {
    ciphertext_blob: Blob,
    key_id: String,
    encryption_algorithm: EncryptionAlgorithm,
}

/// Refuses what the key does not encrypt.
fn check_encrypts(
    key: &Key,
    call: &Call,
    operation: &str,
    algorithm: EncryptionAlgorithm,
    plaintext_bytes: usize,
) -> Result<(), Error> {
    key.check_enabled(call.time)?;
    key.check_usage(KeyUsage::EncryptDecrypt, operation)?;
    check_algorithm(key, algorithm)?;
    let max = algorithm.plaintext_bytes_max(key.spec);
    if plaintext_bytes > max {
        let spec = key.spec;
        let text = format!("Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {max} bytes.");
        return Err(Error::ValidationException(text));
    }
    Ok(())
}

operation! {
    /// Encrypts under a key.
    Encrypt: EncryptInput => EncryptOutput, |kms, call, input| {
        let algorithm = input.encryption_algorithm.unwrap_or(EncryptionAlgorithm::Symmetric);
        let context = &input.encryption_context;
        let key = kms.resolve(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "Encrypt").with_context(context);
        kms.authorize(call, ask.with("kms:EncryptionAlgorithm", algorithm.text())).await?;
        check_grant_tokens(&input.grant_tokens)?;
        check_encrypts(&key, call, "Encrypt", algorithm, input.plaintext.len())?;
        check_context(algorithm, context)?;
        check_dry_run(input.dry_run)?;
        let sealed = kms.encrypt_under(&key, algorithm, context, &input.plaintext).await?;
        let ciphertext_blob = Blob::from(sealed.ciphertext);
        Ok(EncryptOutput { ciphertext_blob, key_id: key.arn.clone(), encryption_algorithm: algorithm })
    }
}

/// The key that a ciphertext is to be decrypted with: named by the request, by the ciphertext, or by both in the same way.
fn key_of(
    kms: &Kms,
    region: Region,
    named: Option<&str>,
    algorithm: EncryptionAlgorithm,
    sealed: Option<&[u8]>,
) -> Result<Arc<Held>, Error> {
    let named = named.map(|text| kms.resolve(region, text)).transpose()?;
    let Some(sealed) = sealed else {
        // A dry run that ignores the ciphertext.
        let text = "KeyId is required if there is no CiphertextBlob.";
        return named.ok_or_else(|| Error::ValidationException(text.to_owned()));
    };
    if let Some(key) = &named
        && key.usage != KeyUsage::EncryptDecrypt
    {
        return Err(Error::IncorrectKeyException);
    }
    if algorithm != EncryptionAlgorithm::Symmetric {
        return named.ok_or(Error::InvalidCiphertextException);
    }
    let label = ciphertext::label(sealed).ok_or(Error::InvalidCiphertextException)?;
    match named {
        Some(key) if key.id == label.key_id => Ok(key),
        Some(_) => Err(Error::IncorrectKeyException),
        None => kms.key(region, &label.key_id).map_err(|_| Error::no_key_of_ciphertext()),
    }
}

/// Refuses a request without a ciphertext, unless it says that it means it.
fn check_ciphertext(blob: Option<&Blob>, dry_run: Option<bool>, modifiers: &[String]) -> Result<(), Error> {
    let ignored = dry_run == Some(true) && modifiers.iter().any(|word| word == IGNORE_CIPHERTEXT);
    if blob.is_some() || ignored {
        return Ok(());
    }
    let text = "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must \
                not be null";
    Err(Error::ValidationException(text.to_owned()))
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DecryptInput {
    ciphertext_blob: Option<Blob>,
    #[serde(default)]
    encryption_context: EncryptionContext,
    #[serde(default)]
    grant_tokens: Vec<String>,
    key_id: Option<String>,
    encryption_algorithm: Option<EncryptionAlgorithm>,
    recipient: Option<Recipient>,
    dry_run: Option<bool>,
    #[serde(default)]
    dry_run_modifiers: Vec<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DecryptOutput {
    key_id: String,
    plaintext: Blob,
    encryption_algorithm: EncryptionAlgorithm,
    key_material_id: Option<String>,
}

operation! {
    /// Decrypts what Encrypt or GenerateDataKey gave. The ciphertext of a symmetric key names its key itself.
    Decrypt: DecryptInput => DecryptOutput, |kms, call, input| {
        let algorithm = input.encryption_algorithm.unwrap_or(EncryptionAlgorithm::Symmetric);
        let context = &input.encryption_context;
        check_ciphertext(input.ciphertext_blob.as_ref(), input.dry_run, &input.dry_run_modifiers)?;
        let sealed = input.ciphertext_blob.as_deref();
        let key = key_of(kms, call.region, input.key_id.as_deref(), algorithm, sealed)?;
        let ask = Ask::of(&key, input.key_id.as_deref().unwrap_or_default(), "Decrypt").with_context(context);
        kms.authorize(call, ask.with("kms:EncryptionAlgorithm", algorithm.text())).await?;
        check_grant_tokens(&input.grant_tokens)?;
        check_recipient(input.recipient.as_ref())?;
        key.check_enabled(call.time)?;
        check_algorithm(&key, algorithm)?;
        check_context(algorithm, context)?;
        let opened = match sealed {
            Some(sealed) => Some(kms.decrypt_under(&key, algorithm, context, sealed, call.time).await?),
            None => None,
        };
        check_dry_run(input.dry_run)?;
        let opened = opened.ok_or(Error::InvalidCiphertextException)?;
        Ok(DecryptOutput {
            key_id: key.arn.clone(),
            plaintext: shown(opened.plaintext),
            encryption_algorithm: algorithm,
            key_material_id: opened.material_id,
        })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReEncryptInput {
    ciphertext_blob: Option<Blob>,
    #[serde(default)]
    source_encryption_context: EncryptionContext,
    source_key_id: Option<String>,
    destination_key_id: String,
    #[serde(default)]
    destination_encryption_context: EncryptionContext,
    source_encryption_algorithm: Option<EncryptionAlgorithm>,
    destination_encryption_algorithm: Option<EncryptionAlgorithm>,
    #[serde(default)]
    grant_tokens: Vec<String>,
    dry_run: Option<bool>,
    #[serde(default)]
    dry_run_modifiers: Vec<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReEncryptOutput {
    ciphertext_blob: Blob,
    source_key_id: String,
    key_id: String,
    source_encryption_algorithm: EncryptionAlgorithm,
    destination_encryption_algorithm: EncryptionAlgorithm,
    source_key_material_id: Option<String>,
    destination_key_material_id: Option<String>,
}

async fn authorize_both(
    kms: &Kms,
    call: &Call,
    input: &ReEncryptInput,
    (source, from): (&Held, EncryptionAlgorithm),
    (destination, to): (&Held, EncryptionAlgorithm),
) -> Result<(), ApiError> {
    let same = (source.arn == destination.arn).to_string();
    let named = input.source_key_id.as_deref().unwrap_or_default();
    let ask = Ask::of(source, named, "ReEncryptFrom").with_context(&input.source_encryption_context);
    let ask = ask.with("kms:EncryptionAlgorithm", from.text()).with("kms:ReEncryptOnSameKey", same.as_str());
    kms.authorize(call, ask).await?;
    let ask = Ask::of(destination, &input.destination_key_id, "ReEncryptTo");
    let ask = ask.with_context(&input.destination_encryption_context);
    let ask = ask.with("kms:EncryptionAlgorithm", to.text()).with("kms:ReEncryptOnSameKey", same);
    kms.authorize(call, ask).await.map(drop)
}

operation! {
    /// Decrypts and encrypts again, under another key or with another context; what is within is never shown.
    ReEncrypt: ReEncryptInput => ReEncryptOutput, |kms, call, input| {
        let from = input.source_encryption_algorithm.unwrap_or(EncryptionAlgorithm::Symmetric);
        let to = input.destination_encryption_algorithm.unwrap_or(EncryptionAlgorithm::Symmetric);
        check_ciphertext(input.ciphertext_blob.as_ref(), input.dry_run, &input.dry_run_modifiers)?;
        let sealed = input.ciphertext_blob.as_deref();
        let source = key_of(kms, call.region, input.source_key_id.as_deref(), from, sealed)?;
        let destination = kms.resolve(call.region, &input.destination_key_id)?;
        authorize_both(kms, call, &input, (&source, from), (&destination, to)).await?;
        check_grant_tokens(&input.grant_tokens)?;
        source.check_enabled(call.time)?;
        check_algorithm(&source, from)?;
        check_context(from, &input.source_encryption_context)?;
        check_context(to, &input.destination_encryption_context)?;
        let opened = match sealed {
            Some(sealed) => {
                Some(kms.decrypt_under(&source, from, &input.source_encryption_context, sealed, call.time).await?)
            }
            None => None,
        };
        let bytes = opened.as_ref().map_or(0, |opened| opened.plaintext.len());
        check_encrypts(&destination, call, "ReEncrypt", to, bytes)?;
        check_dry_run(input.dry_run)?;
        let opened = opened.ok_or(Error::InvalidCiphertextException)?;
        let context = &input.destination_encryption_context;
        let sealed = kms.encrypt_under(&destination, to, context, &opened.plaintext).await?;
        Ok(ReEncryptOutput {
            ciphertext_blob: Blob::from(sealed.ciphertext),
            source_key_id: source.arn.clone(),
            key_id: destination.arn.clone(),
            source_encryption_algorithm: from,
            destination_encryption_algorithm: to,
            source_key_material_id: opened.material_id,
            destination_key_material_id: sealed.material_id,
        })
    }
}

/// Plain bytes for an answer; nothing of them stays here.
pub(super) fn shown(mut secret: Zeroizing<Vec<u8>>) -> Blob {
    Blob::from(std::mem::take(&mut *secret))
}
