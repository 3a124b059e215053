//! Topics' policies, as whoever decides about access asks for them; and questions that operations ask by themselves.

use async_trait::async_trait;
use model::Value;
use ports::{AccessRequest, Caller, LooksAt, ResourcePolicies, Ruled, Unavailable};
use service::{ApiError, Call};

use crate::{Error, Sns, names};

impl Sns {
    /// Refuses a call whose caller may not do this.
    pub(crate) async fn authorize(&self, call: &Call, operation: &str, resource: &str) -> Result<(), ApiError> {
        let action = format!("SNS:{operation}");
        let context = call.context(&[]);
        let asked = action.replace("SNS:", "sns:");
        let request = AccessRequest { caller: &call.caller, action: &asked, resource, context: &context };
        let decision = self.deps.authorizer.decide(&request).await?;
        if decision.is_allow() {
            return Ok(());
        }
        // Source: IAM user guide, "Troubleshoot access denied error messages".
        let who = call.caller.arn().unwrap_or_else(|| "anonymous".to_owned());
        let on = if resource == "*" { String::new() } else { format!(" on resource: {resource}") };
        let why = decision.reason(&action);
        Err(Error::AuthorizationError(format!("User: {who} is not authorized to perform: {action}{on} {why}")).into())
    }

    /// Whether a caller is of the account that owns the topic, or of the one that owns the subscription.
    pub(crate) fn is_owner(&self, caller: &Caller, subscription_owner: &str) -> bool {
        caller.account().is_some_and(|account| **account == *self.deps.account || **account == *subscription_owner)
    }
}

#[async_trait]
impl ResourcePolicies for Sns {
    fn prefixes(&self) -> &'static [&'static str] {
        &["sns"]
    }

    async fn ruled(&self, request: &AccessRequest<'_>, _: LooksAt<'_>) -> Result<Option<Ruled>, Unavailable> {
        if let Ok(name) = names::topic(request.resource, "TopicArn") {
            if *name.account != *self.deps.account {
                return Ok(None);
            }
            let Some(held) = self.store.see(|memory| memory.topic(name.region, &name.name)) else { return Ok(None) };
            let tags = held.tags.iter();
            return Ok(Some(Ruled {
                policies: std::sync::Arc::clone(&held.policies),
                conditions: tags
                    .map(|tag| (format!("aws:resourcetag/{}", tag.key.to_lowercase()), vec![tag.value.clone()]))
                    .collect(),
                ..Ruled::plain(std::sync::Arc::clone(&self.deps.account))
            }));
        }
        let Ok(name) = names::subscription(request.resource, "SubscriptionArn") else { return Ok(None) };
        let key = (name.topic.region, name.topic.name, name.id);
        let held =
            self.store.see(|memory| memory.subscription(&key)).filter(|_| *name.topic.account == *self.deps.account);
        // Who subscribed from another account may act on the subscription as on their own.
        let own = held.zip(request.caller.account()).filter(|(held, account)| *held.owner == ***account);
        Ok(own.map(|(_, account)| Ruled::plain(std::sync::Arc::clone(account))))
    }

    fn condition(&self, request: &AccessRequest<'_>, key: &str) -> Option<Vec<String>> {
        let given = |name: &str| match request.context.input?.get(name)? {
            Value::String(text) => Some(vec![text.clone()]),
            _ => None,
        };
        match key {
            // `aws:SourceOwner` is said with what services publish, and of nobody else: the policy that every topic has at first lets the
            // account's services, while users need a policy of their own.
            "sns:endpoint" => given("Endpoint"),
            "sns:protocol" => given("Protocol"),
            _ => None,
        }
    }
}
