//! Who may do what with a queue: asked by each operation before anything else, since a queue is named by its URL and policies name ARNs.
//! Source: SQS developer guide, "Overview of managing access in Amazon SQS" and "Amazon SQS API permissions".

use std::sync::Arc;

use async_trait::async_trait;
use base::{Arn, Region};
use policy::{ParseError, Policy, PolicySet};
use ports::{AccessRequest, Caller, LooksAt, RequestContext, ResourcePolicies, Ruled, Unavailable};
use service::{ApiError, Call};

use crate::queue::Live;
use crate::{Error, Sqs};

/// Reads the policy of a queue.
pub fn parse_policy(text: &str) -> Result<Policy, ParseError> {
    Policy::parse(text.trim())
}

/// The set of a queue's policy; empty if there is none.
pub fn policy_set(arn: &str, text: Option<&String>) -> Arc<PolicySet> {
    let policy = text.and_then(|text| parse_policy(text).ok());
    policy.map_or_else(Arc::default, |policy| Arc::new(PolicySet::new([(format!("the policy of {arn}"), policy)])))
}

/// The name in a queue's URL, if it is one.
pub fn name_in_url(url: &str) -> Option<(&str, &str)> {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let mut parts = path.trim_end_matches('/').rsplit('/');
    let (name, account) = (parts.next()?, parts.next()?);
    (base::arn::is_account_id(account) && !name.is_empty()).then_some((account, name))
}

/// The queue that a call is about.
pub struct Named {
    pub name: String,
    pub arn: String,
}

impl Sqs {
    /// The ARN of a queue of this account.
    pub(crate) fn arn(&self, region: Region, name: &str) -> String {
        format!("arn:{}:sqs:{region}:{}:{name}", region.partition(), self.deps.account)
    }

    /// The URL of a queue, at the address that the client uses.
    pub(crate) fn url(&self, call: &Call, name: &str) -> String {
        let account = &self.deps.account;
        match &self.deps.endpoint {
            Some(endpoint) => format!("{}/{account}/{name}", endpoint.trim_end_matches('/')),
            None => {
                let scheme = if call.tls.is_some() { "https" } else { "http" };
                format!("{scheme}://{}/{account}/{name}", call.host)
            }
        }
    }

    /// The queue of a URL, once the caller may do this with it.
    pub(crate) async fn queue(&self, call: &Call, url: &str, action: &str) -> Result<Arc<Live>, ApiError> {
        self.queue_with(call, url, action, &[]).await
    }

    /// The same for what only the account itself may do, whatever the queue's policy says. Source: SQS developer guide, "Limitations
    /// of custom policies": cross-account permissions don't apply to some actions.
    pub(crate) async fn own_queue(
        &self,
        call: &Call,
        url: &str,
        action: &str,
        more: &[(&str, &str)],
    ) -> Result<Arc<Live>, ApiError> {
        let named = self.named(call, url)?;
        if call.caller.account().is_some_and(|account| *account != self.deps.account) {
            let why = "because no resource-based policy allows the action";
            return Err(denied(&call.caller, action, &named.arn, why));
        }
        self.queue_with(call, url, action, more).await
    }

    async fn queue_with(
        &self,
        call: &Call,
        url: &str,
        action: &str,
        more: &[(&str, &str)],
    ) -> Result<Arc<Live>, ApiError> {
        let named = self.named(call, url)?;
        self.authorize(call, &named.arn, action, more).await?;
        self.live(call.region, &named.name).ok_or_else(|| Error::QueueDoesNotExist.into())
    }

    fn named(&self, call: &Call, url: &str) -> Result<Named, ApiError> {
        let (account, name) = name_in_url(url).ok_or_else(|| Error::InvalidAddress(url.to_owned()))?;
        if *account != *self.deps.account {
            // Of an account that this server does not have.
            return Err(Error::QueueDoesNotExist.into());
        }
        Ok(Named { name: name.to_owned(), arn: self.arn(call.region, name) })
    }

    /// Refuses a call whose caller may not do this.
    pub(crate) async fn authorize(
        &self,
        call: &Call,
        arn: &str,
        action: &str,
        more: &[(&str, &str)],
    ) -> Result<(), ApiError> {
        self.decide(&call.caller, &call.context(more), arn, action).await
    }

    /// The same for anybody.
    pub(crate) async fn decide(
        &self,
        caller: &Caller,
        context: &RequestContext<'_>,
        arn: &str,
        action: &str,
    ) -> Result<(), ApiError> {
        let full = format!("sqs:{action}");
        let request = AccessRequest { caller, action: &full, resource: arn, context };
        let decision = self.deps.authorizer.decide(&request).await?;
        if decision.is_allow() {
            return Ok(());
        }
        Err(denied(caller, action, arn, &decision.reason(&full.to_lowercase())))
    }
}

/// SQS writes actions in small letters. Source: real refusals.
fn denied(caller: &Caller, action: &str, arn: &str, why: &str) -> ApiError {
    let who = caller.arn().unwrap_or_else(|| match caller {
        Caller::Service { principal } => principal.to_string(),
        _ => "anonymous".to_owned(),
    });
    let action = action.to_lowercase();
    let text = format!("User: {who} is not authorized to perform: sqs:{action} on resource: {arn} {why}");
    Error::AccessDeniedException(text).into()
}

#[async_trait]
impl ResourcePolicies for Sqs {
    fn prefixes(&self) -> &'static [&'static str] {
        &["sqs"]
    }

    async fn ruled(&self, request: &AccessRequest<'_>, _: LooksAt<'_>) -> Result<Option<Ruled>, Unavailable> {
        let Some(arn) = Arn::parse(request.resource) else { return Ok(None) };
        if arn.service != "sqs" || *arn.account != *self.deps.account {
            return Ok(None);
        }
        let plain = Ruled::plain(Arc::clone(&self.deps.account));
        let Some(region) = Region::parse(&arn.region) else { return Ok(None) };
        let Some(live) = self.live(region, &arn.resource) else { return Ok(Some(plain)) };
        let setup = live.setup();
        let conditions = setup.row.tags.iter();
        let conditions =
            conditions.map(|(key, value)| (format!("aws:resourcetag/{}", key.to_lowercase()), vec![value.clone()]));
        Ok(Some(Ruled { policies: Arc::clone(&setup.policies), conditions: conditions.collect(), ..plain }))
    }

    /// All are given with the request.
    fn condition(&self, _: &AccessRequest<'_>, _: &str) -> Option<Vec<String>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_queues() {
        let check = |url: &str, expected: Option<(&str, &str)>| assert_eq!(name_in_url(url), expected, "{url}");
        check("http://localhost:4566/123456789012/q", Some(("123456789012", "q")));
        check("https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo/", Some(("123456789012", "q.fifo")));
        check("123456789012/q", Some(("123456789012", "q")));
        check("q", None);
        check("http://localhost:4566/q", None);
        check("http://localhost/123456789012/", None);
    }
}
