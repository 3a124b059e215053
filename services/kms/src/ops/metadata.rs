//! Keys as CreateKey and DescribeKey show them.

use base::Timestamp;
use serde::Serialize;

use crate::key::Key;
use crate::spec::{EncryptionAlgorithm, KeySpec, KeyState, KeyUsage, MacAlgorithm, Origin, SigningAlgorithm};

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyMetadata {
    #[serde(rename = "AWSAccountId")]
    aws_account_id: String,
    key_id: String,
    arn: String,
    creation_date: Timestamp,
    enabled: bool,
    description: String,
    key_usage: KeyUsage,
    key_state: KeyState,
    deletion_date: Option<Timestamp>,
    valid_to: Option<Timestamp>,
    origin: Origin,
    expiration_model: Option<&'static str>,
    key_manager: &'static str,
    customer_master_key_spec: Option<KeySpec>,
    key_spec: KeySpec,
    encryption_algorithms: Option<&'static [EncryptionAlgorithm]>,
    signing_algorithms: Option<&'static [SigningAlgorithm]>,
    key_agreement_algorithms: Option<&'static [&'static str]>,
    multi_region: bool,
    mac_algorithms: Option<Vec<MacAlgorithm>>,
    current_key_material_id: Option<String>,
}

impl KeyMetadata {
    /// As of `now`.
    pub fn of(key: &Key, account: &str, now: Timestamp) -> KeyMetadata {
        let state = key.state(now);
        let current = key.current().filter(|material| material.is_here(now));
        let imported = current.filter(|_| key.origin == Origin::External);
        let of = |usage| key.usage == usage;
        KeyMetadata {
            aws_account_id: account.to_owned(),
            key_id: key.id.clone(),
            arn: key.arn.clone(),
            creation_date: key.created,
            enabled: state == KeyState::Enabled,
            description: key.description.clone(),
            key_usage: key.usage,
            key_state: state,
            deletion_date: key.deletion,
            valid_to: imported.and_then(|material| material.valid_to),
            origin: key.origin,
            expiration_model: imported.map(|material| expiration_model(material.valid_to)),
            key_manager: if key.managed_for.is_some() { "AWS" } else { "CUSTOMER" },
            customer_master_key_spec: old_spec(key.spec),
            key_spec: key.spec,
            encryption_algorithms: of(KeyUsage::EncryptDecrypt).then(|| key.spec.encryption()),
            signing_algorithms: of(KeyUsage::SignVerify).then(|| key.spec.signing()),
            key_agreement_algorithms: of(KeyUsage::Agreement).then_some(&["ECDH"]),
            multi_region: false,
            mac_algorithms: key.spec.mac().map(|algorithm| vec![algorithm]),
            current_key_material_id: current.filter(|_| key.spec.is_symmetric()).map(|material| material.id.clone()),
        }
    }
}

/// The word of the model for material that expires, or does not.
pub fn expiration_model(valid_to: Option<Timestamp>) -> &'static str {
    if valid_to.is_some() { "KEY_MATERIAL_EXPIRES" } else { "KEY_MATERIAL_DOES_NOT_EXPIRE" }
}

/// The specs that there were when `CustomerMasterKeySpec` got its present name.
pub fn old_spec(spec: KeySpec) -> Option<KeySpec> {
    let is_new = matches!(spec, KeySpec::Ed25519 | KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87);
    (!is_new).then_some(spec)
}
