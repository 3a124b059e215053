//! What there is in IAM, kept in `state` (one document for each entity, a table for each kind) and answered from memory. A change may touch
//! several documents; it is one commit, and memory shows it when it is durable, in the order of the commits.

mod group;
mod instance_profile;
mod managed_policy;
mod providers;
mod quotas;
mod reports;
mod role;
mod server_certificate;
mod settings;
mod transaction;
mod user;
mod user_credentials;
mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use ports::{Caller, Credential, Secret};
use serde::{Deserialize, Serialize};
use service::ApiError;
use state::State;

use crate::Error;

pub use group::Group;
pub use instance_profile::InstanceProfile;
pub use managed_policy::{ManagedPolicy, Version};
pub use providers::{OidcProvider, SamlKey, SamlProvider};
pub use quotas::*;
pub use reports::{AccessReport, CredentialReport, EntityUse, ServiceUse};
pub use role::Role;
pub use server_certificate::ServerCertificate;
pub use settings::Settings;
pub use transaction::Tx;
pub use user::{Key, Login, User};
pub use user_credentials::{OtherCredentials, ServiceCredential, SigningCertificate, SshKey};
pub use world::{Entity, Rows, World};

/// The account's own access key.
#[derive(Clone)]
pub struct RootKey {
    /// `AKIA…`.
    pub access_key_id: String,
    /// Signs requests.
    pub secret: Secret,
}

/// The policies of a user, group or role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// The ARNs of managed policies, in the order attached.
    #[serde(rename = "policies", default)]
    pub attached: Vec<String>,
    /// Its own policies: name to text as it was given.
    #[serde(default)]
    pub inline: BTreeMap<String, String>,
}

/// The kinds that carry policies: users, groups and roles.
pub trait Holder: Entity {
    /// `User`, as quotas are named: `PoliciesPerUser`.
    const QUOTA_NAME: &'static str;
    /// The most characters of inline policies together, white space not counted.
    const INLINE_CHARS_MAX: usize;

    /// Its policies.
    fn grants(&self) -> &Grants;
    /// Its policies, to be changed.
    fn grants_mut(&mut self) -> &mut Grants;
    /// The ARN of its permissions boundary. Groups have none.
    fn boundary(&self) -> Option<&str>;
    /// Refuses changes to what only AWS changes.
    fn check_modifiable(&self) -> Result<(), Error> {
        Ok(())
    }
}

pub(crate) struct Store {
    state: Arc<dyn State>,
    /// The account's own key, if it has one, and its identifier.
    root: Option<(String, Arc<Credential>)>,
    world: RwLock<World>,
    /// One change at a time, so that memory follows the order of commits.
    changes: tokio::sync::Mutex<()>,
}

impl Store {
    pub async fn open(state: Arc<dyn State>, account: &Arc<str>, root: Option<RootKey>) -> Result<Store, state::Error> {
        let mut world = World::new(Arc::clone(account));
        world.load::<User>(&*state).await?;
        world.load::<Group>(&*state).await?;
        world.load::<Role>(&*state).await?;
        world.load::<ManagedPolicy>(&*state).await?;
        world.load::<InstanceProfile>(&*state).await?;
        world.load::<Settings>(&*state).await?;
        world.load::<OidcProvider>(&*state).await?;
        world.load::<SamlProvider>(&*state).await?;
        world.load::<ServerCertificate>(&*state).await?;
        world.load::<CredentialReport>(&*state).await?;
        world.load::<AccessReport>(&*state).await?;
        let root = root.map(|root| {
            let access_key_id = Arc::from(root.access_key_id.as_str());
            let caller = Caller::Root { account: Arc::clone(account), access_key_id };
            let credential =
                Credential { secret: root.secret, caller, active: true, session_token: None, expires: None };
            (root.access_key_id, Arc::new(credential))
        });
        Ok(Store { state, root, world: RwLock::new(world), changes: tokio::sync::Mutex::new(()) })
    }

    /// The access key of this identifier.
    pub fn credential(&self, access_key_id: &str) -> Option<Arc<Credential>> {
        if let Some((_, credential)) = self.root.as_ref().filter(|(id, _)| id == access_key_id) {
            return Some(Arc::clone(credential));
        }
        self.read(|world| world.credential(access_key_id))
    }

    /// The identifier of the account's own access key, if it has one.
    pub fn root_key_id(&self) -> Option<&str> {
        self.root.as_ref().map(|(id, _)| id.as_str())
    }

    /// What `look` makes of everything as of one moment. Must be quick: it holds up changes.
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.world.read().expect("no holder of this lock can panic"))
    }

    /// The entity of this name, whatever the case.
    pub fn get<E: Entity>(&self, name: &str) -> Option<Arc<E>> {
        self.read(|world| world.get::<E>(name))
    }

    /// The entity of this name, or that there is none.
    pub fn need<E: Entity>(&self, name: &str) -> Result<Arc<E>, Error> {
        self.get::<E>(name).ok_or_else(|| E::missing(name))
    }

    /// All of a kind, in the order of their lower-case names.
    pub fn all<E: Entity>(&self) -> Vec<Arc<E>> {
        self.read(|world| world.all::<E>().cloned().collect())
    }

    /// Changes what there is, as `change` says, all of it or (if that fails) nothing. Returns when that is durable.
    pub async fn change<T>(&self, change: impl FnOnce(&mut Tx<'_>) -> Result<T, ApiError>) -> Result<T, ApiError> {
        let _turn = self.changes.lock().await;
        let (staged, answer) = {
            let world = self.world.read().expect("no holder of this lock can panic");
            let mut tx = Tx::new(&world);
            let answer = change(&mut tx)?;
            (tx.finish()?, answer)
        };
        if staged.is_empty() {
            return Ok(answer);
        }
        let (ops, effects): (Vec<_>, Vec<_>) = staged.into_iter().unzip();
        let info = self.state.commit(ops).await.map_err(|error| match error {
            state::Error::Conflict { .. } => Error::ConcurrentModification.into(),
            other => ApiError::unavailable(other),
        })?;
        let mut world = self.world.write().expect("no holder of this lock can panic");
        for (effect, rev) in effects.into_iter().zip(info.revs) {
            effect(&mut world, rev);
        }
        world.touch();
        Ok(answer)
    }

    /// Changes one entity that must be there.
    pub async fn edit<E: Entity, T>(
        &self,
        name: &str,
        edit: impl FnOnce(&mut E) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.change(|tx| {
            let mut entity = tx.need::<E>(name)?;
            let answer = edit(&mut entity)?;
            tx.put(entity);
            Ok(answer)
        })
        .await
    }
}
