//! The keys that sign digests: made when first needed, kept in the state tables, never logged. One key signs for all regions; it
//! is followed by the next before its validity ends.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base::time::DAY_MS;
use base::{Env, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use state::{Expect, Range, State};
use tokio::sync::Mutex;

use super::key_maker::KeyMaker;
use crate::delivery::worker::Stuck;
use crate::rows::{self, KEYS};

/// How long a key signs.
const VALIDITY_MS: i64 = 365 * DAY_MS;
/// More keys than there will be: one a year.
const KEYS_MAX: usize = 1_000;

/// A key as it is stored. Secret, hence no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
struct StoredKey {
    version: u32,
    fingerprint: String,
    /// PKCS #1 DER, base 64.
    public: String,
    /// PKCS #8 DER, base 64. Secret.
    private: String,
    start_ms: i64,
    end_ms: i64,
}

/// A public key as ListPublicKeys shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Hexadecimal MD5 of `der`.
    pub fingerprint: String,
    /// PKCS #1.
    pub der: Vec<u8>,
    /// It signed digests from here …
    pub start: Timestamp,
    /// … to here.
    pub end: Timestamp,
}

/// A key ready to sign.
pub struct SigningKey {
    /// Names its public half in a digest.
    pub fingerprint: String,
    pair: KeyPair,
    end_ms: i64,
}

/// Finds and makes keys.
pub struct Signer {
    env: Env,
    state: Arc<dyn State>,
    key_maker: Arc<dyn KeyMaker>,
    current: Mutex<Option<Arc<SigningKey>>>,
}

impl SigningKey {
    /// The signature of `text` (SHA256withRSA, PKCS #1 v1.5) in hexadecimal. The same text always gives the same signature.
    pub fn sign_hex(&self, text: &str) -> Result<String, Stuck> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature);
        signed.map_err(|_| Stuck::Own("signing a digest failed".to_owned()))?;
        Ok(base::ids::hex(&signature))
    }
}

impl StoredKey {
    fn read(&self) -> Result<SigningKey, Stuck> {
        let unreadable = || Stuck::Own(format!("the signing key {} cannot be read", self.fingerprint));
        let der = BASE64.decode(&self.private).map_err(|_| unreadable())?;
        let pair = KeyPair::from_pkcs8(&der).map_err(|_| unreadable())?;
        Ok(SigningKey { fingerprint: self.fingerprint.clone(), pair, end_ms: self.end_ms })
    }
}

impl Signer {
    /// No key is read or made yet.
    pub fn new(env: Env, state: Arc<dyn State>, key_maker: Arc<dyn KeyMaker>) -> Signer {
        Signer { env, state, key_maker, current: Mutex::default() }
    }

    /// The key that signs now; made, and durable on return, if there is none.
    pub async fn current(&self) -> Result<Arc<SigningKey>, Stuck> {
        let now_ms = self.env.clock.now().ms();
        let mut current = self.current.lock().await;
        if let Some(key) = current.as_ref().filter(|key| now_ms < key.end_ms) {
            return Ok(Arc::clone(key));
        }
        let newest = self.stored().await?.into_iter().max_by_key(|key| key.start_ms);
        let stored = match newest.filter(|key| now_ms < key.end_ms) {
            Some(stored) => stored,
            None => self.make(now_ms).await?,
        };
        let key = Arc::new(stored.read()?);
        *current = Some(Arc::clone(&key));
        Ok(key)
    }

    /// The key of this fingerprint, for a digest that was planned with it.
    pub async fn by_fingerprint(&self, fingerprint: &str) -> Result<Arc<SigningKey>, Stuck> {
        let current = self.current.lock().await.clone();
        if let Some(key) = current.filter(|key| key.fingerprint == fingerprint) {
            return Ok(key);
        }
        let stored = self.stored().await?.into_iter().find(|key| key.fingerprint == fingerprint);
        let stored = stored.ok_or_else(|| Stuck::Own(format!("there is no signing key {fingerprint}")))?;
        Ok(Arc::new(stored.read()?))
    }

    /// The public keys valid at any moment from `from` to `to`, oldest first.
    pub async fn public_keys(&self, from: Timestamp, to: Timestamp) -> Result<Vec<PublicKey>, Stuck> {
        let stored = self.stored().await?.into_iter().filter(|key| key.start_ms <= to.ms() && key.end_ms >= from.ms());
        let keys = stored.map(|key| {
            let der = BASE64.decode(&key.public).map_err(|_| Stuck::Own("a public key cannot be read".to_owned()))?;
            let (start, end) = (Timestamp::from_ms(key.start_ms), Timestamp::from_ms(key.end_ms));
            Ok(PublicKey { fingerprint: key.fingerprint, der, start, end })
        });
        keys.collect()
    }

    async fn stored(&self) -> Result<Vec<StoredKey>, Stuck> {
        let rows = self.state.scan(KEYS, Range::all(), KEYS_MAX).await.map_err(Stuck::own)?;
        rows.iter().map(|row| rows::read(KEYS, row).map_err(Stuck::own)).collect()
    }

    async fn make(&self, now_ms: i64) -> Result<StoredKey, Stuck> {
        let key_maker = Arc::clone(&self.key_maker);
        let private = worker::blocking(move || key_maker.make()).await.map_err(Stuck::own)?;
        let private = private.map_err(|error| Stuck::Own(format!("making a signing key: {error}")))?;
        let pair = KeyPair::from_pkcs8(&private);
        let pair = pair.map_err(|_| Stuck::Own("a new signing key cannot be read".to_owned()))?;
        let public = pair.public_key().as_ref();
        // From the start of the day: the clock of who validates may be behind.
        let start_ms = now_ms - now_ms.rem_euclid(DAY_MS);
        let key = StoredKey {
            version: 1,
            fingerprint: base::ids::hex(&Md5::digest(public)),
            public: BASE64.encode(public),
            private: BASE64.encode(&private),
            start_ms,
            end_ms: start_ms + VALIDITY_MS,
        };
        let row = state::key::key(&[rows::seq_text(u64::try_from(start_ms).unwrap_or(0)).as_str(), &key.fingerprint]);
        self.state.commit(vec![rows::put(KEYS, row, &key, Expect::Absent)]).await.map_err(Stuck::own)?;
        Ok(key)
    }
}
