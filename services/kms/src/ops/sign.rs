//! Sign, Verify, GetPublicKey, DeriveSharedSecret: what key pairs do besides encrypting.

use model::Blob;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use super::encrypt::shown;
use super::metadata::old_spec;
use super::{Recipient, check_dry_run, check_grant_tokens, check_recipient};
use crate::Error;
use crate::access::Ask;
use crate::crypto::pair;
use crate::error::broken;
use crate::key::Key;
use crate::spec::{EncryptionAlgorithm, KeySpec, KeyUsage, MessageType, Origin, SigningAlgorithm};

/// Whether what is signed is a digest; refuses what the key and the algorithm do not sign.
fn is_digest(
    key: &Key,
    call: &Call,
    operation: &str,
    algorithm: SigningAlgorithm,
    kind: MessageType,
    message_bytes: usize,
) -> Result<bool, Error> {
    key.check_enabled(call.time)?;
    key.check_usage(KeyUsage::SignVerify, operation)?;
    if !key.spec.signing().contains(&algorithm) {
        let text = format!("Algorithm {algorithm} is incompatible with key spec {}.", key.spec);
        return Err(Error::InvalidKeyUsageException(text));
    }
    if algorithm == SigningAlgorithm::Ed25519Ph || kind == MessageType::ExternalMu {
        let text = format!("Signing algorithm {algorithm} with message type {kind} is not supported.");
        return Err(Error::UnsupportedOperationException(text));
    }
    match (kind, algorithm.digest_bytes()) {
        (MessageType::Digest, Some(bytes)) if bytes == message_bytes => Ok(true),
        (MessageType::Digest, Some(_)) => {
            Err(Error::ValidationException(format!("Digest is invalid length for algorithm {algorithm}.")))
        }
        (MessageType::Digest, None) => {
            Err(Error::ValidationException(format!("Message type DIGEST is not valid for algorithm {algorithm}.")))
        }
        _ => Ok(false),
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SignInput {
    key_id: String,
    message: Blob,
    message_type: Option<MessageType>,
    #[serde(default)]
    grant_tokens: Vec<String>,
    signing_algorithm: SigningAlgorithm,
    dry_run: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SignOutput {
    key_id: String,
    signature: Blob,
    signing_algorithm: SigningAlgorithm,
}

operation! {
    /// Signs a message or its digest.
    Sign: SignInput => SignOutput, |kms, call, input| {
        let (algorithm, kind) = (input.signing_algorithm, input.message_type.unwrap_or(MessageType::Raw));
        let key = kms.resolve(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "Sign").with("kms:SigningAlgorithm", algorithm.text());
        kms.authorize(call, ask.with("kms:MessageType", kind.text())).await?;
        check_grant_tokens(&input.grant_tokens)?;
        let is_digest = is_digest(&key, call, "Sign", algorithm, kind, input.message.len())?;
        check_dry_run(input.dry_run)?;
        let private = kms.current(&key).await?;
        let signature = pair::sign(key.spec, algorithm, &private, &input.message, is_digest);
        let signature = Blob::from(signature.map_err(|_| broken("a key pair did not sign"))?);
        Ok(SignOutput { key_id: key.arn.clone(), signature, signing_algorithm: algorithm })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerifyInput {
    key_id: String,
    message: Blob,
    message_type: Option<MessageType>,
    signature: Blob,
    signing_algorithm: SigningAlgorithm,
    #[serde(default)]
    grant_tokens: Vec<String>,
    dry_run: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerifyOutput {
    key_id: String,
    signature_valid: bool,
    signing_algorithm: SigningAlgorithm,
}

operation! {
    /// Tells whether a signature is that of a message or digest; one that is not is an error.
    Verify: VerifyInput => VerifyOutput, |kms, call, input| {
        let (algorithm, kind) = (input.signing_algorithm, input.message_type.unwrap_or(MessageType::Raw));
        let key = kms.resolve(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "Verify").with("kms:SigningAlgorithm", algorithm.text());
        kms.authorize(call, ask.with("kms:MessageType", kind.text())).await?;
        check_grant_tokens(&input.grant_tokens)?;
        let is_digest = is_digest(&key, call, "Verify", algorithm, kind, input.message.len())?;
        check_dry_run(input.dry_run)?;
        let public = key.public_key.as_deref().ok_or_else(|| broken("a key pair has no public key"))?;
        let holds = pair::is_signature(key.spec, algorithm, public, &input.message, is_digest, &input.signature);
        if !holds.map_err(|_| broken("a key pair did not verify"))? {
            return Err(Error::KMSInvalidSignatureException.into());
        }
        Ok(VerifyOutput { key_id: key.arn.clone(), signature_valid: true, signing_algorithm: algorithm })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublicKeyInput {
    key_id: String,
    #[serde(default)]
    grant_tokens: Vec<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublicKeyOutput {
    key_id: String,
    public_key: Blob,
    customer_master_key_spec: Option<KeySpec>,
    key_spec: KeySpec,
    key_usage: KeyUsage,
    encryption_algorithms: Option<&'static [EncryptionAlgorithm]>,
    signing_algorithms: Option<&'static [SigningAlgorithm]>,
    key_agreement_algorithms: Option<&'static [&'static str]>,
}

operation! {
    /// Gives the public half of a key pair.
    GetPublicKey: PublicKeyInput => PublicKeyOutput, |kms, call, input| {
        let key = kms.resolve(call.region, &input.key_id)?;
        kms.authorize(call, Ask::of(&key, &input.key_id, "GetPublicKey")).await?;
        check_grant_tokens(&input.grant_tokens)?;
        if !key.spec.has_public_key() {
            let text = format!("{} key spec is {} which is not valid for GetPublicKey.", key.arn, key.spec);
            return Err(Error::UnsupportedOperationException(text).into());
        }
        // Of a disabled key, too: it tells nothing that was not told before.
        key.check_stays(call.time)?;
        let public = key.public_key.clone().ok_or_else(|| broken("a key pair has no public key"))?;
        let of = |usage| key.usage == usage;
        Ok(PublicKeyOutput {
            key_id: key.arn.clone(),
            public_key: Blob::from(public),
            customer_master_key_spec: old_spec(key.spec),
            key_spec: key.spec,
            key_usage: key.usage,
            encryption_algorithms: of(KeyUsage::EncryptDecrypt).then(|| key.spec.encryption()),
            signing_algorithms: of(KeyUsage::SignVerify).then(|| key.spec.signing()),
            key_agreement_algorithms: of(KeyUsage::Agreement).then_some(&["ECDH"]),
        })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeriveInput {
    key_id: String,
    key_agreement_algorithm: String,
    public_key: Blob,
    #[serde(default)]
    grant_tokens: Vec<String>,
    dry_run: Option<bool>,
    recipient: Option<Recipient>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeriveOutput {
    key_id: String,
    shared_secret: Blob,
    key_agreement_algorithm: String,
    key_origin: Origin,
}

operation! {
    /// Agrees with somebody else's public key on a secret (ECDH).
    DeriveSharedSecret: DeriveInput => DeriveOutput, |kms, call, input| {
        let key = kms.resolve(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "DeriveSharedSecret");
        kms.authorize(call, ask.with("kms:KeyAgreementAlgorithm", input.key_agreement_algorithm.as_str())).await?;
        check_grant_tokens(&input.grant_tokens)?;
        check_recipient(input.recipient.as_ref())?;
        key.check_enabled(call.time)?;
        key.check_usage(KeyUsage::Agreement, "DeriveSharedSecret")?;
        let private = kms.current(&key).await?;
        let secret = pair::agree(key.spec, &private, &input.public_key).map_err(|_| -> ApiError {
            let text = format!("The public key is not one of a key pair with key spec {}.", key.spec);
            Error::ValidationException(text).into()
        })?;
        check_dry_run(input.dry_run)?;
        Ok(DeriveOutput {
            key_id: key.arn.clone(),
            shared_secret: shown(secret),
            key_agreement_algorithm: input.key_agreement_algorithm,
            key_origin: key.origin,
        })
    }
}
