//! What IAM answers the gateway: whose key this is, and whether its owner may.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{AccessRequest, Authorizer, Caller, Credential, Credentials, Decision, Unavailable};

use crate::store::User;
use crate::{ADMINISTRATOR_ACCESS, Iam};

#[async_trait]
impl Credentials for Iam {
    async fn find(&self, access_key_id: &str) -> Result<Option<Arc<Credential>>, Unavailable> {
        Ok(self.store.credential(access_key_id))
    }
}

/// Actions that need no permission. Source: STS API reference, GetCallerIdentity: "No permissions are required".
const FREE_ACTIONS: [&str; 1] = ["sts:GetCallerIdentity"];

#[async_trait]
impl Authorizer for Iam {
    async fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, Unavailable> {
        let user_name = match request.caller {
            Caller::Root { .. } => return Ok(Decision::Allow),
            Caller::User { user_name, .. } => user_name,
            Caller::Service { .. } | Caller::Anonymous | Caller::Unknown { .. } => return Ok(Decision::ImplicitDeny),
        };
        if FREE_ACTIONS.contains(&request.action) {
            return Ok(Decision::Allow);
        }
        let user = self.store.get::<User>(user_name);
        let administrator = user.is_some_and(|user| user.grants.attached.iter().any(|arn| arn == ADMINISTRATOR_ACCESS));
        Ok(if administrator { Decision::Allow } else { Decision::ImplicitDeny })
    }
}
