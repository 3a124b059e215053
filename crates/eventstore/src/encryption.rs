//! Parts under a key of KMS. A store that has one has a data key under it; each object of a part has a key of its own, wrapped by that
//! data key, in the format that contents of buckets have too. Must never give what the key of KMS does not open, nor lose a record because
//! it does not: what comes meanwhile is kept under the server's host key, and moved when the key is back.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base::{Env, Region, Rng, ids};
use bytes::{Bytes, BytesMut};
use objects::{Objects, Writer};
use ports::lake::StoreKey;
use ports::{Caller, KeyError, KeyUse, Keys, Unavailable};
use seal::{HEADER_BYTES, HostKeys, Opener, Sealer, sealed_range};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::read::ReadError;

/// In whose name KMS is asked.
const PRINCIPAL: &str = "cloudtrail.amazonaws.com";
/// A data key is used so long before KMS is asked again: a key that was disabled is noticed by then, where no query asks earlier. Longer than
/// rows wait in memory, so that the record that a question leaves is stored without another question, and a server at rest comes to rest.
const OPEN_MS: u64 = 1_200_000;
/// After a refusal background work waits so long, and twice as long after each further one: each question leaves a record.
const REFUSED_MS: u64 = 60_000;
/// No longer than this.
const REFUSED_MS_MAX: u64 = 3_600_000;

/// What stores under keys need.
#[derive(Clone)]
pub struct Encryption {
    /// KMS.
    pub keys: Arc<dyn Keys>,
    /// For what comes while KMS refuses.
    pub host_keys: Arc<HostKeys>,
}

/// A data key in the tables, wrapped by a key of KMS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyRow {
    /// Of the key of KMS.
    pub(crate) key_arn: String,
    /// For which resource.
    pub(crate) source_arn: String,
    pub(crate) region: String,
    /// In hexadecimal.
    pub(crate) data_key: String,
}

impl KeyRow {
    pub(crate) fn new(key: &StoreKey) -> KeyRow {
        KeyRow {
            key_arn: key.key_arn.clone(),
            source_arn: key.source_arn.clone(),
            region: key.region.to_string(),
            data_key: ids::hex(&key.data_key),
        }
    }
}

/// What the objects of a part are under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encrypted {
    /// A host key: the key of KMS refused.
    Host,
    /// A data key.
    Kms(KeyRow),
}

/// What was said of a data key.
#[derive(Clone)]
struct Said {
    until_ms: u64,
    /// How long a refusal counts.
    refused_ms: u64,
    answer: Result<Arc<HostKeys>, KeyError>,
}

/// Data keys that were opened lately.
pub(crate) struct Vault {
    env: Env,
    with: Option<Encryption>,
    /// By the wrapped data key.
    said: Mutex<HashMap<String, Said>>,
    /// Held while KMS is asked: who waited need not ask again.
    asking: tokio::sync::Mutex<()>,
}

fn unavailable(text: impl Into<String>) -> KeyError {
    KeyError::Unavailable(Unavailable(text.into()))
}

impl Vault {
    pub(crate) fn new(env: Env, with: Option<Encryption>) -> Arc<Vault> {
        Arc::new(Vault { env, with, said: Mutex::default(), asking: tokio::sync::Mutex::default() })
    }

    fn with(&self) -> Result<&Encryption, KeyError> {
        self.with.as_ref().ok_or_else(|| unavailable("there are no keys here that open an encrypted store"))
    }

    fn said(&self, key: &KeyRow) -> Option<Result<Arc<HostKeys>, KeyError>> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = self.env.clock.monotonic_ms();
        said.get(&key.data_key).filter(|said| said.until_ms > now_ms).map(|said| said.answer.clone())
    }

    /// A data key, as it was opened lately or as KMS opens it.
    pub(crate) async fn open(&self, key: &KeyRow) -> Result<Arc<HostKeys>, KeyError> {
        if let Some(answer) = self.said(key) {
            return answer;
        }
        let _asking = self.asking.lock().await;
        match self.said(key) {
            Some(answer) => answer,
            None => self.ask(key).await,
        }
    }

    /// Asks KMS, whatever it said lately.
    pub(crate) async fn ask(&self, key: &KeyRow) -> Result<Arc<HostKeys>, KeyError> {
        let answer = self.decrypt(key).await;
        let now_ms = self.env.clock.monotonic_ms();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let before = said.get(&key.data_key).map_or(0, |said| said.refused_ms);
        let refused_ms = match &answer {
            Ok(_) => 0,
            Err(_) => before.saturating_mul(2).clamp(REFUSED_MS, REFUSED_MS_MAX),
        };
        let until_ms = now_ms.saturating_add(if refused_ms > 0 { refused_ms } else { OPEN_MS });
        // Keys that nobody asked for lately do not stay in memory.
        said.retain(|_, said| said.until_ms > now_ms || said.refused_ms > 0);
        said.insert(key.data_key.clone(), Said { until_ms, refused_ms, answer: answer.clone() });
        answer
    }

    async fn decrypt(&self, key: &KeyRow) -> Result<Arc<HostKeys>, KeyError> {
        let with = self.with()?;
        let damaged = || unavailable("the row of an encrypted store is damaged");
        let region = Region::parse(&key.region).ok_or_else(damaged)?;
        let wrapped = ids::unhex(&key.data_key).ok_or_else(damaged)?;
        let caller = Caller::Service { principal: PRINCIPAL.into() };
        let asked = KeyUse {
            caller: &caller,
            region,
            key: Some(&key.key_arn),
            service: "cloudtrail",
            source_arn: Some(&key.source_arn),
            // CloudTrail user guide, "Granting encrypt permissions for event data stores": policies of keys name no context.
            context: &[],
            request: None,
        };
        let opened = Zeroizing::new(with.keys.decrypt_data_key(&asked, &wrapped).await?.plaintext);
        HostKeys::of_data_key(&opened).map(Arc::new).ok_or_else(damaged)
    }

    async fn keys_of(&self, what: &Encrypted) -> Result<Arc<HostKeys>, KeyError> {
        match what {
            Encrypted::Host => Ok(Arc::clone(&self.with()?.host_keys)),
            Encrypted::Kms(key) => self.open(key).await,
        }
    }

    /// Forgets a data key that nothing is under any more.
    pub(crate) fn forget(&self, key: &KeyRow) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(&key.data_key);
    }

    /// How a new part is written, of a store with this key.
    pub(crate) async fn encrypting(&self, key: Option<&KeyRow>) -> Result<Encrypting, Unavailable> {
        let Some(key) = key else { return Ok(Encrypting(None)) };
        match self.open(key).await {
            Ok(keys) => Ok(Encrypting(Some((Encrypted::Kms(key.clone()), keys)))),
            // One key must not hold up what comes for other stores, whatever is the matter with it.
            Err(error) => {
                let with = self.with().map_err(|error| Unavailable(error.to_string()))?;
                tracing::warn!(
                    key = key.key_arn,
                    store = key.source_arn,
                    %error,
                    "the key does not take part; what comes is kept under the host key until it does"
                );
                Ok(Encrypting(Some((Encrypted::Host, Arc::clone(&with.host_keys)))))
            }
        }
    }
}

/// How the objects of a new part are written: in clear, or under keys.
#[derive(Clone)]
pub(crate) struct Encrypting(Option<(Encrypted, Arc<HostKeys>)>);

impl Encrypting {
    /// For the part's row.
    pub(crate) fn row(&self) -> Option<Encrypted> {
        self.0.as_ref().map(|(what, _)| what.clone())
    }

    /// Stores an object at once. Durable when it returns.
    pub(crate) async fn put(
        &self,
        objects: &dyn Objects,
        rng: &dyn Rng,
        name: &str,
        bytes: Bytes,
    ) -> Result<(), objects::Error> {
        let Some((_, keys)) = &self.0 else { return objects.put(name, bytes).await };
        let len = u64::try_from(bytes.len()).ok();
        let mut sealer = Sealer::new(keys, rng, name, len);
        let mut sealed = BytesMut::with_capacity(bytes.len() + bytes.len() / 1_024 + HEADER_BYTES);
        seal(&mut sealer, &bytes, &mut |piece| sealed.extend_from_slice(&piece));
        sealed.extend_from_slice(&sealer.finish());
        objects.put(name, sealed.freeze()).await
    }

    /// Stores an object piece by piece.
    pub(crate) async fn writer(
        &self,
        objects: &dyn Objects,
        rng: &dyn Rng,
        name: &str,
    ) -> Result<Box<dyn Writer>, objects::Error> {
        let inner = objects.writer(name).await?;
        Ok(match &self.0 {
            Some((_, keys)) => Box::new(SealingWriter { inner, sealer: Sealer::new(keys, rng, name, None) }),
            None => inner,
        })
    }
}

fn seal(sealer: &mut Sealer, bytes: &[u8], give: &mut dyn FnMut(Bytes)) {
    let mut rest = bytes;
    while !rest.is_empty() {
        if sealer.chunk_is_full() {
            sealer.seal_chunk();
            if let Some(piece) = sealer.take_piece() {
                give(piece);
            }
        }
        rest = sealer.fill(rest);
    }
}

struct SealingWriter {
    inner: Box<dyn Writer>,
    sealer: Sealer,
}

#[async_trait]
impl Writer for SealingWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), objects::Error> {
        let mut pieces = Vec::new();
        seal(&mut self.sealer, &bytes, &mut |piece| pieces.push(piece));
        for piece in pieces {
            self.inner.write(piece).await?;
        }
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), objects::Error> {
        let mut inner = self.inner;
        inner.write(self.sealer.finish()).await?;
        inner.finish().await
    }
}

/// An object of a part, to be read.
#[derive(Clone)]
pub(crate) struct Content {
    objects: Arc<dyn Objects>,
    name: Arc<str>,
    lock: Option<Arc<Lock>>,
}

struct Lock {
    vault: Arc<Vault>,
    under: Encrypted,
    header: OnceCell<Bytes>,
}

fn length(range: &Range<u64>) -> usize {
    usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX)
}

impl Content {
    pub(crate) fn new(
        objects: Arc<dyn Objects>,
        vault: &Arc<Vault>,
        name: String,
        encrypted: Option<&Encrypted>,
    ) -> Content {
        let locked =
            |under: &Encrypted| Lock { vault: Arc::clone(vault), under: under.clone(), header: OnceCell::new() };
        Content { objects, name: name.into(), lock: encrypted.map(locked).map(Arc::new) }
    }

    /// Bytes of what was written. An error if it has not so many.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Bytes, ReadError> {
        let bytes = match &self.lock {
            Some(lock) if range.start < range.end => self.unlocked(lock, &range).await?,
            _ => self.stored(range.clone()).await?.0,
        };
        let short = || ReadError(format!("{} is shorter than it was written", self.name));
        if bytes.len() == length(&range) { Ok(bytes) } else { Err(short()) }
    }

    /// Bytes as they are stored, as many of them as there are, and how many there are in all.
    async fn stored(&self, range: Range<u64>) -> Result<(Bytes, u64), ReadError> {
        let failed = |error: objects::Error| ReadError(format!("reading {}: {error}", self.name));
        let most = length(&range);
        let reader = self.objects.get(&self.name, Some(range)).await.map_err(failed)?;
        let len = reader.object_len();
        Ok((reader.bytes(most).await.map_err(failed)?, len))
    }

    async fn unlocked(&self, lock: &Lock, range: &Range<u64>) -> Result<Bytes, ReadError> {
        let keys = lock.vault.keys_of(&lock.under).await;
        let keys = keys.map_err(|error| ReadError(format!("{} is encrypted: {error}", self.name)))?;
        let header = lock.header.get_or_try_init(|| async {
            let end = u64::try_from(HEADER_BYTES).unwrap_or(u64::MAX);
            Ok::<_, ReadError>(self.stored(0..end).await?.0)
        });
        let header = header.await?;
        let (sealed, len) = self.stored(sealed_range(range)).await?;
        let damaged = |error: seal::Damaged| ReadError(format!("{}: {error}", self.name));
        let mut opener = Opener::new(&keys, &self.name, header, len, range).map_err(damaged)?;
        opener.push(&sealed).map_err(damaged)
    }
}
