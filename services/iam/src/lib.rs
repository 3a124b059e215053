//! IAM: users, groups, roles, their keys, MFA devices and policies. Answers who owns a key and who may do what; knows nothing of requests
//! and signatures.

pub mod aws_policies;
mod compiled;
mod der;
mod documents;
mod error;
mod managed;
mod mfa;
mod names;
mod oidc;
mod operation;
pub mod ops;
mod passwords;
mod places;
mod port;
mod registry;
mod service_linked;
mod settings;
mod simulation;
mod sources;
mod store;
mod tags;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trust;
mod uses;
mod views;

use std::sync::{Arc, RwLock};

use base::{Env, Timestamp};
use service::Service;
use state::State;

pub use error::Error;
pub use registry::definition;
pub use settings::{PasswordCheck, PasswordUser};
pub use store::{OidcProvider, RootKey};

/// The ARN of AWS's policy that grants everything.
pub const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// The service.
pub struct Iam {
    pub(crate) store: store::Store,
    pub(crate) mfa: mfa::Devices,
    pub(crate) uses: uses::Uses,
    pub(crate) compiled: compiled::Cache,
    pub(crate) env: Env,
    pub(crate) account: Arc<str>,
    pub(crate) hasher: passwords::Hasher,
    /// The hash of the account's own password.
    pub(crate) root_password: RwLock<Option<String>>,
}

impl Service for Iam {
    const MODEL: &'static str = "iam";
    const PREFIX: &'static str = "iam";
}

impl Iam {
    /// Opens IAM over its tables. `root` is the account's own key; accounts of an organization have none.
    pub async fn open(
        env: Env,
        state: Arc<dyn State>,
        account: Arc<str>,
        root: Option<RootKey>,
    ) -> Result<Arc<Iam>, state::Error> {
        let mfa = mfa::Devices::open(Arc::clone(&state)).await?;
        let uses = uses::Uses::open(Arc::clone(&state)).await?;
        let store = store::Store::open(state, &account, root).await?;
        let (hasher, root_password) = (passwords::Hasher::default(), RwLock::default());
        Ok(Arc::new(Iam {
            store,
            mfa,
            uses,
            compiled: compiled::Cache::default(),
            env,
            account,
            hasher,
            root_password,
        }))
    }

    /// Makes the role by which the manager of the account's organization comes in: it may do everything. Does nothing about a role of
    /// the name that is there. Source: Organizations user guide, "Accessing member accounts in an organization".
    pub async fn provide_role(&self, name: &str, manager: &str) -> Result<(), service::ApiError> {
        let role = store::Role {
            v: store::Role::VERSION,
            arn: format!("arn:aws:iam::{}:role/{name}", self.account),
            id: base::ids::iam_id(&*self.env.rng, "AROA"),
            name: name.to_owned(),
            path: "/".to_owned(),
            created: self.env.clock.now().trunc_secs(),
            grants: store::Grants { attached: vec![ADMINISTRATOR_ACCESS.to_owned()], ..store::Grants::default() },
            trust: format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{manager}:root"}},"Action":"sts:AssumeRole"}}]}}"#
            ),
            max_session_secs: store::Role::MAX_SESSION_SECS_DEFAULT,
            ..store::Role::default()
        };
        self.store
            .change(|tx| {
                if tx.get::<store::Role>(name).is_none() {
                    tx.put(role);
                }
                Ok(())
            })
            .await
    }

    /// Notes that a key was used, in memory: [`Iam::flush_uses`] writes it. `service` is named as its actions begin: `s3`.
    pub fn note_use(&self, access_key_id: &str, time: Timestamp, region: &str, service: &str) {
        self.uses.note(access_key_id, time, region, service);
    }

    /// Notes that the role of this identifier (`AROA…`) was used, as [`Iam::note_use`] does for keys.
    pub fn note_role_use(&self, role_id: &str, time: Timestamp, region: &str) {
        self.uses.note(role_id, time, region, "");
    }

    /// Notes that somebody called: the use of a user's key, or of a session's role.
    pub fn note_call(&self, caller: &ports::Caller, time: Timestamp, region: &str, service: &str) {
        match caller {
            ports::Caller::User { access_key_id, .. } => self.note_use(access_key_id, time, region, service),
            ports::Caller::Session(session) => {
                if let ports::identity::Holder::Role { id, .. } = &session.holder {
                    self.note_role_use(id, time, region);
                }
            }
            _ => {}
        }
    }

    /// Writes what [`Iam::note_use`] noted. To be called every few minutes and at the end. Returns when it is durable.
    pub async fn flush_uses(&self) -> Result<(), state::Error> {
        self.uses.flush().await
    }

    /// The last use of a key (by its identifier), a role (by its identifier) or a password (by its user's identifier).
    pub(crate) fn last_use(&self, id: &str) -> Option<uses::Use> {
        self.uses.last(id)
    }

    /// Forgets the uses of what is gone. That it fails harms nobody: identifiers are not given twice.
    pub(crate) async fn forget_uses(&self, ids: &[String]) {
        if let Err(error) = self.uses.forget(ids).await {
            tracing::warn!(%error, "the last use of a removed key or role stays in the table");
        }
    }
}
