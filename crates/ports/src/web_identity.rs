//! What STS must know of identity providers to believe their tokens.

use std::sync::Arc;

use async_trait::async_trait;
use base::Timestamp;

use crate::Unavailable;

/// An OpenID Connect provider of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcProvider {
    /// `arn:aws:iam::ACCOUNT:oidc-provider/HOST/PATH`.
    pub arn: Arc<str>,
    /// The audiences that its tokens may be for.
    pub client_ids: Vec<String>,
}

/// A SAML provider of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlProvider {
    /// Its metadata, as they were given.
    pub metadata: String,
    /// Until when they count.
    pub valid_until: Timestamp,
}

/// The identity providers of every account. Kept by IAM; asked by STS.
#[async_trait]
pub trait OidcProviders: Send + Sync + 'static {
    /// The provider of this account whose URL, without `https://`, is `issuer`: `token.actions.githubusercontent.com`.
    async fn oidc_provider(&self, account: &str, issuer: &str) -> Result<Option<OidcProvider>, Unavailable>;

    /// The SAML provider of this ARN.
    async fn saml_provider(&self, _arn: &str) -> Result<Option<SamlProvider>, Unavailable> {
        Ok(None)
    }
}

/// The keys that issuers sign their tokens with. Given by the operator: the server asks nobody on the network.
#[async_trait]
pub trait IssuerKeys: Send + Sync + 'static {
    /// The JSON Web Key Set (RFC 7517) of the issuer whose URL, without `https://`, this is.
    async fn key_set(&self, issuer: &str) -> Result<Option<String>, Unavailable>;
}
