//! Who may do what with a key: asked by each operation before anything else, since only it knows which key is meant.

use std::sync::Arc;

use ports::{AccessRequest, Caller, Decision, RequestContext};
use service::{ApiError, Call};

use crate::crypto::ciphertext::EncryptionContext;
use crate::key::Grant;
use crate::rules::{self, Asked, Conditions};
use crate::store::Held;
use crate::{Error, Kms};

/// What is asked of a key.
pub(crate) struct Ask<'a> {
    /// The key.
    pub key: &'a Held,
    /// As the request names it.
    pub named: &'a str,
    /// `Decrypt`: the action without its service, and the operation of grants.
    pub operation: &'a str,
    /// The encryption context, for operations that have one.
    pub context: Option<&'a EncryptionContext>,
    /// What else conditions may look at.
    pub more: Conditions,
}

impl<'a> Ask<'a> {
    /// With nothing but the key.
    pub fn of(key: &'a Held, named: &'a str, operation: &'a str) -> Ask<'a> {
        Ask { key, named, operation, context: None, more: Conditions::new() }
    }

    /// With an encryption context.
    pub fn with_context(mut self, context: &'a EncryptionContext) -> Ask<'a> {
        self.context = Some(context);
        self
    }

    /// With more for conditions to look at.
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Ask<'a> {
        self.more = self.more.with(key, value);
        self
    }

    /// The same, if there is a value.
    pub fn with_some(mut self, key: &str, value: Option<impl Into<String>>) -> Ask<'a> {
        self.more = self.more.with_some(key, value);
        self
    }
}

impl Kms {
    /// Refuses a call whose caller may not do this with the key, and names the key in the record. The grant that lets the caller, if
    /// nothing else does.
    pub(crate) async fn authorize(&self, call: &Call, ask: Ask<'_>) -> Result<Option<Arc<Grant>>, ApiError> {
        call.note_resource("AWS::KMS::Key", ask.key.arn.as_str());
        self.decide(&call.caller, &call.context(&[]), ask).await
    }

    /// The same for anybody.
    pub(crate) async fn decide(
        &self,
        caller: &Caller,
        context: &RequestContext<'_>,
        ask: Ask<'_>,
    ) -> Result<Option<Arc<Grant>>, ApiError> {
        let Ask { key, named, operation, context: encryption_context, more } = ask;
        let action = format!("kms:{operation}");
        let grantees = rules::grantees(caller);
        let (conditions, grant) = self.store.see(|memory| {
            let aliases = memory.aliases(context.region).filter(|alias| alias.key_id == key.id);
            let conditions = more.with_key(&key.key, &self.deps.account, aliases.map(|alias| &**alias), named);
            let grants = memory.grants(&key.region, &key.id);
            let found = rules::granting(grants.map(|grant| &**grant), &grantees, operation, encryption_context);
            let found = found.map(|grant| grant.id.clone());
            let grant = found.and_then(|id| memory.grants(&key.region, &key.id).find(|grant| grant.id == id).cloned());
            (conditions, grant)
        });
        let conditions = match encryption_context {
            Some(context) => conditions.with_context(context),
            None => conditions,
        };
        let conditions = conditions.with_some("kms:CallerAccount", caller.account().map(|account| account.to_string()));
        let pairs: Vec<(&str, &str)> = conditions.pairs().collect();
        let context = RequestContext { more: &pairs, ..*context };
        let request = AccessRequest { caller, action: &action, resource: &key.arn, context: &context };
        let identity = self.deps.identities.decide(&request).await?;
        let refusal = |decision: &policy::Decision| denied(caller, &action, &key.arn, &decision.reason(&action));
        let Some(principal) = rules::principal(caller) else {
            return Err(refusal(&policy::Decision::ImplicitDeny(policy::Layer::Resource)));
        };
        let look = |name: &str| conditions.get(name).cloned().or_else(|| request.global_condition(name));
        let owner = &*self.deps.account;
        let asked = Asked { principal, action: &action, arn: &key.arn, owner, conditions: &look };
        let decision = rules::decide(identity, &key.policies, None, &asked);
        if decision.is_allow() {
            return Ok(None);
        }
        match grant {
            Some(grant) if rules::decide(identity, &key.policies, Some(&grant), &asked).is_allow() => Ok(Some(grant)),
            _ => Err(refusal(&decision)),
        }
    }

    /// Refuses a call whose caller's own policies do not let it do this: what is about no key that there is.
    pub(crate) async fn authorize_by_identity(
        &self,
        call: &Call,
        operation: &str,
        resource: &str,
        conditions: &Conditions,
    ) -> Result<(), ApiError> {
        let action = format!("kms:{operation}");
        let pairs: Vec<(&str, &str)> = conditions.pairs().collect();
        let context = call.context(&pairs);
        let request = AccessRequest { caller: &call.caller, action: &action, resource, context: &context };
        match self.deps.identities.decide(&request).await? {
            Decision::Allow => Ok(()),
            decision => Err(denied(&call.caller, &action, resource, &decision.reason(&action))),
        }
    }
}

/// Source: IAM user guide, "Troubleshoot access denied error messages".
fn denied(caller: &Caller, action: &str, resource: &str, why: &str) -> ApiError {
    let who = caller.arn().unwrap_or_else(|| match caller {
        Caller::Service { principal } => principal.to_string(),
        _ => "anonymous".to_owned(),
    });
    let on = if resource == "*" { String::new() } else { format!(" on resource: {resource}") };
    Error::AccessDeniedException(format!("User: {who} is not authorized to perform: {action}{on} {why}")).into()
}
