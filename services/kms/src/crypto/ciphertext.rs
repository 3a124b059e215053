//! Ciphertexts of symmetric keys, as Encrypt and GenerateDataKey give them. A client takes them for opaque.
//!
//! ```text
//!      4  "CRNK"
//!      1  version of this format: 1
//!      1  the algorithm: 1, AES-256-GCM under a key of its own
//!      2  zero
//!     16  which key: its UUID
//!     32  which of the key's materials: its identifier
//!     32  salt, random
//!      n  the plaintext, AES-256-GCM; nonce: zero; authenticated: all bytes above · the encryption context
//!     16  tag
//!
//! the ciphertext's own key = HKDF-SHA-256 (salt: the salt; secret: the material; info: "cairn kms data")
//! the encryption context   = for each pair, in the order of the keys' bytes: length of key (4, big-endian) · key · length of value (4) · value
//! ```
//!
//! A nonce cannot repeat, as no two ciphertexts have the same key: their salts are 256 random bits. Hence one material may encrypt
//! without limit, where a random nonce under the material itself would limit it to 2³² ciphertexts.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base::ids;
use zeroize::Zeroizing;

use super::Failed;
use crate::master::SecretBytes;

/// An encryption context: what must be said again to decrypt.
pub type EncryptionContext = BTreeMap<String, String>;

const MAGIC: [u8; 4] = *b"CRNK";
const VERSION: u8 = 1;
const AES_256_GCM_HKDF: u8 = 1;
const ID_BYTES: usize = 16;
const MATERIAL_ID_BYTES: usize = 32;
const SALT_BYTES: usize = 32;
const HEADER_BYTES: usize = 8 + ID_BYTES + MATERIAL_ID_BYTES + SALT_BYTES;
const TAG_BYTES: usize = 16;

/// What a ciphertext says of itself. Nothing of it is certain before [`open`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The key's identifier.
    pub key_id: String,
    /// The material's identifier.
    pub material_id: String,
}

/// Reads what a ciphertext says of itself.
pub fn label(ciphertext: &[u8]) -> Option<Label> {
    let is_ours = ciphertext.len() >= HEADER_BYTES + TAG_BYTES
        && ciphertext.starts_with(&MAGIC)
        && ciphertext[4..8] == [VERSION, AES_256_GCM_HKDF, 0, 0];
    if !is_ours {
        return None;
    }
    let hex = ids::hex(&ciphertext[8..8 + ID_BYTES]);
    let key_id = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    let material_id = ids::hex(&ciphertext[8 + ID_BYTES..8 + ID_BYTES + MATERIAL_ID_BYTES]);
    Some(Label { key_id, material_id })
}

/// Encrypts.
pub fn seal(
    rng: &dyn base::Rng,
    label: &Label,
    material: &[u8],
    context: &EncryptionContext,
    plaintext: &[u8],
) -> Result<Vec<u8>, Failed> {
    let key_id = ids::unhex(&label.key_id.replace('-', "")).filter(|id| id.len() == ID_BYTES).ok_or(Failed)?;
    let material_id = ids::unhex(&label.material_id).filter(|id| id.len() == MATERIAL_ID_BYTES).ok_or(Failed)?;
    let mut out = Vec::with_capacity(HEADER_BYTES + plaintext.len() + TAG_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, AES_256_GCM_HKDF, 0, 0]);
    out.extend_from_slice(&key_id);
    out.extend_from_slice(&material_id);
    let mut salt = [0; SALT_BYTES];
    rng.fill(&mut salt);
    out.extend_from_slice(&salt);
    let aad = Aad::from(bound(&out, context));
    out.extend_from_slice(plaintext);
    let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
    let tag = own_key(material, &salt)?.seal_in_place_separate_tag(nonce, aad, &mut out[HEADER_BYTES..])?;
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

/// Decrypts. Fails if a bit of it, the material or the context is another than it was.
pub fn open(material: &[u8], context: &EncryptionContext, ciphertext: &[u8]) -> Result<SecretBytes, Failed> {
    label(ciphertext).ok_or(Failed)?;
    let (header, sealed) = ciphertext.split_at(HEADER_BYTES);
    let aad = Aad::from(bound(header, context));
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
    let key = own_key(material, &header[HEADER_BYTES - SALT_BYTES..])?;
    let len = key.open_in_place(nonce, aad, &mut bytes)?.len();
    bytes.truncate(len);
    Ok(bytes)
}

fn own_key(material: &[u8], salt: &[u8]) -> Result<LessSafeKey, Failed> {
    let secret = Salt::new(HKDF_SHA256, salt).extract(material);
    let okm = secret.expand(&[b"cairn kms data"], &AES_256_GCM)?;
    Ok(LessSafeKey::new(UnboundKey::from(okm)))
}

fn bound(header: &[u8], context: &EncryptionContext) -> Vec<u8> {
    let mut bytes = header.to_vec();
    for text in context.iter().flat_map(|(key, value)| [key, value]) {
        bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(id: u8) -> Label {
        let key_id = ids::uuid_from([id; 16]);
        Label { key_id, material_id: ids::hex(&[id; 32]) }
    }

    fn context(pairs: &[(&str, &str)]) -> EncryptionContext {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn what_is_sealed_comes_back_and_nothing_else_does(
            plain in proptest::collection::vec(any::<u8>(), 1..4097),
            pairs in proptest::collection::btree_map(".{1,9}", ".{0,9}", 0..4),
            material in any::<[u8; 32]>(),
            at in 0.0..1.0_f64,
            bit in 0_u8..8,
        ) {
            let sealed = seal(&*system::env().rng, &of(7), &material, &pairs, &plain).unwrap();
            prop_assert!(sealed.len() <= 6144);
            prop_assert_eq!(label(&sealed), Some(of(7)));
            prop_assert_eq!(&**open(&material, &pairs, &sealed).unwrap(), &plain[..]);
            let mut other = sealed.clone();
            other[(sealed.len() as f64 * at) as usize] ^= 1 << bit;
            prop_assert!(open(&material, &pairs, &other).is_err());
            prop_assert!(open(&material, &pairs, &sealed[..(sealed.len() as f64 * at) as usize]).is_err());
            let mut more = pairs.clone();
            more.insert("one more than nine".to_owned(), String::new());
            prop_assert!(open(&material, &more, &sealed).is_err());
            let mut key = material;
            key[usize::from(bit)] ^= 1;
            prop_assert!(open(&key, &pairs, &sealed).is_err());
        }
    }

    #[test]
    fn contexts_that_look_alike_differ() {
        let seal = |pairs: &[(&str, &str)]| seal(&*system::env().rng, &of(1), &[1; 32], &context(pairs), b"x").unwrap();
        let all = [&[("a", "b")][..], &[("ab", "")], &[("", "ab")], &[], &[("a", ""), ("b", "")], &[("A", "b")]];
        for (at, one) in all.iter().enumerate() {
            for (other_at, other) in all.iter().enumerate() {
                let opened = open(&[1; 32], &context(other), &seal(one));
                assert_eq!(opened.is_ok(), at == other_at, "{one:?} {other:?}");
            }
        }
    }

    /// The format is a promise: what was encrypted is decrypted by every later version.
    #[test]
    fn a_ciphertext_of_version_1_opens() {
        struct Fixed;
        impl base::Rng for Fixed {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0x5a);
            }
        }
        let sealed = seal(&Fixed, &of(2), &[3; 32], &context(&[("stage", "test")]), b"hello").unwrap();
        assert_eq!(ids::hex(&sealed), OLD);
        assert_eq!(**open(&[3; 32], &context(&[("stage", "test")]), &ids::unhex(OLD).unwrap()).unwrap(), *b"hello");
    }

    const OLD: &str = "43524e4b010100000202020202024202820202020202020202020202020202020202020202020202020202020202020202020202020202025a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a3f6772c501becd7da44581cfd3ca8dae90a3a4e3f7";
}
