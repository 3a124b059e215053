//! Who is signed in, or about to be: a row under the hash of what the browser's cookie says, so that reading the tables lets nobody act
//! as somebody. Rows end; those that have are swept.

use std::sync::Arc;

use base::{Rng, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ports::{Session, Unavailable};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use state::{Expect, Op, Range, State};

const ROWS: state::Typed<Row> = state::Typed::new("signin/sessions");
/// The same keys by the second at which they end; the values are empty.
const EXPIRIES: state::Table = "signin/expiries";
/// The version of [`Row`] that this program writes.
pub const VERSION: u32 = 1;
/// Bytes of chance in a token.
const TOKEN_BYTES: usize = 32;
/// The longest text that may be one.
const TOKEN_CHARS_MAX: usize = 64;
/// Rows swept with one commit.
const SWEPT_TOGETHER: usize = 500;

/// How far somebody has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The password was right; a code is wanted.
    Code,
    /// Password and code were right; another password is wanted.
    NewPassword,
    /// Signed in.
    In,
    /// Nobody's yet: what the federation endpoint gave, to be shown there once.
    Token {
        /// How long to be signed in; as long as the credentials are good if it was not said.
        secs: Option<u32>,
    },
}

/// A role taken on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switched {
    /// Its session, which begins again when it ends.
    pub session: Arc<Session>,
    /// The role's ARN.
    pub role_arn: String,
    /// As its user calls it.
    pub display_name: String,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub v: u32,
    pub stage: Stage,
    /// What forms must say.
    pub csrf: String,
    /// Who it is: a session without credentials.
    pub session: Arc<Session>,
    /// The serial number of the device whose code was right.
    pub mfa_serial: Option<String>,
    /// Whether another password is to be chosen when the code is right.
    pub must_change: bool,
    /// Where to go on to: a path.
    pub destination: String,
    pub role: Option<Switched>,
    pub expires: Timestamp,
}

pub struct Store {
    state: Arc<dyn State>,
}

fn unavailable(error: state::Error) -> Unavailable {
    Unavailable(error.to_string())
}

/// A text that nobody can guess.
pub fn token(rng: &dyn Rng) -> String {
    let mut bytes = [0; TOKEN_BYTES];
    rng.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn key(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

fn expiry_key(expires: Timestamp, key: &[u8]) -> Vec<u8> {
    let secs = u64::try_from(expires.secs()).unwrap_or(0).to_be_bytes();
    [&secs[..], key].concat()
}

impl Store {
    pub fn new(state: Arc<dyn State>) -> Store {
        Store { state }
    }

    /// The row of a token, if it has not ended.
    pub async fn find(&self, token: &str, now: Timestamp) -> Result<Option<Row>, Unavailable> {
        if token.len() > TOKEN_CHARS_MAX {
            return Ok(None);
        }
        let found = ROWS.get(&*self.state, &key(token)).await.map_err(unavailable)?;
        Ok(found.map(|doc| doc.value).filter(|row| row.expires > now))
    }

    /// Keeps a row under a new token, in the place of an old one if there is one. Durable when it returns the new token.
    pub async fn begin(&self, rng: &dyn Rng, row: &Row, old: Option<&str>) -> Result<String, Unavailable> {
        let token = token(rng);
        let key_of_new = key(&token);
        let expiry = expiry_key(row.expires, &key_of_new);
        let mut ops = vec![
            ROWS.put_op(&key_of_new, row, Expect::Absent).map_err(unavailable)?,
            Op::Put { table: EXPIRIES, key: expiry, value: Bytes::new(), expect: Expect::Any },
        ];
        ops.extend(old.map(|old| ROWS.delete_op(&key(old), Expect::Any)));
        self.state.commit(ops).await.map_err(unavailable)?;
        Ok(token)
    }

    /// Writes a row that is there in the place of what it was; its end stays. False if it is gone. Durable when it returns.
    pub async fn change(&self, token: &str, row: &Row) -> Result<bool, Unavailable> {
        match ROWS.put(&*self.state, &key(token), row, Expect::Present).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_conflict() => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Forgets a row. True for one caller alone, however many try. Durable when it returns.
    pub async fn end(&self, token: &str) -> Result<bool, Unavailable> {
        match ROWS.delete(&*self.state, &key(token), Expect::Present).await {
            Ok(()) => Ok(true),
            Err(error) if error.is_conflict() => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// See [`crate::SignIn::sweep`].
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, state::Error> {
        let end = expiry_key(now, &[]);
        let mut swept = 0;
        loop {
            let rows = self.state.scan(EXPIRIES, Range::all().before(end.clone()), SWEPT_TOGETHER).await?;
            if rows.is_empty() {
                return Ok(swept);
            }
            let mut ops = Vec::with_capacity(2 * rows.len());
            for row in rows {
                if let Some(key) = row.key.get(8..) {
                    ops.push(ROWS.delete_op(key, Expect::Any));
                }
                ops.push(Op::Delete { table: EXPIRIES, key: row.key, expect: Expect::Any });
                swept += 1;
            }
            self.state.commit(ops).await?;
        }
    }
}
