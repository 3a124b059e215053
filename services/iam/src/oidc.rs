//! What IAM answers STS about identity providers.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{OidcProviders, Unavailable};

use crate::Iam;
use crate::store::{OidcProvider, SamlProvider};

#[async_trait]
impl OidcProviders for Iam {
    async fn oidc_provider(&self, account: &str, issuer: &str) -> Result<Option<ports::OidcProvider>, Unavailable> {
        if account != &*self.account {
            return Ok(None);
        }
        // A slash at the end is the same issuer; a letter in another case is not.
        let plain = issuer.trim_end_matches('/');
        let slashed = format!("{plain}/");
        let found = [plain, &slashed].into_iter().find_map(|name| self.store.get::<OidcProvider>(name));
        Ok(found.filter(|provider| provider.url.trim_end_matches('/') == plain).map(|provider| ports::OidcProvider {
            arn: Arc::from(provider.arn.as_str()),
            client_ids: provider.client_ids.clone(),
        }))
    }

    async fn saml_provider(&self, arn: &str) -> Result<Option<ports::SamlProvider>, Unavailable> {
        let prefix = format!("arn:aws:iam::{}:saml-provider/", self.account);
        let found = arn.strip_prefix(&prefix).and_then(|name| self.store.get::<SamlProvider>(name));
        Ok(found.map(|provider| ports::SamlProvider {
            metadata: provider.metadata.clone(),
            valid_until: provider.valid_until,
        }))
    }
}
