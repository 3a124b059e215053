//! Cryptography over material in clear: made, checked, used. Knows no key's name or state, and keeps nothing.

pub mod ciphertext;
pub mod import;
pub mod pair;

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::hmac;
use base::{Rng, ids};
use zeroize::Zeroizing;

use crate::master::SecretBytes;
use crate::spec::{KeySpec, MacAlgorithm};

/// Something that must work did not, or an input was not what it was held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl From<aws_lc_rs::error::Unspecified> for Failed {
    fn from(_: aws_lc_rs::error::Unspecified) -> Failed {
        Failed
    }
}

impl From<aws_lc_rs::error::KeyRejected> for Failed {
    fn from(_: aws_lc_rs::error::KeyRejected) -> Failed {
        Failed
    }
}

/// New material: a secret, or a private key in PKCS #8. Takes up to seconds for RSA. Key pairs take their chance from the library,
/// which lets in no other.
pub fn generate(spec: KeySpec, rng: &dyn Rng) -> Result<SecretBytes, Failed> {
    match spec.secret_bytes() {
        Some(len) => {
            let mut bytes = Zeroizing::new(vec![0; len]);
            rng.fill(&mut bytes);
            Ok(bytes)
        }
        None => pair::generate(spec),
    }
}

/// Whether these bytes can be the material of a key of the kind.
pub fn fits(spec: KeySpec, material: &[u8]) -> bool {
    match spec.secret_bytes() {
        Some(len) => material.len() == len,
        None => pair::public_key(spec, material).is_ok(),
    }
}

/// The identifier of a material: the same for the same material of the same key, and telling nothing of it.
pub fn material_id(material: &[u8], key_arn: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, material);
    ids::hex(hmac::sign(&key, &[b"cairn kms material, name:", key_arn.as_bytes()].concat()).as_ref())
}

fn mac_key(algorithm: MacAlgorithm, material: &[u8]) -> hmac::Key {
    let algorithm = match algorithm {
        MacAlgorithm::Sha224 => hmac::HMAC_SHA224,
        MacAlgorithm::Sha256 => hmac::HMAC_SHA256,
        MacAlgorithm::Sha384 => hmac::HMAC_SHA384,
        MacAlgorithm::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::Key::new(algorithm, material)
}

/// A message's authentication code.
pub fn mac(algorithm: MacAlgorithm, material: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&mac_key(algorithm, material), message).as_ref().to_vec()
}

/// Whether `tag` is the message's authentication code. Takes the same time for every tag of the right length.
pub fn is_mac(algorithm: MacAlgorithm, material: &[u8], message: &[u8], tag: &[u8]) -> bool {
    hmac::verify(&mac_key(algorithm, material), message, tag).is_ok()
}

fn digest_of(bytes: usize) -> Result<&'static digest::Algorithm, Failed> {
    match bytes {
        32 => Ok(&digest::SHA256),
        48 => Ok(&digest::SHA384),
        64 => Ok(&digest::SHA512),
        _ => Err(Failed),
    }
}

/// The digest that is signed: of a message, or as given.
fn digest_for(message: &[u8], is_digest: bool, bytes: usize) -> Result<Digest, Failed> {
    let algorithm = digest_of(bytes)?;
    if is_digest { Ok(Digest::import_less_safe(message, algorithm)?) } else { Ok(digest::digest(algorithm, message)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2 (keys of other lengths than ours; the algorithm is what is checked).
    #[test]
    fn message_authentication_codes_are_those_of_rfc_4231() {
        let check = |algorithm, expected: &str| {
            let tag = mac(algorithm, b"Jefe", b"what do ya want for nothing?");
            assert_eq!(ids::hex(&tag), expected);
            assert!(is_mac(algorithm, b"Jefe", b"what do ya want for nothing?", &tag));
            assert!(!is_mac(algorithm, b"Jefe", b"what do ya want for something?", &tag));
            assert!(!is_mac(algorithm, b"Jefe", b"what do ya want for nothing?", &tag[1..]));
        };
        check(MacAlgorithm::Sha224, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44");
        check(MacAlgorithm::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        check(
            MacAlgorithm::Sha384,
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        );
        check(
            MacAlgorithm::Sha512,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        );
    }
}
