//! Policies of event data stores, channels and dashboards: what may be one, and what it says of somebody. Sources: CloudTrail API
//! reference, PutResourcePolicy; user guide, "AWS CloudTrail resource-based policy examples".

use std::sync::Arc;

use async_trait::async_trait;
use policy::document::OneOf;
use policy::principal::Named;
use policy::{Context, Policy, PolicySet, Principal, Request, Said, evaluate, evaluate_within_account};
use ports::{AccessRequest, LooksAt, ResourcePolicies, Ruled, Unavailable};
use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::CloudTrail;
use crate::delivery::worker::PRINCIPAL;
use crate::error::Error;
use crate::rows::{self, RESOURCE_POLICIES};
use crate::shared::Shared;

/// Statements of a policy.
const STATEMENTS_MAX: usize = 20;
/// Principals of a statement.
const PRINCIPALS_MAX: usize = 50;

/// The action that policies of channels are about.
pub const PUT_AUDIT_EVENTS: &str = "cloudtrail-data:PutAuditEvents";
/// The condition key that asks a caller of another party for a shared word.
pub const EXTERNAL_ID: &str = "cloudtrail:externalid";

/// A policy as it is stored: the text as it was given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// 1.
    pub version: u32,
    /// The text.
    pub text: String,
}

/// Checks a policy for the resource of this ARN.
pub fn check(text: &str, arn: &str, of_channel: bool) -> Result<Policy, Error> {
    let refuse = |why: String| Err(Error::ResourcePolicyNotValidException(why));
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(error) => return refuse(format!("The resource policy is not valid: {error}.")),
    };
    if policy.statements.len() > STATEMENTS_MAX {
        return refuse(format!("A resource policy can have at most {STATEMENTS_MAX} statements."));
    }
    for (at, statement) in policy.statements.iter().enumerate() {
        let Some(principals) = &statement.principals else {
            return refuse(format!("Statement[{at}] must have a Principal."));
        };
        let named = principals.listed();
        if named.is_empty() || named.len() > PRINCIPALS_MAX {
            return refuse(format!("Statement[{at}] must have from 1 to {PRINCIPALS_MAX} principals."));
        }
        if !named.iter().all(Named::is_plausible) {
            return refuse(format!("Statement[{at}] has a principal that is not valid."));
        }
        let OneOf::Only(actions) = &statement.actions else {
            return refuse(format!("Statement[{at}] must have Action, not NotAction."));
        };
        let good = |action: &str| match of_channel {
            true => action.eq_ignore_ascii_case(PUT_AUDIT_EVENTS),
            false => action.to_ascii_lowercase().starts_with("cloudtrail:"),
        };
        if let Some(bad) = actions.iter().find(|action| !good(action.as_str())) {
            return refuse(format!(
                "Statement[{at}] has the action {}, which is not one of this resource.",
                bad.as_str()
            ));
        }
        match &statement.resources {
            Some(OneOf::Only(resources)) if resources.iter().all(|resource| resource.as_str() == arn) => {}
            _ => return refuse(format!("Statement[{at}] must have the Resource {arn} and no other.")),
        }
    }
    Ok(policy)
}

/// The text of the policy of a resource.
pub async fn text_of(shared: &Shared, arn: &str) -> Result<Option<String>, state::Error> {
    let found = rows::get::<Stored>(&*shared.state, RESOURCE_POLICIES, arn.as_bytes()).await?;
    Ok(found.map(|found| found.value.text))
}

/// The policy of a resource. One that does not read any more lets nobody in and is an error.
pub async fn of(shared: &Shared, arn: &str) -> Result<Option<Policy>, ApiError> {
    let text = text_of(shared, arn).await.map_err(ApiError::unavailable)?;
    let read = |text: String| {
        Policy::parse(&text).map_err(|error| ApiError::internal(format!("the policy of {arn}: {error}")))
    };
    text.map(read).transpose()
}

/// Whether the policy of a resource lets CloudTrail itself act on it, as dashboards need.
pub async fn lets_cloudtrail(shared: &Shared, arn: &str, action: &str, on_behalf_of: &str) -> Result<bool, ApiError> {
    let Some(policy) = of(shared, arn).await? else { return Ok(false) };
    let context = Context::new().with("aws:SourceArn", on_behalf_of).with("aws:SourceAccount", &*shared.account);
    let context = |key: &str| context.get(key);
    let asked = Request { principal: Principal::Service { name: PRINCIPAL }, action, resource: arn, context: &context };
    Ok(evaluate(&[&policy], &asked).is_allow())
}

/// What a policy says of a call to its resource. `more` tells condition keys that the request itself does not.
pub fn decide(policy: &Policy, request: &AccessRequest<'_>, more: &Context) -> Said {
    let context = |key: &str| more.get(key).or_else(|| request.global_condition(key));
    let said = request.caller.as_principal(|principal| {
        let asked = Request { principal, action: request.action, resource: request.resource, context: &context };
        evaluate_within_account(policy, &asked)
    });
    said.unwrap_or(Said::ImplicitDeny)
}

/// Whether a policy asks for an external ID anywhere.
pub fn asks_for_external_id(policy: &Policy) -> bool {
    let conditions = policy.statements.iter().flat_map(|statement| &statement.conditions);
    conditions.into_iter().any(|condition| condition.key().eq_ignore_ascii_case(EXTERNAL_ID))
}

#[async_trait]
impl ResourcePolicies for CloudTrail {
    fn prefixes(&self) -> &'static [&'static str] {
        &["cloudtrail"]
    }

    async fn ruled(&self, request: &AccessRequest<'_>, _looks_at: LooksAt<'_>) -> Result<Option<Ruled>, Unavailable> {
        let failed = |error: ApiError| Unavailable(error.log.unwrap_or(error.message));
        if let Some(account) = request.caller.account()
            && self.is_lent(request.action, request.resource, account).await.map_err(failed)?
        {
            return Ok(Some(Ruled::plain(Arc::clone(account))));
        }
        let is_ours = [":eventdatastore/", ":dashboard/"].iter().any(|kind| request.resource.contains(kind));
        // Policies of channels are asked where events come in, which is where the external ID is known.
        if !is_ours {
            return Ok(None);
        }
        let plain = Ruled::plain(Arc::clone(&self.shared.account));
        if request.caller.is_root() && request.action.ends_with("ResourcePolicy") {
            // So that nobody is locked out for good.
            return Ok(Some(plain));
        }
        let Some(policy) = of(&self.shared, request.resource).await.map_err(failed)? else { return Ok(Some(plain)) };
        let set = PolicySet::new([(format!("the policy of {}", request.resource), policy)]);
        Ok(Some(Ruled { policies: Arc::new(set), ..plain }))
    }

    fn condition(&self, _request: &AccessRequest<'_>, _key: &str) -> Option<Vec<String>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_follow_the_rules_of_their_resource() {
        let arn = "arn:aws:cloudtrail:us-east-1:123456789012:channel/ee54f254-e4d5-4e0c-8f5b-0123456789ab";
        let make = |principal: &str, action: &str, resource: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"{action}","Resource":"{resource}"}}]}}"#
            )
        };
        let account = r#"{"AWS":"111122223333"}"#;
        let say = |text: &str, of_channel: bool, expected: &str| match check(text, arn, of_channel) {
            Ok(_) => assert_eq!(expected, "", "{text}"),
            Err(error) => {
                assert_eq!(error.code(), "ResourcePolicyNotValidException");
                assert!(!expected.is_empty() && error.to_string().contains(expected), "{error}");
            }
        };
        say(&make(account, PUT_AUDIT_EVENTS, arn), true, "");
        say(&make(account, "cloudtrail:StartQuery", arn), false, "");
        say(&make(account, "cloudtrail:StartQuery", arn), true, "the action cloudtrail:StartQuery");
        say(&make(account, PUT_AUDIT_EVENTS, "*"), true, "must have the Resource");
        say(&make(r#"{"AWS":"someone"}"#, PUT_AUDIT_EVENTS, arn), true, "rincipal");
        say("{}", true, "not valid");
        say("x", true, "not valid");
        let statement = make(account, PUT_AUDIT_EVENTS, arn);
        let one = statement.split_once('[').unwrap().1.strip_suffix("]}").unwrap();
        let many = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, vec![one; 21].join(","));
        say(&many, true, "at most 20 statements");
    }
}
