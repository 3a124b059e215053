//! STS: who am I, and temporary credentials: of roles, of users with a second factor, of users for others, and of whoever an identity
//! provider speaks for. It keeps what temporary credentials stand for ([`ports::Session`]) as long as they are good; what a session may
//! do is decided elsewhere. One instance serves every account of a server.

mod ask;
mod console;
mod error;
mod issue;
mod issuer_keys;
mod jwt;
mod messages;
mod mfa;
pub mod ops;
mod saml_identity;
mod service_roles;
mod session_policies;
mod store;
mod tags;
mod web_identity;

#[cfg(test)]
mod saml_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use base::{Env, Timestamp};
use ports::{Authorizer, Credentials, IssuerKeys, MfaDevices, OidcProviders, Roles};
use service::{Builder, Definition, Service};
use state::State;

pub use error::Error;
pub use issuer_keys::KeyFolder;

/// What STS is made of.
pub struct Deps {
    /// Time and chance.
    pub env: Env,
    /// Where sessions are kept.
    pub state: Arc<dyn State>,
    /// Who may assume what: policies of callers and trust policies of roles together.
    pub authorizer: Arc<dyn Authorizer>,
    /// The roles of all accounts.
    pub roles: Arc<dyn Roles>,
    /// Codes of second factors.
    pub mfa: Arc<dyn MfaDevices>,
    /// Whose long-term keys are whose, for GetAccessKeyInfo.
    pub credentials: Arc<dyn Credentials>,
    /// The OpenID Connect providers of all accounts.
    pub providers: Arc<dyn OidcProviders>,
    /// What their tokens are signed with.
    pub issuer_keys: Arc<dyn IssuerKeys>,
}

/// The service.
pub struct Sts {
    pub(crate) deps: Deps,
    pub(crate) store: store::Store,
    pub(crate) messages: messages::Messages,
}

impl Service for Sts {
    const MODEL: &'static str = "sts";
    const PREFIX: &'static str = "sts";
}

impl Sts {
    /// Opens STS over its tables.
    pub async fn open(deps: Deps) -> Result<Arc<Sts>, state::Error> {
        let messages = messages::Messages::open(&deps.env, &*deps.state).await?;
        let store = store::Store::new(Arc::clone(&deps.state));
        Ok(Arc::new(Sts { deps, store, messages }))
    }

    /// Forgets sessions that ended a day ago or earlier; says how many. To be called every few minutes, by one caller.
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, state::Error> {
        self.store.sweep(now).await
    }
}

/// The operations.
pub fn definition(sts: Arc<Sts>) -> Definition {
    Builder::new(sts)
        .on::<ops::assume_role::AssumeRole>()
        .on::<ops::assume_role_with_saml::AssumeRoleWithSaml>()
        .on::<ops::assume_role_with_web_identity::AssumeRoleWithWebIdentity>()
        .on::<ops::decode_authorization_message::DecodeAuthorizationMessage>()
        .on::<ops::get_access_key_info::GetAccessKeyInfo>()
        .on::<ops::get_caller_identity::GetCallerIdentity>()
        .on::<ops::get_federation_token::GetFederationToken>()
        .on::<ops::get_session_token::GetSessionToken>()
        .build()
}
