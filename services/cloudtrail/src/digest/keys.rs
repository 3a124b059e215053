//! The keys that sign digests: made when first needed, kept in the state tables, never logged. One key signs for all trails and
//! regions. Before its validity ends the next one takes over, whose validity has begun by then; the private half of the old key
//! is removed as soon as no planned digest needs it, the public half stays for ever.
//!
//! ```text
//! key 1   |─overlap─|───────────── signs ─────────────|─overlap─|
//! key 2                                     |─overlap─|───────────── signs ─────────────|─overlap─|
//! ```

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

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
use super::plan::Chain;
use crate::delivery::worker::Stuck;
use crate::rows::{self, CHAINS, Found, KEYS};

/// A key becomes valid at most so long before it signs, and stays valid as long after it ceased to: clocks differ.
const OVERLAP_MAX_MS: i64 = 7 * DAY_MS;
/// The part of a key's lifetime that the overlap takes, if that is less.
const OVERLAP_PART: i64 = 4;
/// How often a private key that could not be removed is tried again.
const REMOVAL_PAUSE_MS: u64 = 60_000;

/// A key as it is stored. Secret, hence no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
struct StoredKey {
    version: u32,
    fingerprint: String,
    /// PKCS #1 DER, base 64.
    public: String,
    /// PKCS #8 DER, base 64. Secret. `None` once it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private: Option<String>,
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
    /// Digests that it signed end after this …
    pub start: Timestamp,
    /// … and before this.
    pub end: Timestamp,
}

/// A key ready to sign. While one is held its private half is not removed.
pub struct SigningKey {
    /// Names its public half in a digest.
    pub fingerprint: String,
    pair: KeyPair,
}

/// Finds, makes and retires keys.
pub struct Signer {
    env: Env,
    state: Arc<dyn State>,
    key_maker: Arc<dyn KeyMaker>,
    lifetime_ms: i64,
    held: Mutex<Held>,
}

/// What is in memory.
#[derive(Default)]
struct Held {
    current: Option<Current>,
    /// Keys handed out that may still be in use.
    issued: Vec<Weak<SigningKey>>,
    /// Whether private halves of old keys are still stored, and when to look again.
    remove_at_ms: Option<u64>,
}

struct Current {
    key: Arc<SigningKey>,
    /// It signs digests that end from here …
    from_ms: i64,
    /// … to here.
    until_ms: i64,
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
        let private = self.private.as_ref().ok_or_else(unreadable)?;
        let der = BASE64.decode(private).map_err(|_| unreadable())?;
        let pair = KeyPair::from_pkcs8(&der).map_err(|_| unreadable())?;
        Ok(SigningKey { fingerprint: self.fingerprint.clone(), pair })
    }

    fn row_key(&self) -> Vec<u8> {
        let start = u64::try_from(self.start_ms).unwrap_or(0);
        state::key::key(&[rows::seq_text(start).as_str(), &self.fingerprint])
    }
}

impl Signer {
    /// No key is read or made yet.
    pub fn new(env: Env, state: Arc<dyn State>, key_maker: Arc<dyn KeyMaker>, lifetime_ms: u64) -> Signer {
        let lifetime_ms = i64::try_from(lifetime_ms).unwrap_or(i64::MAX / 2).max(1);
        Signer { env, state, key_maker, lifetime_ms, held: Mutex::default() }
    }

    fn overlap_ms(&self) -> i64 {
        (self.lifetime_ms / OVERLAP_PART).min(OVERLAP_MAX_MS)
    }

    /// The key that signs digests that end at this time; made, and durable on return, if there is none. To be held until the digest's
    /// plan, which names it, is durable.
    pub async fn current(&self, at: Timestamp) -> Result<Arc<SigningKey>, Stuck> {
        let at_ms = at.ms();
        let mut held = self.held.lock().await;
        if let Some(current) = held.current.as_ref().filter(|c| (c.from_ms..c.until_ms).contains(&at_ms)) {
            let key = Arc::clone(&current.key);
            self.try_to_remove_old(&mut held).await;
            return Ok(key);
        }
        let stored = self.stored().await?;
        let fits = |key: &StoredKey| key.private.is_some() && key.start_ms <= at_ms && at_ms < self.until_ms(key);
        let newest = stored.into_iter().map(|found| found.value).filter(fits).max_by_key(|key| key.start_ms);
        let stored = match newest {
            Some(stored) => stored,
            None => self.make(at_ms).await?,
        };
        let key = Arc::new(stored.read()?);
        held.issued.push(Arc::downgrade(&key));
        let (from_ms, until_ms) = (stored.start_ms, self.until_ms(&stored));
        held.current = Some(Current { key: Arc::clone(&key), from_ms, until_ms });
        held.remove_at_ms = Some(0);
        self.try_to_remove_old(&mut held).await;
        Ok(key)
    }

    /// Up to when a key signs: some time before its validity ends, and earlier if the lifetime was made shorter since.
    fn until_ms(&self, key: &StoredKey) -> i64 {
        let overlap = self.overlap_ms();
        key.end_ms.min(key.start_ms.saturating_add(overlap).saturating_add(self.lifetime_ms)).saturating_sub(overlap)
    }

    /// The key of this fingerprint, for a digest that was planned with it.
    pub async fn by_fingerprint(&self, fingerprint: &str) -> Result<Arc<SigningKey>, Stuck> {
        let mut held = self.held.lock().await;
        if let Some(current) = held.current.as_ref().filter(|current| current.key.fingerprint == fingerprint) {
            return Ok(Arc::clone(&current.key));
        }
        let wanted = |key: &StoredKey| key.fingerprint == fingerprint && key.private.is_some();
        let stored = self.stored().await?.into_iter().map(|found| found.value).find(wanted);
        let stored = stored.ok_or_else(|| Stuck::Own(format!("there is no signing key {fingerprint}")))?;
        let key = Arc::new(stored.read()?);
        held.issued.push(Arc::downgrade(&key));
        Ok(key)
    }

    /// The public keys valid at any moment from `from` to `to`, oldest first.
    pub async fn public_keys(&self, from: Timestamp, to: Timestamp) -> Result<Vec<PublicKey>, Stuck> {
        let stored = self.stored().await?.into_iter().map(|found| found.value);
        let valid = stored.filter(|key| key.start_ms <= to.ms() && key.end_ms >= from.ms());
        let keys = valid.map(|key| {
            let der = BASE64.decode(&key.public).map_err(|_| Stuck::Own("a public key cannot be read".to_owned()))?;
            let (start, end) = (Timestamp::from_ms(key.start_ms), Timestamp::from_ms(key.end_ms));
            Ok(PublicKey { fingerprint: key.fingerprint, der, start, end })
        });
        keys.collect()
    }

    async fn stored(&self) -> Result<Vec<Found<StoredKey>>, Stuck> {
        let mut stored = Vec::new();
        let all = state::scan_all(&*self.state, KEYS, Range::all(), |row| {
            stored.push(Found { value: rows::read(KEYS, &row)?, rev: row.rev });
            Ok::<bool, state::Error>(true)
        });
        all.await.map_err(Stuck::own)?;
        Ok(stored)
    }

    async fn make(&self, at_ms: i64) -> Result<StoredKey, Stuck> {
        // Some 100 ms of work, hence off this thread.
        let key_maker = Arc::clone(&self.key_maker);
        let private = worker::blocking(move || key_maker.make()).await.map_err(Stuck::own)?;
        let private = private.map_err(|error| Stuck::Own(format!("making a signing key: {error}")))?;
        let pair = KeyPair::from_pkcs8(&private);
        let pair = pair.map_err(|_| Stuck::Own("a new signing key cannot be read".to_owned()))?;
        let public = pair.public_key().as_ref();
        let start = Timestamp::from_ms(at_ms.saturating_sub(self.overlap_ms())).trunc_secs();
        let key = StoredKey {
            version: 1,
            fingerprint: base::ids::hex(&Md5::digest(public)),
            public: BASE64.encode(public),
            private: Some(BASE64.encode(&private)),
            start_ms: start.ms().max(0),
            end_ms: at_ms.saturating_add(self.lifetime_ms),
        };
        // Durable before it is used: a crash in between leaves a key that the next start takes up.
        let put = rows::put(KEYS, key.row_key(), &key, Expect::Absent);
        self.state.commit(vec![put]).await.map_err(Stuck::own)?;
        tracing::info!(fingerprint = key.fingerprint, "a key to sign digests was made");
        Ok(key)
    }

    /// Signing does not wait for this: what fails is tried again.
    async fn try_to_remove_old(&self, held: &mut Held) {
        if let Err(stuck) = self.remove_old(held).await {
            tracing::warn!(%stuck, "the private half of an old signing key could not be removed");
        }
    }

    /// Removes the private halves of keys that are older than the current one and that no planned digest and nobody who plans one
    /// needs.
    async fn remove_old(&self, held: &mut Held) -> Result<(), Stuck> {
        let now_ms = self.env.clock.monotonic_ms();
        let (Some(at_ms), Some(current)) = (held.remove_at_ms, &held.current) else { return Ok(()) };
        if now_ms < at_ms {
            return Ok(());
        }
        held.remove_at_ms = Some(now_ms.saturating_add(REMOVAL_PAUSE_MS));
        held.issued.retain(|issued| issued.strong_count() > 0);
        let stored = self.stored().await?;
        let is_old = |key: &StoredKey| {
            key.private.is_some() && key.start_ms < current.from_ms && key.fingerprint != current.key.fingerprint
        };
        let old: Vec<_> = stored.into_iter().filter(|found| is_old(&found.value)).collect();
        if old.is_empty() {
            held.remove_at_ms = None;
            return Ok(());
        }
        let mut needed: BTreeSet<String> =
            held.issued.iter().filter_map(Weak::upgrade).map(|key| key.fingerprint.clone()).collect();
        let planned = state::scan_all(&*self.state, CHAINS, Range::all(), |row| {
            let chain: Chain = rows::read(CHAINS, &row)?;
            needed.extend(chain.plan.map(|plan| plan.fingerprint));
            Ok::<bool, state::Error>(true)
        });
        planned.await.map_err(Stuck::own)?;
        let mut left = false;
        for Found { value: mut key, rev } in old {
            if needed.contains(&key.fingerprint) {
                left = true;
                continue;
            }
            key.private = None;
            let put = rows::put(KEYS, key.row_key(), &key, Expect::Rev(rev));
            self.state.commit(vec![put]).await.map_err(Stuck::own)?;
            tracing::info!(fingerprint = key.fingerprint, "the private half of an old signing key was removed");
        }
        if !left {
            held.remove_at_ms = None;
        }
        Ok(())
    }
}
