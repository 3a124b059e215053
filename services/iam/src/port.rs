//! What IAM answers others: whose key this is, and which policies are over its owner.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use policy::{Policy, PolicySet};
use ports::{Caller, Credential, Credentials, Identities, Identity, Unavailable};

use crate::{ADMINISTRATOR_ACCESS, Iam};

#[async_trait]
impl Credentials for Iam {
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, Unavailable> {
        Ok(self.store.credential(access_key_id))
    }
}

static EVERYTHING: LazyLock<Arc<PolicySet>> = LazyLock::new(|| {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let policy = Policy::parse(text).expect("the text above is a policy");
    Arc::new(PolicySet::new([(ADMINISTRATOR_ACCESS.to_owned(), policy)]))
});

#[async_trait]
impl Identities for Iam {
    async fn identity(&self, caller: &Caller) -> Result<Identity, Unavailable> {
        let user = caller.user().and_then(|(_, name, _)| self.store.user(name));
        let is_administrator = user.is_some_and(|user| user.policies.iter().any(|arn| arn == ADMINISTRATOR_ACCESS));
        let policies = if is_administrator { Arc::clone(&EVERYTHING) } else { Arc::default() };
        Ok(Identity { policies, ..Identity::default() })
    }
}
