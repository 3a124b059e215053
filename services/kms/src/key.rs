//! Keys, aliases and grants as they are stored. One document holds all that changes together.

use std::collections::BTreeMap;

use base::time::DAY_MS;
use base::{Region, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::spec::{KeySpec, KeyState, KeyUsage, Origin};
use crate::tags::Tag;

/// The version of the documents that this program writes and reads.
pub const DOCUMENT_VERSION: u32 = 1;
/// How often material is replaced if nothing else is said. Source: KMS API reference, EnableKeyRotation.
pub const ROTATION_DAYS: i64 = 365;

/// A key.
#[derive(Clone, Serialize, Deserialize)]
pub struct Key {
    /// The version of this document.
    pub v: u32,
    /// A UUID.
    pub id: String,
    /// `arn:aws:kms:us-east-1:123456789012:key/…`.
    pub arn: String,
    /// `us-east-1`.
    pub region: String,
    /// When it was made.
    pub created: Timestamp,
    /// In its owner's words.
    pub description: String,
    /// What it is made of.
    pub spec: KeySpec,
    /// What it is for.
    pub usage: KeyUsage,
    /// Where its material comes from.
    pub origin: Origin,
    /// The service whose key it is (`s3`): nobody changes it. `None`: a customer's.
    pub managed_for: Option<String>,
    /// As EnableKey and DisableKey left it.
    pub enabled: bool,
    /// If it is to be deleted.
    pub deletion: Option<Timestamp>,
    /// Its policy, as given.
    pub policy: String,
    /// In the order given.
    pub tags: Vec<Tag>,
    /// All material that it ever had, oldest first.
    pub materials: Vec<Material>,
    /// If its material is replaced from time to time.
    pub rotation: Option<Rotation>,
    /// The public key of a pair, as DER.
    #[serde(default, with = "base64_option", skip_serializing_if = "Option::is_none")]
    pub public_key: Option<Vec<u8>>,
}

impl std::fmt::Debug for Key {
    /// Without what is wrapped.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("arn", &self.arn).finish_non_exhaustive()
    }
}

/// When material is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// From 90 to 2560.
    pub period_days: i64,
    /// When it is due.
    pub next: Timestamp,
}

/// What a material is to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MaterialState {
    /// Encrypts and decrypts.
    #[serde(rename = "CURRENT")]
    Current,
    /// Decrypts what it encrypted.
    #[serde(rename = "NON_CURRENT")]
    NonCurrent,
    /// Imported, to be current from the next rotation on.
    #[serde(rename = "PENDING_ROTATION")]
    PendingRotation,
}

impl MaterialState {
    /// As in answers.
    pub fn text(self) -> &'static str {
        match self {
            MaterialState::Current => "CURRENT",
            MaterialState::NonCurrent => "NON_CURRENT",
            MaterialState::PendingRotation => "PENDING_ROTATION",
        }
    }
}

/// Key material.
#[derive(Clone, Serialize, Deserialize)]
pub struct Material {
    /// 64 hexadecimal digits.
    pub id: String,
    /// What it is to its key.
    pub state: MaterialState,
    /// Wrapped under the master key; `None`: imported once, and deleted or expired.
    #[serde(default, with = "base64_option", skip_serializing_if = "Option::is_none")]
    pub wrapped: Option<Vec<u8>>,
    /// When it became current, and how (`AUTOMATIC`, `ON_DEMAND`); `None` for the first.
    pub rotated: Option<(Timestamp, String)>,
    /// When what was imported expires.
    pub valid_to: Option<Timestamp>,
    /// What was said of it when it was imported.
    pub description: Option<String>,
}

impl Material {
    /// Whether it can be used.
    pub fn is_here(&self, now: Timestamp) -> bool {
        self.wrapped.is_some() && self.valid_to.is_none_or(|end| now < end)
    }
}

impl Key {
    /// What the key can be asked for.
    pub fn state(&self, now: Timestamp) -> KeyState {
        let used = |material: &&Material| material.state != MaterialState::PendingRotation;
        let mut used = self.materials.iter().filter(used).peekable();
        if self.deletion.is_some() {
            KeyState::PendingDeletion
        } else if used.peek().is_none() || !used.all(|material| material.is_here(now)) {
            KeyState::PendingImport
        } else if self.enabled {
            KeyState::Enabled
        } else {
            KeyState::Disabled
        }
    }

    /// Refuses what only an enabled key does. Source: KMS developer guide, "Key states of AWS KMS keys".
    pub fn check_enabled(&self, now: Timestamp) -> Result<(), Error> {
        match self.state(now) {
            KeyState::Enabled => Ok(()),
            KeyState::Disabled => Err(Error::DisabledException(self.arn.clone())),
            KeyState::PendingDeletion | KeyState::PendingImport => self.check_stays(now),
        }
    }

    /// Refuses what a key that waits for deletion or import does not do.
    pub fn check_stays(&self, now: Timestamp) -> Result<(), Error> {
        match self.state(now) {
            KeyState::PendingImport => Err(Error::KMSInvalidStateException(format!("{} is pending import.", self.arn))),
            _ => self.check_not_deleted(),
        }
    }

    /// Refuses what a key that waits for deletion does not do.
    pub fn check_not_deleted(&self) -> Result<(), Error> {
        match self.deletion {
            Some(_) => Err(Error::KMSInvalidStateException(format!("{} is pending deletion.", self.arn))),
            None => Ok(()),
        }
    }

    /// Refuses what keys for something else do.
    pub fn check_usage(&self, usage: KeyUsage, operation: &str) -> Result<(), Error> {
        if self.usage == usage {
            return Ok(());
        }
        let text = format!("{} key usage is {} which is not valid for {operation}.", self.arn, self.usage);
        Err(Error::InvalidKeyUsageException(text))
    }

    /// Refuses what keys of other origins do.
    pub fn check_origin(&self, origin: Origin) -> Result<(), Error> {
        if self.origin == origin {
            return Ok(());
        }
        let text = format!("{} origin is {} which is not valid for this operation.", self.arn, self.origin);
        Err(Error::UnsupportedOperationException(text))
    }

    /// Refuses what only symmetric encryption keys do.
    pub fn check_symmetric(&self, operation: &str) -> Result<(), Error> {
        if self.spec.is_symmetric() {
            return Ok(());
        }
        let text = format!("{} key spec is {} which is not valid for {operation}.", self.arn, self.spec);
        Err(Error::UnsupportedOperationException(text))
    }

    /// The material that encrypts, signs and authenticates.
    pub fn current(&self) -> Option<&Material> {
        self.materials.iter().find(|material| material.state == MaterialState::Current)
    }

    /// The material of this identifier.
    pub fn material(&self, id: &str) -> Option<&Material> {
        self.materials.iter().find(|material| material.id == id)
    }

    /// What the key's material is bound to where it lies wrapped.
    pub fn bound(&self) -> Vec<u8> {
        [b"cairn kms material:", self.arn.as_bytes()].concat()
    }

    /// Makes `id`, which is among the materials or comes with this call, the current material.
    pub fn rotate(&mut self, new: Option<Material>, id: &str, now: Timestamp, kind: &str) {
        self.materials.extend(new);
        for material in &mut self.materials {
            if material.state == MaterialState::Current {
                material.state = MaterialState::NonCurrent;
            }
            if material.id == id {
                material.state = MaterialState::Current;
                material.rotated = Some((now, kind.to_owned()));
            }
        }
    }

    /// The rotation that begins now.
    pub fn rotation_from(now: Timestamp, period_days: i64) -> Rotation {
        Rotation { period_days, next: now.plus_ms(period_days * DAY_MS).trunc_secs() }
    }
}

/// A name for a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alias {
    /// The version of this document.
    pub v: u32,
    /// `alias/…`.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// `us-east-1`.
    pub region: String,
    /// The identifier of its key.
    pub key_id: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was made to name this key.
    pub updated: Timestamp,
}

/// A permission to use a key, beside its policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The version of this document.
    pub v: u32,
    /// 64 hexadecimal digits.
    pub id: String,
    /// `us-east-1`.
    pub region: String,
    /// The identifier of its key.
    pub key_id: String,
    /// What makes asking for it a second time harmless.
    pub name: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Who may.
    pub grantee: String,
    /// Who may give it back.
    pub retiring: Option<String>,
    /// The account (or service) that made it.
    pub issuer: String,
    /// What.
    pub operations: Vec<String>,
    /// Only with such encryption contexts.
    pub constraints: Option<Constraints>,
}

/// What the encryption context must be. Source: KMS API reference, GrantConstraints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Constraints {
    /// All of these among others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_context_subset: Option<BTreeMap<String, String>>,
    /// Exactly these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_context_equals: Option<BTreeMap<String, String>>,
}

/// The ARN of something of KMS: `key/…`, `alias/…`.
pub fn arn(region: Region, account: &str, rest: &str) -> String {
    format!("arn:{}:kms:{region}:{account}:{rest}", region.partition())
}

/// Bytes as base 64 in a document.
mod base64_option {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_some(&STANDARD.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| STANDARD.decode(text).map_err(serde::de::Error::custom)).transpose()
    }
}
