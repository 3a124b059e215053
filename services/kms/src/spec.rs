//! The kinds of keys, what they are for, and the algorithms that fit each. Source: KMS developer guide, "Key spec reference".

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name { $(#[doc = $word] #[serde(rename = $word)] $variant),* }

        impl $name {
            /// As in requests and answers.
            pub fn text(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.text())
            }
        }
    };
}

words! {
    /// What a key is made of.
    pub enum KeySpec {
        Symmetric = "SYMMETRIC_DEFAULT",
        Rsa2048 = "RSA_2048", Rsa3072 = "RSA_3072", Rsa4096 = "RSA_4096",
        P256 = "ECC_NIST_P256", P384 = "ECC_NIST_P384", P521 = "ECC_NIST_P521", P256k1 = "ECC_SECG_P256K1",
        Ed25519 = "ECC_NIST_EDWARDS25519",
        Hmac224 = "HMAC_224", Hmac256 = "HMAC_256", Hmac384 = "HMAC_384", Hmac512 = "HMAC_512",
        MlDsa44 = "ML_DSA_44", MlDsa65 = "ML_DSA_65", MlDsa87 = "ML_DSA_87",
        Sm2 = "SM2",
    }
}

words! {
    /// What a key is for.
    pub enum KeyUsage {
        EncryptDecrypt = "ENCRYPT_DECRYPT", SignVerify = "SIGN_VERIFY", Mac = "GENERATE_VERIFY_MAC",
        Agreement = "KEY_AGREEMENT",
    }
}

words! {
    /// Where a key's material comes from.
    pub enum Origin {
        Kms = "AWS_KMS", External = "EXTERNAL", CloudHsm = "AWS_CLOUDHSM", KeyStore = "EXTERNAL_KEY_STORE",
    }
}

words! {
    /// How a key encrypts.
    pub enum EncryptionAlgorithm {
        Symmetric = "SYMMETRIC_DEFAULT", OaepSha1 = "RSAES_OAEP_SHA_1", OaepSha256 = "RSAES_OAEP_SHA_256",
        Sm2 = "SM2PKE",
    }
}

words! {
    /// How a key signs.
    pub enum SigningAlgorithm {
        PssSha256 = "RSASSA_PSS_SHA_256", PssSha384 = "RSASSA_PSS_SHA_384", PssSha512 = "RSASSA_PSS_SHA_512",
        Pkcs1Sha256 = "RSASSA_PKCS1_V1_5_SHA_256", Pkcs1Sha384 = "RSASSA_PKCS1_V1_5_SHA_384",
        Pkcs1Sha512 = "RSASSA_PKCS1_V1_5_SHA_512",
        EcdsaSha256 = "ECDSA_SHA_256", EcdsaSha384 = "ECDSA_SHA_384", EcdsaSha512 = "ECDSA_SHA_512",
        Sm2 = "SM2DSA", MlDsa = "ML_DSA_SHAKE_256", Ed25519 = "ED25519_SHA_512", Ed25519Ph = "ED25519_PH_SHA_512",
    }
}

words! {
    /// How a key authenticates messages.
    pub enum MacAlgorithm {
        Sha224 = "HMAC_SHA_224", Sha256 = "HMAC_SHA_256", Sha384 = "HMAC_SHA_384", Sha512 = "HMAC_SHA_512",
    }
}

words! {
    /// What is signed: the message, its digest, or what ML-DSA makes of it.
    pub enum MessageType { Raw = "RAW", Digest = "DIGEST", ExternalMu = "EXTERNAL_MU" }
}

words! {
    /// What a key can be asked for now.
    pub enum KeyState {
        Enabled = "Enabled", Disabled = "Disabled", PendingDeletion = "PendingDeletion",
        PendingImport = "PendingImport",
    }
}

impl KeySpec {
    /// Whether one secret does both ways.
    pub fn is_symmetric(self) -> bool {
        self == KeySpec::Symmetric
    }

    /// Whether there is a public key.
    pub fn has_public_key(self) -> bool {
        self != KeySpec::Symmetric && self.mac().is_none()
    }

    /// Whether this program can make keys of the kind.
    pub fn is_supported(self) -> bool {
        self != KeySpec::Sm2
    }

    /// Whether it is a kind of RSA key.
    pub fn is_rsa(self) -> bool {
        matches!(self, KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096)
    }

    /// What keys of the kind may be for; the first is what a key is for if nothing is said.
    pub fn usages(self) -> &'static [KeyUsage] {
        use KeyUsage::{Agreement, EncryptDecrypt, Mac, SignVerify};
        match self {
            KeySpec::Symmetric => &[EncryptDecrypt],
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => &[EncryptDecrypt, SignVerify],
            KeySpec::P256 | KeySpec::P384 | KeySpec::P521 => &[SignVerify, Agreement],
            KeySpec::P256k1 | KeySpec::Ed25519 | KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => {
                &[SignVerify]
            }
            KeySpec::Hmac224 | KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 => &[Mac],
            KeySpec::Sm2 => &[EncryptDecrypt, SignVerify, Agreement],
        }
    }

    /// How keys of the kind encrypt.
    pub fn encryption(self) -> &'static [EncryptionAlgorithm] {
        match self {
            KeySpec::Symmetric => &[EncryptionAlgorithm::Symmetric],
            _ if self.is_rsa() => &[EncryptionAlgorithm::OaepSha1, EncryptionAlgorithm::OaepSha256],
            _ => &[],
        }
    }

    /// How keys of the kind sign.
    pub fn signing(self) -> &'static [SigningAlgorithm] {
        use SigningAlgorithm as A;
        match self {
            KeySpec::P256 | KeySpec::P256k1 => &[A::EcdsaSha256],
            KeySpec::P384 => &[A::EcdsaSha384],
            KeySpec::P521 => &[A::EcdsaSha512],
            KeySpec::Ed25519 => &[A::Ed25519, A::Ed25519Ph],
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => &[A::MlDsa],
            _ if self.is_rsa() => {
                &[A::Pkcs1Sha256, A::Pkcs1Sha384, A::Pkcs1Sha512, A::PssSha256, A::PssSha384, A::PssSha512]
            }
            _ => &[],
        }
    }

    /// How keys of the kind authenticate messages.
    pub fn mac(self) -> Option<MacAlgorithm> {
        match self {
            KeySpec::Hmac224 => Some(MacAlgorithm::Sha224),
            KeySpec::Hmac256 => Some(MacAlgorithm::Sha256),
            KeySpec::Hmac384 => Some(MacAlgorithm::Sha384),
            KeySpec::Hmac512 => Some(MacAlgorithm::Sha512),
            _ => None,
        }
    }

    /// The bytes of a secret of the kind; `None` for kinds with a public key.
    pub fn secret_bytes(self) -> Option<usize> {
        match self {
            KeySpec::Symmetric | KeySpec::Hmac256 => Some(32),
            KeySpec::Hmac224 => Some(28),
            KeySpec::Hmac384 => Some(48),
            KeySpec::Hmac512 => Some(64),
            _ => None,
        }
    }

    /// The bits of an RSA key.
    pub fn rsa_bits(self) -> Option<usize> {
        match self {
            KeySpec::Rsa2048 => Some(2048),
            KeySpec::Rsa3072 => Some(3072),
            KeySpec::Rsa4096 => Some(4096),
            _ => None,
        }
    }
}

impl EncryptionAlgorithm {
    /// The most bytes that a key encrypts. Source: KMS API reference, Encrypt.
    pub fn plaintext_bytes_max(self, spec: KeySpec) -> usize {
        let hash_bytes = match self {
            EncryptionAlgorithm::OaepSha1 => 20,
            EncryptionAlgorithm::OaepSha256 => 32,
            EncryptionAlgorithm::Symmetric | EncryptionAlgorithm::Sm2 => return 4096,
        };
        spec.rsa_bits().map_or(0, |bits| bits / 8 - 2 * hash_bytes - 2)
    }
}

impl SigningAlgorithm {
    /// The bytes of the digest that is signed; `None` if only whole messages are.
    pub fn digest_bytes(self) -> Option<usize> {
        use SigningAlgorithm as A;
        match self {
            A::PssSha256 | A::Pkcs1Sha256 | A::EcdsaSha256 | A::Sm2 => Some(32),
            A::PssSha384 | A::Pkcs1Sha384 | A::EcdsaSha384 => Some(48),
            A::PssSha512 | A::Pkcs1Sha512 | A::EcdsaSha512 | A::Ed25519Ph => Some(64),
            A::MlDsa | A::Ed25519 => None,
        }
    }
}
