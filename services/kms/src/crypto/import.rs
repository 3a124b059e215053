//! Material on its way in: wrapped by its owner under a public key that we gave. Source: KMS developer guide, "Importing key material".

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Failed, pair};
use crate::master::SecretBytes;
use crate::spec::EncryptionAlgorithm;

/// How material is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WrappingAlgorithm {
    /// No longer taken by AWS.
    #[serde(rename = "RSAES_PKCS1_V1_5")]
    Pkcs1,
    /// RSA alone, for secrets.
    #[serde(rename = "RSAES_OAEP_SHA_1")]
    OaepSha1,
    /// RSA alone, for secrets.
    #[serde(rename = "RSAES_OAEP_SHA_256")]
    OaepSha256,
    /// RSA wraps an AES key, and that the material (RFC 5649).
    #[serde(rename = "RSA_AES_KEY_WRAP_SHA_1")]
    AesSha1,
    /// RSA wraps an AES key, and that the material (RFC 5649).
    #[serde(rename = "RSA_AES_KEY_WRAP_SHA_256")]
    AesSha256,
    /// In regions of China.
    #[serde(rename = "SM2PKE")]
    Sm2,
}

impl WrappingAlgorithm {
    /// The RSA step, and whether an AES step follows.
    pub fn steps(self) -> Option<(EncryptionAlgorithm, bool)> {
        match self {
            WrappingAlgorithm::OaepSha1 => Some((EncryptionAlgorithm::OaepSha1, false)),
            WrappingAlgorithm::OaepSha256 => Some((EncryptionAlgorithm::OaepSha256, false)),
            WrappingAlgorithm::AesSha1 => Some((EncryptionAlgorithm::OaepSha1, true)),
            WrappingAlgorithm::AesSha256 => Some((EncryptionAlgorithm::OaepSha256, true)),
            WrappingAlgorithm::Pkcs1 | WrappingAlgorithm::Sm2 => None,
        }
    }
}

/// The material in clear. `private` is the private half of the key that we gave, of `modulus_bytes`.
pub fn unwrap(
    algorithm: WrappingAlgorithm,
    private: &[u8],
    modulus_bytes: usize,
    wrapped: &[u8],
) -> Result<SecretBytes, Failed> {
    let (rsa, has_aes) = algorithm.steps().ok_or(Failed)?;
    if !has_aes {
        return pair::decrypt(rsa, private, wrapped);
    }
    let (key, sealed) = wrapped.split_at_checked(modulus_bytes).ok_or(Failed)?;
    let key = pair::decrypt(rsa, private, key)?;
    let mut out = Zeroizing::new(vec![0; sealed.len()]);
    let len = AesKek::new(&AES_256, &key)?.unwrap_with_padding(sealed, &mut out)?.len();
    out.truncate(len);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::KeySpec;

    #[test]
    fn material_comes_in_by_each_way() {
        let private = pair::generate(KeySpec::Rsa2048).unwrap();
        let public = pair::public_key(KeySpec::Rsa2048, &private).unwrap();
        let material = [9; 32];
        for algorithm in [WrappingAlgorithm::OaepSha1, WrappingAlgorithm::OaepSha256] {
            let wrapped = pair::encrypt(algorithm.steps().unwrap().0, &public, &material).unwrap();
            assert_eq!(**unwrap(algorithm, &private, 256, &wrapped).unwrap(), material);
        }
        for algorithm in [WrappingAlgorithm::AesSha1, WrappingAlgorithm::AesSha256] {
            let mut wrapped = pair::encrypt(algorithm.steps().unwrap().0, &public, &[4; 32]).unwrap();
            let mut out = [0; 48];
            let inner = AesKek::new(&AES_256, &[4; 32]).unwrap().wrap_with_padding(&material, &mut out).unwrap();
            wrapped.extend_from_slice(inner);
            assert_eq!(**unwrap(algorithm, &private, 256, &wrapped).unwrap(), material);
            *wrapped.last_mut().unwrap() ^= 1;
            assert!(unwrap(algorithm, &private, 256, &wrapped).is_err());
        }
    }
}
