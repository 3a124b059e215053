//! Key pairs: made, and used to encrypt, sign and agree. A private key is PKCS #8, a public one the DER of a SubjectPublicKeyInfo
//! (RFC 5280).

use aws_lc_rs::agreement;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeyPair as RsaKeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm,
    OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256K1_SHA256_ASN1,
    ECDSA_P256K1_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1,
    ECDSA_P521_SHA512_ASN1_SIGNING, ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, ML_DSA_44,
    ML_DSA_44_SIGNING, ML_DSA_65, ML_DSA_65_SIGNING, ML_DSA_87, ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm,
    RsaEncoding, UnparsedPublicKey, VerificationAlgorithm,
};
use zeroize::Zeroizing;

use super::{Failed, digest_for};
use crate::master::SecretBytes;
use crate::spec::{EncryptionAlgorithm, KeySpec, SigningAlgorithm};

/// The algorithms of a curve.
fn curve(spec: KeySpec) -> Option<(&'static EcdsaSigningAlgorithm, Option<&'static agreement::Algorithm>)> {
    match spec {
        KeySpec::P256 => Some((&ECDSA_P256_SHA256_ASN1_SIGNING, Some(&agreement::ECDH_P256))),
        KeySpec::P384 => Some((&ECDSA_P384_SHA384_ASN1_SIGNING, Some(&agreement::ECDH_P384))),
        KeySpec::P521 => Some((&ECDSA_P521_SHA512_ASN1_SIGNING, Some(&agreement::ECDH_P521))),
        KeySpec::P256k1 => Some((&ECDSA_P256K1_SHA256_ASN1_SIGNING, None)),
        _ => None,
    }
}

fn ml_dsa(spec: KeySpec) -> Option<&'static PqdsaSigningAlgorithm> {
    match spec {
        KeySpec::MlDsa44 => Some(&ML_DSA_44_SIGNING),
        KeySpec::MlDsa65 => Some(&ML_DSA_65_SIGNING),
        KeySpec::MlDsa87 => Some(&ML_DSA_87_SIGNING),
        _ => None,
    }
}

/// A new private key. Up to seconds for RSA.
pub fn generate(spec: KeySpec) -> Result<SecretBytes, Failed> {
    if let Some((algorithm, _)) = curve(spec) {
        let document = EcdsaKeyPair::generate(algorithm)?.to_pkcs8v1()?;
        return Ok(Zeroizing::new(document.as_ref().to_vec()));
    }
    if let Some(algorithm) = ml_dsa(spec) {
        let document = PqdsaKeyPair::generate(algorithm)?.to_pkcs8v1()?;
        return Ok(Zeroizing::new(document.as_ref().to_vec()));
    }
    let size = match spec {
        KeySpec::Rsa2048 => KeySize::Rsa2048,
        KeySpec::Rsa3072 => KeySize::Rsa3072,
        KeySpec::Rsa4096 => KeySize::Rsa4096,
        KeySpec::Ed25519 => {
            let document = Ed25519KeyPair::generate()?.to_pkcs8v1()?;
            return Ok(Zeroizing::new(document.as_ref().to_vec()));
        }
        _ => return Err(Failed),
    };
    let der: Pkcs8V1Der<'_> = RsaKeyPair::generate(size)?.as_der()?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

/// The public key of a private one; fails if that is of another kind.
pub fn public_key(spec: KeySpec, private: &[u8]) -> Result<Vec<u8>, Failed> {
    if let Some((algorithm, _)) = curve(spec) {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, private)?;
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        return Ok(der.as_ref().to_vec());
    }
    if let Some(algorithm) = ml_dsa(spec) {
        let pair = PqdsaKeyPair::from_pkcs8(algorithm, private)?;
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        return Ok(der.as_ref().to_vec());
    }
    if spec == KeySpec::Ed25519 {
        let pair = Ed25519KeyPair::from_pkcs8(private)?;
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        return Ok(der.as_ref().to_vec());
    }
    let pair = RsaKeyPair::from_pkcs8(private)?;
    if spec.rsa_bits() != Some(pair.public_modulus_len() * 8) {
        return Err(Failed);
    }
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    Ok(der.as_ref().to_vec())
}

fn oaep(algorithm: EncryptionAlgorithm) -> Result<&'static OaepAlgorithm, Failed> {
    match algorithm {
        EncryptionAlgorithm::OaepSha1 => Ok(&OAEP_SHA1_MGF1SHA1),
        EncryptionAlgorithm::OaepSha256 => Ok(&OAEP_SHA256_MGF1SHA256),
        EncryptionAlgorithm::Symmetric | EncryptionAlgorithm::Sm2 => Err(Failed),
    }
}

/// Encrypts with a public key.
pub fn encrypt(algorithm: EncryptionAlgorithm, public: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Failed> {
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(public)?)?;
    let mut out = vec![0; key.ciphertext_size()];
    Ok(key.encrypt(oaep(algorithm)?, plaintext, &mut out, None)?.to_vec())
}

/// Decrypts with a private key.
pub fn decrypt(algorithm: EncryptionAlgorithm, private: &[u8], ciphertext: &[u8]) -> Result<SecretBytes, Failed> {
    let key = OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(private)?)?;
    let mut out = Zeroizing::new(vec![0; key.min_output_size()]);
    let len = key.decrypt(oaep(algorithm)?, ciphertext, &mut out, None)?.len();
    out.truncate(len);
    Ok(out)
}

/// How a key signs with RSA, and the algorithm that checks it.
fn rsa(algorithm: SigningAlgorithm) -> Option<(&'static dyn RsaEncoding, &'static dyn VerificationAlgorithm)> {
    use SigningAlgorithm as A;
    match algorithm {
        A::PssSha256 => Some((&signature::RSA_PSS_SHA256, &signature::RSA_PSS_2048_8192_SHA256)),
        A::PssSha384 => Some((&signature::RSA_PSS_SHA384, &signature::RSA_PSS_2048_8192_SHA384)),
        A::PssSha512 => Some((&signature::RSA_PSS_SHA512, &signature::RSA_PSS_2048_8192_SHA512)),
        A::Pkcs1Sha256 => Some((&signature::RSA_PKCS1_SHA256, &signature::RSA_PKCS1_2048_8192_SHA256)),
        A::Pkcs1Sha384 => Some((&signature::RSA_PKCS1_SHA384, &signature::RSA_PKCS1_2048_8192_SHA384)),
        A::Pkcs1Sha512 => Some((&signature::RSA_PKCS1_SHA512, &signature::RSA_PKCS1_2048_8192_SHA512)),
        _ => None,
    }
}

/// Signs a message, or a digest as it is given. The algorithm is one of [`KeySpec::signing`].
pub fn sign(
    spec: KeySpec,
    algorithm: SigningAlgorithm,
    private: &[u8],
    message: &[u8],
    is_digest: bool,
) -> Result<Vec<u8>, Failed> {
    if spec == KeySpec::Ed25519 && algorithm == SigningAlgorithm::Ed25519 {
        return Ok(Ed25519KeyPair::from_pkcs8(private)?.try_sign(message)?.as_ref().to_vec());
    }
    if let Some(parameters) = ml_dsa(spec) {
        let pair = PqdsaKeyPair::from_pkcs8(parameters, private)?;
        let mut out = vec![0; parameters.signature_len()];
        let len = pair.sign(message, &mut out)?;
        out.truncate(len);
        return Ok(out);
    }
    let digest = digest_for(message, is_digest, algorithm.digest_bytes().ok_or(Failed)?)?;
    if let Some((curve, _)) = curve(spec) {
        return Ok(EcdsaKeyPair::from_pkcs8(curve, private)?.sign_digest(&digest)?.as_ref().to_vec());
    }
    let (encoding, _) = rsa(algorithm).ok_or(Failed)?;
    let pair = RsaKeyPair::from_pkcs8(private)?;
    let mut out = vec![0; pair.public_modulus_len()];
    pair.sign_digest(encoding, &digest, &mut out)?;
    Ok(out)
}

/// Whether it is a signature of the message, or of the digest as it is given.
pub fn is_signature(
    spec: KeySpec,
    algorithm: SigningAlgorithm,
    public: &[u8],
    message: &[u8],
    is_digest: bool,
    signature: &[u8],
) -> Result<bool, Failed> {
    let checks: &'static dyn VerificationAlgorithm = match spec {
        KeySpec::Ed25519 if algorithm == SigningAlgorithm::Ed25519 => &ED25519,
        KeySpec::MlDsa44 => &ML_DSA_44,
        KeySpec::MlDsa65 => &ML_DSA_65,
        KeySpec::MlDsa87 => &ML_DSA_87,
        KeySpec::P256 => &ECDSA_P256_SHA256_ASN1,
        KeySpec::P384 => &ECDSA_P384_SHA384_ASN1,
        KeySpec::P521 => &ECDSA_P521_SHA512_ASN1,
        KeySpec::P256k1 => &ECDSA_P256K1_SHA256_ASN1,
        _ => rsa(algorithm).ok_or(Failed)?.1,
    };
    let key = UnparsedPublicKey::new(checks, public);
    let Some(bytes) = algorithm.digest_bytes() else { return Ok(key.verify(message, signature).is_ok()) };
    Ok(key.verify_digest(&digest_for(message, is_digest, bytes)?, signature).is_ok())
}

/// The secret that a private key and somebody's public key have in common.
pub fn agree(spec: KeySpec, private: &[u8], public: &[u8]) -> Result<SecretBytes, Failed> {
    let algorithm = curve(spec).and_then(|(_, algorithm)| algorithm).ok_or(Failed)?;
    let private = agreement::PrivateKey::from_private_key_der(algorithm, private)?;
    let public = agreement::UnparsedPublicKey::new(algorithm, public);
    agreement::agree(&private, public, Failed, |secret| Ok(Zeroizing::new(secret.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_pair_signs_in_every_way_it_has() {
        for spec in [
            KeySpec::Rsa2048,
            KeySpec::P256,
            KeySpec::P384,
            KeySpec::P521,
            KeySpec::P256k1,
            KeySpec::Ed25519,
            KeySpec::MlDsa44,
            KeySpec::MlDsa65,
            KeySpec::MlDsa87,
        ] {
            let private = generate(spec).unwrap();
            let public = public_key(spec, &private).unwrap();
            for algorithm in spec.signing().iter().filter(|algorithm| **algorithm != SigningAlgorithm::Ed25519Ph) {
                let signed = sign(spec, *algorithm, &private, b"message", false).unwrap();
                assert!(signed.len() <= 6144, "{spec} {algorithm}");
                let holds = |message: &[u8], is_digest, signature: &[u8]| {
                    is_signature(spec, *algorithm, &public, message, is_digest, signature).unwrap()
                };
                assert!(holds(b"message", false, &signed), "{spec} {algorithm}");
                assert!(!holds(b"another", false, &signed), "{spec} {algorithm}");
                assert!(!holds(b"message", false, &signed[1..]), "{spec} {algorithm}");
                if let Some(bytes) = algorithm.digest_bytes() {
                    let digest = digest_for(b"message", false, bytes).unwrap();
                    assert!(holds(digest.as_ref(), true, &signed), "{spec} {algorithm}");
                    let by_digest = sign(spec, *algorithm, &private, digest.as_ref(), true).unwrap();
                    assert!(holds(b"message", false, &by_digest), "{spec} {algorithm}");
                }
            }
        }
    }

    #[test]
    fn rsa_encrypts_up_to_its_length() {
        let spec = KeySpec::Rsa2048;
        let private = generate(spec).unwrap();
        let public = public_key(spec, &private).unwrap();
        for algorithm in spec.encryption() {
            let max = algorithm.plaintext_bytes_max(spec);
            let sealed = encrypt(*algorithm, &public, &vec![7; max]).unwrap();
            assert_eq!(**decrypt(*algorithm, &private, &sealed).unwrap(), vec![7; max]);
            assert!(encrypt(*algorithm, &public, &vec![7; max + 1]).is_err());
            assert!(decrypt(*algorithm, &private, &sealed[1..]).is_err());
        }
        assert!(public_key(KeySpec::Rsa3072, &private).is_err());
        assert!(public_key(KeySpec::P256, &private).is_err());
    }

    #[test]
    fn two_agree_on_a_secret() {
        for spec in [KeySpec::P256, KeySpec::P384, KeySpec::P521] {
            let (one, other) = (generate(spec).unwrap(), generate(spec).unwrap());
            let (one_public, other_public) = (public_key(spec, &one).unwrap(), public_key(spec, &other).unwrap());
            let secret = agree(spec, &one, &other_public).unwrap();
            assert_eq!(*secret, *agree(spec, &other, &one_public).unwrap());
            assert!(agree(spec, &one, &other_public[1..]).is_err());
        }
        let (p256, p384) = (generate(KeySpec::P256).unwrap(), generate(KeySpec::P384).unwrap());
        assert!(agree(KeySpec::P256, &p256, &public_key(KeySpec::P384, &p384).unwrap()).is_err());
    }
}
