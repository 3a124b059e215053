//! Sessions: kept in `state` under their access keys, and in memory while they are used. A session is durable before anybody gets its
//! secret, and is never changed afterwards, so what memory holds cannot be wrong. ADR 21 says why they are kept at all.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use base::Timestamp;
use bytes::Bytes;
use ports::{Caller, Credential, Credentials, Secret, Session, Unavailable};
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::{Expect, Op, Range, State};

use crate::Sts;

/// By access key.
const SESSIONS: state::Table = "sts/sessions";
/// The same keys by the second at which they end; the values are empty.
const EXPIRIES: state::Table = "sts/expiries";
/// The version of [`Kept`] that this program writes.
const VERSION: u32 = 1;
/// Sessions in memory: those of a busy server, at about a kilobyte each. Others are read when they are used.
const CACHED_MAX: usize = 16_384;
/// How long ended sessions are still known, so that whoever uses them hears that they ended, not that nobody knows them.
const KNOWN_AFTER_MS: i64 = 24 * 60 * 60 * 1_000;
/// Sessions forgotten with one commit.
const SWEPT_TOGETHER: usize = 500;

/// A session as stored. The secret is needed in clear: a signature is checked by making it again.
#[derive(Serialize, Deserialize)]
struct Kept {
    v: u32,
    secret: String,
    token: String,
    session: Arc<Session>,
}

pub(crate) struct Store {
    state: Arc<dyn State>,
    cache: RwLock<HashMap<Arc<str>, Arc<Credential>>>,
}

impl Store {
    pub fn new(state: Arc<dyn State>) -> Store {
        Store { state, cache: RwLock::default() }
    }

    /// Keeps a session with the two secrets of its credentials. Durable when it returns.
    pub async fn keep(&self, session: Session, secret: &str, token: &str) -> Result<(), ApiError> {
        let (id, session) = (Arc::clone(&session.access_key_id), Arc::new(session));
        let kept = Kept { v: VERSION, secret: secret.to_owned(), token: token.to_owned(), session };
        let value = Bytes::from(serde_json::to_vec(&kept).map_err(ApiError::internal)?);
        let expiry = expiry_key(kept.session.expires, &id);
        let ops = vec![
            Op::Put { table: SESSIONS, key: session_key(&id), value, expect: Expect::Absent },
            Op::Put { table: EXPIRIES, key: expiry, value: Bytes::new(), expect: Expect::Any },
        ];
        self.state.commit(ops).await.map_err(ApiError::unavailable)?;
        self.remember(&id, &credential(kept));
        Ok(())
    }

    /// The credentials of this access key, also if they have ended.
    pub async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, state::Error> {
        let known = self.cache.read().expect("no holder of this lock can panic").get(access_key_id).cloned();
        if known.is_some() || !access_key_id.starts_with("ASIA") || access_key_id.len() > ACCESS_KEY_BYTES_MAX {
            return Ok(known);
        }
        let Some(row) = self.state.get(SESSIONS, &session_key(access_key_id)).await? else { return Ok(None) };
        let kept: Kept = serde_json::from_slice(&row.value)
            .map_err(|error| state::Error::Document { table: SESSIONS, source: Arc::new(error) })?;
        let credential = credential(kept);
        self.remember(access_key_id, &credential);
        Ok(Some(credential))
    }

    /// See [`Sts::sweep`].
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, state::Error> {
        let end = expiry_key(now.plus_ms(-KNOWN_AFTER_MS), "");
        let mut swept = 0;
        loop {
            let rows = self.state.scan(EXPIRIES, Range::all().before(end.clone()), SWEPT_TOGETHER).await?;
            if rows.is_empty() {
                return Ok(swept);
            }
            let mut ops = Vec::with_capacity(2 * rows.len());
            let mut ids = Vec::with_capacity(rows.len());
            for row in rows {
                let id = state::key::parts(&row.key).and_then(|mut parts| String::from_utf8(parts.pop()?).ok());
                if let Some(id) = id {
                    ops.push(Op::Delete { table: SESSIONS, key: session_key(&id), expect: Expect::Any });
                    ids.push(id);
                }
                ops.push(Op::Delete { table: EXPIRIES, key: row.key, expect: Expect::Any });
            }
            self.state.commit(ops).await?;
            swept += ids.len();
            let mut cache = self.cache.write().expect("no holder of this lock can panic");
            for id in ids {
                cache.remove(id.as_str());
            }
        }
    }

    fn remember(&self, id: &str, credential: &Arc<Credential>) {
        let mut cache = self.cache.write().expect("no holder of this lock can panic");
        if cache.len() >= CACHED_MAX {
            // All at once, which is rare: what is used comes back with one read each.
            cache.clear();
        }
        cache.insert(Arc::from(id), Arc::clone(credential));
    }
}

/// Longer ones are nobody's. Source: STS API reference, `accessKeyIdType`.
const ACCESS_KEY_BYTES_MAX: usize = 128;

fn session_key(access_key_id: &str) -> Vec<u8> {
    state::key::key(&[access_key_id])
}

fn expiry_key(expires: Timestamp, access_key_id: &str) -> Vec<u8> {
    let secs = u64::try_from(expires.secs()).unwrap_or(0).to_be_bytes();
    let key = state::key::key(&[secs]);
    if access_key_id.is_empty() { key } else { [key, session_key(access_key_id)].concat() }
}

fn credential(kept: Kept) -> Arc<Credential> {
    Arc::new(Credential {
        secret: Secret(Arc::from(kept.secret)),
        session_token: Some(Secret(Arc::from(kept.token))),
        active: true,
        expires: Some(kept.session.expires),
        caller: Caller::Session(kept.session),
    })
}

/// Temporary keys (`ASIA…`) only; those of users are IAM's.
#[async_trait]
impl Credentials for Sts {
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, Unavailable> {
        self.store.find(access_key_id).await.map_err(|error| Unavailable(error.to_string()))
    }
}
