//! Key material in use: made, wrapped, unwrapped, and what encrypts with it. In clear it lives as long as one call.

use base::Timestamp;
use service::ApiError;

use crate::crypto::ciphertext::{self, EncryptionContext, Label};
use crate::crypto::{self, pair};
use crate::error::broken;
use crate::key::{Key, Material, MaterialState};
use crate::master::SecretBytes;
use crate::spec::{EncryptionAlgorithm, KeySpec};
use crate::{Error, Kms};

/// A ciphertext, and the identifier of the material that made it.
pub(crate) struct Encrypted {
    pub ciphertext: Vec<u8>,
    /// For symmetric keys.
    pub material_id: Option<String>,
}

/// A plaintext, and the identifier of the material that had made its ciphertext.
pub(crate) struct Decrypted {
    pub plaintext: SecretBytes,
    /// For symmetric keys.
    pub material_id: Option<String>,
}

impl Kms {
    /// A new secret or private key.
    pub(crate) async fn generate(&self, spec: KeySpec) -> Result<SecretBytes, ApiError> {
        if !spec.is_rsa() {
            return crypto::generate(spec, &*self.deps.env.rng).map_err(|_| broken("key material was not made"));
        }
        // Seconds of computing, which would hold up everybody else's calls.
        let rng = std::sync::Arc::clone(&self.deps.env.rng);
        let made = tokio::task::spawn_blocking(move || crypto::generate(spec, &*rng)).await;
        made.map_err(ApiError::internal)?.map_err(|_| broken("an RSA key was not made"))
    }

    /// A secret as a key's material: wrapped.
    pub(crate) async fn material_of(&self, key: &Key, secret: &[u8]) -> Result<Material, ApiError> {
        let wrapped = self.deps.master.wrap(secret, &key.bound()).await?;
        Ok(Material {
            id: crypto::material_id(secret, &key.arn),
            state: MaterialState::Current,
            wrapped: Some(wrapped),
            rotated: None,
            valid_to: None,
            description: None,
        })
    }

    /// A key's material in clear.
    pub(crate) async fn unwrap(&self, key: &Key, material: &Material) -> Result<SecretBytes, ApiError> {
        let wrapped = material.wrapped.as_deref().ok_or_else(|| broken("the material is not here"))?;
        let secret = self.deps.master.unwrap(wrapped, &key.bound()).await?;
        secret.ok_or_else(|| broken("key material was changed, or is that of another key"))
    }

    /// What signs, authenticates and encrypts for a key now.
    pub(crate) async fn current(&self, key: &Key) -> Result<SecretBytes, ApiError> {
        let material = key.current().ok_or_else(|| broken("an enabled key has no current material"))?;
        self.unwrap(key, material).await
    }

    /// Encrypts under a key that may.
    pub(crate) async fn encrypt_under(
        &self,
        key: &Key,
        algorithm: EncryptionAlgorithm,
        context: &EncryptionContext,
        plaintext: &[u8],
    ) -> Result<Encrypted, ApiError> {
        if algorithm != EncryptionAlgorithm::Symmetric {
            let public = key.public_key.as_deref().ok_or_else(|| broken("a key pair has no public key"))?;
            let ciphertext = pair::encrypt(algorithm, public, plaintext).map_err(|_| broken("RSA did not encrypt"))?;
            return Ok(Encrypted { ciphertext, material_id: None });
        }
        let material = key.current().ok_or_else(|| broken("an enabled key has no current material"))?;
        let secret = self.unwrap(key, material).await?;
        let label = Label { key_id: key.id.clone(), material_id: material.id.clone() };
        let sealed = ciphertext::seal(&*self.deps.env.rng, &label, &secret, context, plaintext);
        let ciphertext = sealed.map_err(|_| broken("AES did not encrypt"))?;
        Ok(Encrypted { ciphertext, material_id: Some(label.material_id) })
    }

    /// Decrypts under a key that may.
    pub(crate) async fn decrypt_under(
        &self,
        key: &Key,
        algorithm: EncryptionAlgorithm,
        context: &EncryptionContext,
        ciphertext: &[u8],
        now: Timestamp,
    ) -> Result<Decrypted, ApiError> {
        if algorithm != EncryptionAlgorithm::Symmetric {
            let private = self.current(key).await?;
            let opened = pair::decrypt(algorithm, &private, ciphertext);
            let plaintext = opened.map_err(|_| Error::InvalidCiphertextException)?;
            return Ok(Decrypted { plaintext, material_id: None });
        }
        let label = ciphertext::label(ciphertext).ok_or(Error::InvalidCiphertextException)?;
        let material = key.material(&label.material_id).ok_or(Error::InvalidCiphertextException)?;
        if !material.is_here(now) {
            return Err(Error::KMSInvalidStateException(format!("{} is pending import.", key.arn)).into());
        }
        let secret = self.unwrap(key, material).await?;
        let opened = ciphertext::open(&secret, context, ciphertext);
        let plaintext = opened.map_err(|_| Error::InvalidCiphertextException)?;
        Ok(Decrypted { plaintext, material_id: Some(label.material_id) })
    }
}
