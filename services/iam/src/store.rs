//! Users and keys: kept in `state`, answered from memory. A change is durable before memory shows it.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use base::Timestamp;
use bytes::Bytes;
use ports::{Caller, Credential, Secret};
use serde::{Deserialize, Serialize};
use state::{Expect, Op, State};

use crate::tags::Tag;

const USERS: state::Table = "iam/users";

/// The account's own access key.
#[derive(Clone)]
pub struct RootKey {
    /// `AKIA…`.
    pub access_key_id: String,
    /// Signs requests.
    pub secret: Secret,
}

/// A user, as stored: one document holds all that changes together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// The version of this document.
    pub v: u32,
    /// As given; unique whatever the case.
    pub name: String,
    /// `/` or `/division/team/`.
    pub path: String,
    /// `AIDA…`.
    pub id: String,
    /// `arn:aws:iam::123456789012:user/division/team/name`.
    pub arn: String,
    /// When it was made.
    pub created: Timestamp,
    /// In the order given.
    pub tags: Vec<Tag>,
    /// At most [`KEYS_MAX`].
    pub keys: Vec<Key>,
    /// The ARNs of attached policies, in the order attached.
    pub policies: Vec<String>,
}

/// An access key of a user, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct Key {
    /// `AKIA…`.
    pub id: String,
    /// Signs requests. Needed in clear: a signature is checked by making it again.
    pub secret: String,
    /// Inactive keys are refused.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("active", &self.active).finish_non_exhaustive()
    }
}

/// Access keys a user may have. Source: IAM user guide, "IAM and AWS STS quotas".
pub const KEYS_MAX: usize = 2;
/// Managed policies on a user: the quota's default.
pub const POLICIES_MAX: usize = 10;
/// Users in an account.
pub const USERS_MAX: usize = 5000;
/// The version of [`User`] that this program writes and reads.
pub const USER_VERSION: u32 = 1;

#[derive(Default)]
struct Memory {
    /// By lower-case name.
    users: BTreeMap<String, (u64, Arc<User>)>,
    credentials: BTreeMap<String, Arc<Credential>>,
}

pub(crate) struct Store {
    state: Arc<dyn State>,
    root: Arc<Credential>,
    root_id: String,
    memory: RwLock<Memory>,
    /// One change at a time, so that memory follows the order of commits.
    changes: tokio::sync::Mutex<()>,
}

impl Store {
    pub async fn open(state: Arc<dyn State>, account: &Arc<str>, root: RootKey) -> Result<Store, state::Error> {
        let mut memory = Memory::default();
        state::scan_all(&*state, USERS, state::Range::all(), |row| {
            let user: User = serde_json::from_slice(&row.value)
                .map_err(|error| state::Error::Document { table: USERS, source: Arc::new(error) })?;
            memory.set(account, user.name.to_lowercase(), Some((row.rev, Arc::new(user))));
            Ok::<_, state::Error>(true)
        })
        .await?;
        let caller =
            Caller::Root { account: Arc::clone(account), access_key_id: Arc::from(root.access_key_id.as_str()) };
        let credential = Credential { secret: root.secret, caller, active: true, session_token: None, expires: None };
        Ok(Store {
            state,
            root: Arc::new(credential),
            root_id: root.access_key_id,
            memory: RwLock::new(memory),
            changes: tokio::sync::Mutex::new(()),
        })
    }

    pub fn credential(&self, access_key_id: &str) -> Option<Arc<Credential>> {
        if access_key_id == self.root_id {
            return Some(Arc::clone(&self.root));
        }
        self.memory.read().expect("no holder of this lock can panic").credentials.get(access_key_id).cloned()
    }

    pub fn user(&self, name: &str) -> Option<Arc<User>> {
        let memory = self.memory.read().expect("no holder of this lock can panic");
        memory.users.get(&name.to_lowercase()).map(|(_, user)| Arc::clone(user))
    }

    /// All users in the order of their lower-case names.
    pub fn users(&self) -> Vec<Arc<User>> {
        let memory = self.memory.read().expect("no holder of this lock can panic");
        memory.users.values().map(|(_, user)| Arc::clone(user)).collect()
    }

    /// Changes the user of this name by `change`: from what there is (`None`: nobody) to what there shall be. Returns when
    /// that is durable.
    pub async fn change<T>(
        &self,
        account: &Arc<str>,
        name: &str,
        change: impl FnOnce(Option<&User>) -> Result<(Option<User>, T), service::ApiError>,
    ) -> Result<T, service::ApiError> {
        let _turn = self.changes.lock().await;
        let name = name.to_lowercase();
        let old = self.memory.read().expect("no holder of this lock can panic").users.get(&name).cloned();
        let (new, answer) = change(old.as_ref().map(|(_, user)| &**user))?;
        let key = state::key::key(&[&name]);
        let expect = old.as_ref().map_or(Expect::Absent, |(rev, _)| Expect::Rev(*rev));
        let op = match &new {
            Some(user) => {
                let value = serde_json::to_vec(user).map_err(service::ApiError::internal)?;
                Op::Put { table: USERS, key, value: Bytes::from(value), expect }
            }
            None if old.is_none() => return Ok(answer),
            None => Op::Delete { table: USERS, key, expect },
        };
        let info = self.state.commit(vec![op]).await.map_err(|error| match error {
            state::Error::Conflict { .. } => crate::Error::ConcurrentModification.into(),
            other => service::ApiError::unavailable(other),
        })?;
        let rev = info.revs.first().copied().unwrap_or_default();
        let mut memory = self.memory.write().expect("no holder of this lock can panic");
        memory.set(account, name, new.map(|user| (rev, Arc::new(user))));
        Ok(answer)
    }
}

impl Memory {
    fn set(&mut self, account: &Arc<str>, name: String, new: Option<(u64, Arc<User>)>) {
        if let Some((_, old)) = self.users.remove(&name) {
            for key in &old.keys {
                self.credentials.remove(&key.id);
            }
        }
        let Some((rev, user)) = new else { return };
        for key in &user.keys {
            let caller = Caller::User {
                account: Arc::clone(account),
                user_id: Arc::from(user.id.as_str()),
                user_name: Arc::from(user.name.as_str()),
                arn: Arc::from(user.arn.as_str()),
                access_key_id: Arc::from(key.id.as_str()),
            };
            let secret = Secret(Arc::from(key.secret.as_str()));
            let credential = Credential { secret, caller, active: key.active, session_token: None, expires: None };
            self.credentials.insert(key.id.clone(), Arc::new(credential));
        }
        self.users.insert(name, (rev, user));
    }
}
