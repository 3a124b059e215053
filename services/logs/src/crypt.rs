//! Groups with a key of KMS: their events are encrypted under a data key of that key, in the journal and in chunks. Each read and each
//! write asks KMS for the data key anew, so that a key that is disabled ends both at once. Source: CloudWatch Logs user guide, "Encrypt
//! log data in CloudWatch Logs using AWS Key Management Service".

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base::Rng;
use ports::{Caller, KeyError, KeyUse};
use service::{ApiError, Call};

use crate::Logs;
use crate::error::{Error, invalid};
use crate::rows::{Group, WrappedKey};

/// Of a data key.
const KEY_BYTES: usize = 32;
/// The name of the encryption context. Source: as above.
const CONTEXT: &str = "aws:logs:arn";

/// A data key, ready.
pub struct Cipher {
    /// Its number within the group.
    pub id: u32,
    key: LessSafeKey,
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cipher({})", self.id)
    }
}

impl Cipher {
    /// Of a data key's bytes; `None` if they are none.
    pub fn new(id: u32, key: &[u8]) -> Option<Cipher> {
        let key = UnboundKey::new(&AES_256_GCM, key).ok()?;
        Some(Cipher { id, key: LessSafeKey::new(key) })
    }

    /// Encrypts; what it is about is authenticated too.
    pub fn seal(&self, rng: &dyn Rng, about: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill(&mut nonce);
        let mut sealed = nonce.to_vec();
        let mut content = plain.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about), &mut content)
            .expect("a batch is far shorter than what one key may encrypt");
        sealed.extend_from_slice(&content);
        sealed
    }

    /// Decrypts; `None` if it is not what was encrypted.
    pub fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, content) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut content = content.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let len = self.key.open_in_place(nonce, Aad::from(about), &mut content).ok()?.len();
        content.truncate(len);
        Some(content)
    }
}

impl Logs {
    /// A data key of a group, as long as its key of KMS can be used.
    pub(crate) async fn open_key(&self, group: &Group, id: u32) -> Result<Arc<Cipher>, KeyError> {
        let refused =
            |code: &str, message: &str| KeyError::Refused { code: code.to_owned(), message: message.to_owned() };
        let wrapped = group.data_keys.iter().find(|key| key.id == id);
        let wrapped = wrapped.ok_or_else(|| refused("NotFoundException", "the data key is not there"))?;
        let ciphertext = base::ids::unhex(&wrapped.ciphertext);
        let ciphertext = ciphertext.ok_or_else(|| refused("InvalidCiphertextException", ""))?;
        let keys = self.deps.keys.as_ref().ok_or_else(|| refused("NotFoundException", "there is no KMS"))?;
        let arn = group.arn(&self.deps.account);
        let context = [(CONTEXT, arn.as_str())];
        let plain = keys.open_data_key(group.region, &wrapped.kms_key, &context, &ciphertext).await?;
        let cipher = Cipher::new(id, &plain.plaintext);
        cipher.map(Arc::new).ok_or_else(|| refused("InvalidCiphertextException", ""))
    }

    /// The same for a caller.
    pub(crate) async fn usable_key(&self, group: &Group, id: u32) -> Result<Arc<Cipher>, ApiError> {
        self.open_key(group, id).await.map_err(|error| match error {
            KeyError::Refused { code, .. } => {
                let key = group.data_keys.iter().find(|key| key.id == id).map_or("", |key| key.kms_key.as_str());
                invalid(match code.as_str() {
                    "DisabledException" => format!("The specified KMS key is disabled: {key}"),
                    _ => format!("The specified KMS key does not exist or cannot be used: {key}"),
                })
            }
            KeyError::Unavailable(error) => error.into(),
        })
    }

    /// A new data key for a group under a key of KMS, which must let CloudWatch Logs.
    pub(crate) async fn new_key(&self, call: &Call, group: &Group, kms_key: &str) -> Result<WrappedKey, ApiError> {
        let keys = self.deps.keys.as_ref();
        let keys = keys.ok_or_else(|| invalid("The specified KMS Key Id could not be found."))?;
        let arn = group.arn(&self.deps.account);
        let principal = format!("logs.{}.amazonaws.com", group.region);
        let caller = Caller::Service { principal: principal.as_str().into() };
        let context = [(CONTEXT, arn.as_str())];
        let request = call.context(&[]);
        let asked = KeyUse {
            caller: &caller,
            region: group.region,
            key: Some(kms_key),
            service: "logs",
            source_arn: Some(&arn),
            context: &context,
            request: Some(&request),
        };
        let made = keys.generate_data_key(&asked, KEY_BYTES).await.map_err(|error| match error {
            KeyError::Unavailable(error) => error.into(),
            KeyError::Refused { code, .. } => match code.as_str() {
                "AccessDeniedException" => Error::AccessDeniedException(format!(
                    "The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"
                ))
                .into(),
                "DisabledException" | "KMSInvalidStateException" => {
                    invalid(format!("The specified KMS Key Id is disabled. '{}'", group.name))
                }
                "InvalidKeyUsageException" => {
                    invalid(format!("The specified KMS Key Id is not a symmetric key. '{}'", group.name))
                }
                _ => invalid(format!("The specified KMS Key Id could not be found. '{}'", group.name)),
            },
        })?;
        let id = group.data_keys.last().map_or(1, |key| key.id + 1);
        Ok(WrappedKey { id, kms_key: made.key_arn, ciphertext: base::ids::hex(&made.ciphertext) })
    }
}
