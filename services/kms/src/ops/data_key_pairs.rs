//! GenerateDataKeyPair, GenerateDataKeyPairWithoutPlaintext: key pairs to be used outside, their private half encrypted under a key.

use model::Blob;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use super::data_keys::check_makes_data_keys;
use super::encrypt::{check_context, shown};
use super::{Recipient, check_dry_run, check_grant_tokens, check_recipient};
use crate::access::Ask;
use crate::crypto::ciphertext::EncryptionContext;
use crate::crypto::pair;
use crate::error::broken;
use crate::master::SecretBytes;
use crate::spec::{EncryptionAlgorithm, KeySpec};
use crate::{Error, Kms};

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PairInput {
    #[serde(default)]
    encryption_context: EncryptionContext,
    key_id: String,
    key_pair_spec: KeySpec,
    #[serde(default)]
    grant_tokens: Vec<String>,
    recipient: Option<Recipient>,
    dry_run: Option<bool>,
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HiddenPairInput {
    #[serde(default)]
    encryption_context: EncryptionContext,
    key_id: String,
    key_pair_spec: KeySpec,
    #[serde(default)]
    grant_tokens: Vec<String>,
    dry_run: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PairOutput {
    private_key_ciphertext_blob: Blob,
    private_key_plaintext: Option<Blob>,
    public_key: Blob,
    key_id: String,
    key_pair_spec: KeySpec,
    key_material_id: Option<String>,
}

async fn make(
    kms: &Kms,
    call: &Call,
    operation: &str,
    input: HiddenPairInput,
) -> Result<(SecretBytes, PairOutput), ApiError> {
    let (context, spec) = (&input.encryption_context, input.key_pair_spec);
    let key = kms.resolve(call.region, &input.key_id)?;
    let ask = Ask::of(&key, &input.key_id, operation).with_context(context).with("kms:DataKeyPairSpec", spec.text());
    kms.authorize(call, ask.with("kms:EncryptionAlgorithm", EncryptionAlgorithm::Symmetric.text())).await?;
    check_grant_tokens(&input.grant_tokens)?;
    if !spec.is_supported() {
        let text = format!("KeyPairSpec {spec} is not supported in this region.");
        return Err(Error::UnsupportedOperationException(text).into());
    }
    check_makes_data_keys(&key, call, operation)?;
    check_context(EncryptionAlgorithm::Symmetric, context)?;
    check_dry_run(input.dry_run)?;
    let private = kms.generate(spec).await?;
    let public = pair::public_key(spec, &private).map_err(|_| broken("a new key pair does not read"))?;
    let sealed = kms.encrypt_under(&key, EncryptionAlgorithm::Symmetric, context, &private).await?;
    let output = PairOutput {
        private_key_ciphertext_blob: Blob::from(sealed.ciphertext),
        private_key_plaintext: None,
        public_key: Blob::from(public),
        key_id: key.arn.clone(),
        key_pair_spec: spec,
        key_material_id: sealed.material_id,
    };
    Ok((private, output))
}

operation! {
    /// Makes a key pair, its private half in clear and encrypted.
    GenerateDataKeyPair: PairInput => PairOutput, |kms, call, input| {
        let PairInput { encryption_context, key_id, key_pair_spec, grant_tokens, recipient, dry_run } = input;
        check_recipient(recipient.as_ref())?;
        let input = HiddenPairInput { encryption_context, key_id, key_pair_spec, grant_tokens, dry_run };
        let (private, output) = make(kms, call, "GenerateDataKeyPair", input).await?;
        Ok(PairOutput { private_key_plaintext: Some(shown(private)), ..output })
    }
}

operation! {
    /// Makes a key pair, its private half encrypted only.
    GenerateDataKeyPairWithoutPlaintext: HiddenPairInput => PairOutput, |kms, call, input| {
        Ok(make(kms, call, "GenerateDataKeyPairWithoutPlaintext", input).await?.1)
    }
}
