//! All access keys: those of users and root from IAM, temporary ones from STS.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{Credential, Credentials, Unavailable};

/// See the module.
pub(crate) struct AllKeys {
    pub long_term: Arc<dyn Credentials>,
    pub temporary: Arc<dyn Credentials>,
}

#[async_trait]
impl Credentials for AllKeys {
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, Unavailable> {
        // Source: IAM user guide, "IAM identifiers", unique ID prefixes.
        let of = if access_key_id.starts_with("ASIA") { &self.temporary } else { &self.long_term };
        of.find(access_key_id).await
    }
}
