//! Who may do what: IAM's word and that of the resource's own policy, joined as ADR 15 says. Every call is decided here, or, for what
//! only the operation knows (the source of a copy), in the service by the same rule.

use std::sync::Arc;

use async_trait::async_trait;
use ports::{AccessRequest, Authorizer, Decision, ResourcePolicies, Unavailable};

pub(crate) struct Access {
    pub(crate) identities: Arc<dyn Authorizer>,
    /// Each speaks for its own resources, and is silent on others.
    pub(crate) resources: Vec<Arc<dyn ResourcePolicies>>,
}

#[async_trait]
impl Authorizer for Access {
    async fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, Unavailable> {
        let mut decision = self.identities.decide(request).await?;
        for resources in &self.resources {
            decision = decision.with_resource(resources.decide(request).await?);
        }
        Ok(decision)
    }
}
