//! The master key: under it lies all key material in the state database, and it lies outside. ADR 20 says why.
//!
//! ```text
//! wrapped secret
//!      1  version of this format: 1
//!      8  which master key wraps
//!     12  nonce, random
//!      n  the secret, AES-256-GCM-SIV under the master key; authenticated: the bytes above · what the secret is bound to
//!     16  tag
//! ```

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use base::{Env, Rng, ids};
use ports::Unavailable;
use zeroize::Zeroizing;

/// Bytes that are overwritten when they are no longer needed.
pub type SecretBytes = Zeroizing<Vec<u8>>;

/// Wraps and unwraps key material. What is here may lie in a file, in a token (PKCS#11) or in somebody else's KMS.
#[async_trait]
pub trait MasterKey: Send + Sync + 'static {
    /// Wraps a secret so that it opens only together with `bound`.
    async fn wrap(&self, secret: &[u8], bound: &[u8]) -> Result<Vec<u8>, Unavailable>;

    /// Opens what [`MasterKey::wrap`] gave. `Ok(None)`: it was changed, or is bound to something else.
    async fn unwrap(&self, wrapped: &[u8], bound: &[u8]) -> Result<Option<SecretBytes>, Unavailable>;

    /// Whether the key that wrapped this is among ours: asked at the start, so that a lost key is noticed before it is needed.
    fn knows(&self, wrapped: &[u8]) -> bool;
}

const VERSION: u8 = 1;
const ID_BYTES: usize = 8;
const HEADER_BYTES: usize = 1 + ID_BYTES;
const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
/// The most keys that are kept. One a month for eighty years.
const KEYS_MAX: usize = 1000;

/// Master keys held in memory, oldest first: the newest wraps, all unwrap.
///
/// As text, one key a line in 64 hexadecimal digits, the newest last; what follows a `#` is a comment.
pub struct MasterKeys {
    keys: Vec<([u8; ID_BYTES], LessSafeKey)>,
    env: Env,
}

/// A text that does not hold master keys. Says in which line, and never what is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// See the text.
    #[error("line {0} is not a key: 64 hexadecimal digits are expected")]
    NotAKey(usize),
    /// See the text.
    #[error("line {0} has a key that an earlier line has, too")]
    Twice(usize),
    /// See the text.
    #[error("there is no key in it: a line of 64 hexadecimal digits is expected")]
    Empty,
    /// See the text.
    #[error("there are more than {KEYS_MAX} keys in it")]
    TooMany,
}

impl fmt::Debug for MasterKeys {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

impl MasterKeys {
    /// A new key as text.
    pub fn make(rng: &dyn Rng) -> String {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rng.fill(&mut *bytes);
        let mut text = ids::hex(&*bytes);
        text.push('\n');
        text
    }

    /// Reads keys from text.
    pub fn parse(env: Env, text: &str) -> Result<MasterKeys, MasterKeyError> {
        let mut keys: Vec<([u8; ID_BYTES], LessSafeKey)> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let bytes = ids::unhex(line).map(Zeroizing::new).filter(|bytes| bytes.len() == KEY_BYTES);
            let bytes = bytes.ok_or(MasterKeyError::NotAKey(number))?;
            let id = id_of(&bytes);
            if keys.iter().any(|(known, _)| *known == id) {
                return Err(MasterKeyError::Twice(number));
            }
            if keys.len() >= KEYS_MAX {
                return Err(MasterKeyError::TooMany);
            }
            let key = UnboundKey::new(&AES_256_GCM_SIV, &bytes).expect("the key has the right length");
            keys.push((id, LessSafeKey::new(key)));
        }
        if keys.is_empty() { Err(MasterKeyError::Empty) } else { Ok(MasterKeys { keys, env }) }
    }

    /// The names of all keys, oldest first. They tell nothing of the keys.
    pub fn ids(&self) -> impl Iterator<Item = String> + '_ {
        self.keys.iter().map(|(id, _)| ids::hex(id))
    }

    fn find(&self, wrapped: &[u8]) -> Option<&LessSafeKey> {
        let (version, rest) = wrapped.split_first()?;
        let id = rest.get(..ID_BYTES)?;
        (*version == VERSION).then(|| self.keys.iter().find(|(known, _)| known == id).map(|(_, key)| key))?
    }
}

fn id_of(key: &[u8]) -> [u8; ID_BYTES] {
    let text = Zeroizing::new([b"cairn kms master key, name:", key].concat());
    let mut id = [0; ID_BYTES];
    id.copy_from_slice(&digest(&SHA256, &text).as_ref()[..ID_BYTES]);
    id
}

#[async_trait]
impl MasterKey for MasterKeys {
    async fn wrap(&self, secret: &[u8], bound: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let (id, key) = self.keys.last().expect("there is a key at least");
        let mut out = Vec::with_capacity(HEADER_BYTES + NONCE_LEN + secret.len() + TAG_BYTES);
        out.push(VERSION);
        out.extend_from_slice(id);
        let mut nonce = [0; NONCE_LEN];
        self.env.rng.fill(&mut nonce);
        out.extend_from_slice(&nonce);
        let aad = Aad::from([&out[..], bound].concat());
        let start = out.len();
        out.extend_from_slice(secret);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = key.seal_in_place_separate_tag(nonce, aad, &mut out[start..]);
        let tag = tag.map_err(|_| Unavailable("key material was not wrapped".to_owned()))?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    async fn unwrap(&self, wrapped: &[u8], bound: &[u8]) -> Result<Option<SecretBytes>, Unavailable> {
        let key = self.find(wrapped);
        let key = key.ok_or_else(|| Unavailable("the master key that wrapped key material is not here".to_owned()))?;
        let Some((head, sealed)) = wrapped.split_at_checked(HEADER_BYTES + NONCE_LEN) else { return Ok(None) };
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&head[HEADER_BYTES..]);
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let aad = Aad::from([head, bound].concat());
        let Ok(opened) = key.open_in_place(Nonce::assume_unique_for_key(nonce), aad, &mut bytes) else {
            return Ok(None);
        };
        let len = opened.len();
        bytes.truncate(len);
        Ok(Some(bytes))
    }

    fn knows(&self, wrapped: &[u8]) -> bool {
        self.find(wrapped).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> MasterKeys {
        MasterKeys::parse(system::env(), text).unwrap()
    }

    #[tokio::test]
    async fn a_new_master_key_wraps_and_old_ones_still_open() {
        let rng = system::env().rng;
        let (first, second) = (MasterKeys::make(&*rng), MasterKeys::make(&*rng));
        let (old, new) = (keys(&first), keys(&second));
        let both = keys(&format!("# of last year\n{first}{second} # newer\n"));
        let before = old.wrap(b"material", b"arn").await.unwrap();
        let after = both.wrap(b"material", b"arn").await.unwrap();
        assert_eq!(**both.unwrap(&before, b"arn").await.unwrap().unwrap(), *b"material");
        assert_eq!(**new.unwrap(&after, b"arn").await.unwrap().unwrap(), *b"material");
        assert!(both.unwrap(&before, b"another arn").await.unwrap().is_none());
        assert!(new.unwrap(&before, b"arn").await.is_err());
        assert!(!new.knows(&before) && both.knows(&before));
        for at in 0..after.len() {
            let mut damaged = after.clone();
            damaged[at] ^= 1;
            assert!(!matches!(both.unwrap(&damaged, b"arn").await, Ok(Some(_))), "byte {at}");
        }
    }

    #[test]
    fn what_is_not_a_key_is_named_by_its_line_and_not_shown() {
        let key = "ab".repeat(32);
        let check = |text: &str, expected| {
            assert_eq!(MasterKeys::parse(system::env(), text).unwrap_err(), expected);
        };
        check("", MasterKeyError::Empty);
        check(&format!("{key}\nsecret"), MasterKeyError::NotAKey(2));
        check(&key[1..], MasterKeyError::NotAKey(1));
        check(&format!("{key}\n{}", key.to_uppercase()), MasterKeyError::Twice(2));
        assert!(!format!("{:?}", keys(&key)).contains("abab"));
    }
}
