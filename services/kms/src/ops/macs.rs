//! GenerateMac, VerifyMac: authentication codes of messages.

use model::Blob;
use serde::{Deserialize, Serialize};
use service::Call;

use super::{check_dry_run, check_grant_tokens};
use crate::Error;
use crate::access::Ask;
use crate::crypto;
use crate::key::Key;
use crate::spec::{KeyUsage, MacAlgorithm};

fn check(key: &Key, call: &Call, operation: &str, algorithm: MacAlgorithm) -> Result<(), Error> {
    key.check_enabled(call.time)?;
    key.check_usage(KeyUsage::Mac, operation)?;
    if key.spec.mac() == Some(algorithm) {
        return Ok(());
    }
    let text = format!("Algorithm {algorithm} is incompatible with key spec {}.", key.spec);
    Err(Error::InvalidKeyUsageException(text))
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GenerateInput {
    message: Blob,
    key_id: String,
    mac_algorithm: MacAlgorithm,
    #[serde(default)]
    grant_tokens: Vec<String>,
    dry_run: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GenerateOutput {
    mac: Blob,
    mac_algorithm: MacAlgorithm,
    key_id: String,
}

operation! {
    /// Makes a message's authentication code.
    GenerateMac: GenerateInput => GenerateOutput, |kms, call, input| {
        let algorithm = input.mac_algorithm;
        let key = kms.resolve(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "GenerateMac");
        kms.authorize(call, ask.with("kms:MacAlgorithm", algorithm.text())).await?;
        check_grant_tokens(&input.grant_tokens)?;
        check(&key, call, "GenerateMac", algorithm)?;
        check_dry_run(input.dry_run)?;
        let secret = kms.current(&key).await?;
        let mac = Blob::from(crypto::mac(algorithm, &secret, &input.message));
        Ok(GenerateOutput { mac, mac_algorithm: algorithm, key_id: key.arn.clone() })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerifyInput {
    message: Blob,
    key_id: String,
    mac_algorithm: MacAlgorithm,
    mac: Blob,
    #[serde(default)]
    grant_tokens: Vec<String>,
    dry_run: Option<bool>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerifyOutput {
    key_id: String,
    mac_valid: bool,
    mac_algorithm: MacAlgorithm,
}

operation! {
    /// Tells whether an authentication code is a message's; one that is not is an error.
    VerifyMac: VerifyInput => VerifyOutput, |kms, call, input| {
        let algorithm = input.mac_algorithm;
        let key = kms.resolve(call.region, &input.key_id)?;
        let ask = Ask::of(&key, &input.key_id, "VerifyMac");
        kms.authorize(call, ask.with("kms:MacAlgorithm", algorithm.text())).await?;
        check_grant_tokens(&input.grant_tokens)?;
        check(&key, call, "VerifyMac", algorithm)?;
        check_dry_run(input.dry_run)?;
        let secret = kms.current(&key).await?;
        if !crypto::is_mac(algorithm, &secret, &input.message, &input.mac) {
            return Err(Error::KMSInvalidMacException.into());
        }
        Ok(VerifyOutput { key_id: key.arn.clone(), mac_valid: true, mac_algorithm: algorithm })
    }
}
