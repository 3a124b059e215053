//! Who may do what with a key: asked by each operation before anything else, since only it knows which key is meant.

use std::sync::Arc;

use async_trait::async_trait;
use base::Region;
use ports::{AccessRequest, Caller, LooksAt, RequestContext, ResourcePolicies, Ruled, Unavailable};
use service::{ApiError, Call};

use crate::crypto::ciphertext::EncryptionContext;
use crate::key::Grant;
use crate::rules::{self, Conditions};
use crate::store::Held;
use crate::{Error, Kms};

/// Under this name a request to the authorizer carries the grant that lets its caller. Only this module writes it: what a caller
/// sends never gets among a request's given conditions.
const GRANT: &str = "cairn:grant";

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
        let given: Vec<(&str, &str)> = context.more.iter().copied().chain(conditions.pairs()).collect();
        let ask = async |more: &[(&str, &str)]| {
            let context = RequestContext { more, ..*context };
            let request = AccessRequest { caller, action: &action, resource: &key.arn, context: &context };
            self.deps.authorizer.decide(&request).await
        };
        let decision = ask(&given).await?;
        if decision.is_allow() {
            return Ok(None);
        }
        if let Some(grant) = grant {
            let with_grant: Vec<_> = given.iter().copied().chain([(GRANT, grant.id.as_str())]).collect();
            if ask(&with_grant).await?.is_allow() {
                return Ok(Some(grant));
            }
        }
        Err(denied(caller, &action, &key.arn, &decision.reason(&action)))
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
        let decision = self.deps.authorizer.decide(&request).await?;
        if decision.is_allow() {
            return Ok(());
        }
        Err(denied(&call.caller, &action, resource, &decision.reason(&action)))
    }
}

#[async_trait]
impl ResourcePolicies for Kms {
    fn prefixes(&self) -> &'static [&'static str] {
        &["kms"]
    }

    /// Keys are asked about by their ARNs only, see [`Kms::decide`]: whatever name a request has for a key was looked up there.
    async fn ruled(&self, request: &AccessRequest<'_>, _: LooksAt<'_>) -> Result<Option<Ruled>, Unavailable> {
        let Some(arn) = base::Arn::parse(request.resource) else { return Ok(None) };
        let (Some(region), Some(id)) = (Region::parse(&arn.region), arn.resource.strip_prefix("key/")) else {
            return Ok(None);
        };
        if arn.service != "kms" || *arn.account != *self.deps.account {
            return Ok(None);
        }
        let Ok(held) = self.key(region, id) else { return Ok(None) };
        let grant = request.context.given(GRANT);
        let granted = self.store.see(|memory| {
            let mut grants = memory.grants(&held.region, &held.id);
            grants.find(|known| Some(known.id.as_str()) == grant).map(|grant| rules::decider(grant))
        });
        Ok(Some(Ruled {
            policies: Arc::clone(&held.policies),
            must_allow: true,
            granted,
            ..Ruled::plain(Arc::clone(&self.deps.account))
        }))
    }

    /// All are given with the request.
    fn condition(&self, _: &AccessRequest<'_>, _: &str) -> Option<Vec<String>> {
        None
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
