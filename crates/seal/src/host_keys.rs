//! [`HostKeys`]: the keys that wrap the keys of contents. Kept outside of everything that they protect.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, LessSafeKey, UnboundKey};
use aws_lc_rs::digest::{Context, SHA256};
use base::{Rng, ids};

use crate::KEY_BYTES;

/// The most keys that are kept. One a month for eighty years.
const KEYS_MAX: usize = 1000;

/// Names a host key, without telling anything of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ids::hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The host keys, oldest first: the newest wraps, all unwrap.
///
/// As text, one key a line in 64 hexadecimal digits, the newest last; what follows a `#` is a comment.
pub struct HostKeys(Vec<HostKey>);

pub(crate) struct HostKey {
    pub(crate) id: KeyId,
    pub(crate) key: LessSafeKey,
    check: String,
}

/// A text that does not hold host keys. Says in which line, and never what is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
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

impl fmt::Debug for HostKeys {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| key.id)).finish()
    }
}

impl HostKeys {
    /// A new key as text.
    pub fn make(rng: &dyn Rng) -> String {
        let mut bytes = [0; KEY_BYTES];
        rng.fill(&mut bytes);
        let mut text = ids::hex(&bytes);
        text.push('\n');
        text
    }

    /// Reads keys from text.
    pub fn parse(text: &str) -> Result<HostKeys, Error> {
        let mut keys: Vec<HostKey> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let bytes = ids::unhex(line).filter(|bytes| bytes.len() == KEY_BYTES).ok_or(Error::NotAKey(number))?;
            let key = HostKey::new(&bytes);
            if keys.iter().any(|known| known.id == key.id) {
                return Err(Error::Twice(number));
            }
            if keys.len() >= KEYS_MAX {
                return Err(Error::TooMany);
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(Error::Empty) } else { Ok(HostKeys(keys)) }
    }

    /// A data key in the place of host keys: what is sealed under it opens under it alone. `None`: it has not 32 bytes.
    pub fn of_data_key(bytes: &[u8]) -> Option<HostKeys> {
        (bytes.len() == KEY_BYTES).then(|| HostKeys(vec![HostKey::new(bytes)]))
    }

    /// The key that wraps from now on.
    pub fn newest(&self) -> KeyId {
        self.last().id
    }

    pub(crate) fn last(&self) -> &HostKey {
        self.0.last().expect("there is a key at least")
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<&HostKey> {
        self.0.iter().rev().find(|key| key.id == id)
    }

    /// A text that only this key gives, for telling later whether a key is still the same. Reveals nothing of it.
    pub fn check(&self, id: KeyId) -> Option<&str> {
        self.find(id).map(|key| key.check.as_str())
    }

    /// The names of all keys, oldest first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> + '_ {
        self.0.iter().map(|key| key.id)
    }
}

impl HostKey {
    fn new(bytes: &[u8]) -> HostKey {
        let hash = |label: &str| {
            // In steps: no copy of the key is left behind.
            let mut context = Context::new(&SHA256);
            context.update(label.as_bytes());
            context.update(bytes);
            context.finish()
        };
        let mut id = [0; 8];
        id.copy_from_slice(&hash("cairn host key, name:").as_ref()[..8]);
        let key = UnboundKey::new(&AES_256_GCM_SIV, bytes).expect("the key has the right length");
        HostKey { id: KeyId(id), key: LessSafeKey::new(key), check: ids::hex(hash("cairn host key, check:").as_ref()) }
    }
}
