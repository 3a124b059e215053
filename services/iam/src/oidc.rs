//! What IAM answers STS about OpenID Connect providers.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{OidcProviders, Unavailable};

use crate::Iam;
use crate::store::OidcProvider;

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
}
