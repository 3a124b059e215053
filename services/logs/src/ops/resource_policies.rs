//! Resource policies, of the account and of single groups: PutResourcePolicy, DeleteResourcePolicy, DescribeResourcePolicies.

use base::Region;
use base::arn::Arn;
use policy::Policy;
use serde::{Deserialize, Serialize};
use service::{ApiError, Call};

use super::{Empty, page};
use crate::Logs;
use crate::error::{Error, invalid, missing, too_many};
use crate::rows::{ResourcePolicy, VERSION};
use crate::store::{Memory, Row};

/// Policies of an account in a region. Source: CloudWatch Logs user guide, "CloudWatch Logs quotas".
const POLICIES_MAX: usize = 10;
/// Of a policy of the account. Source: CloudWatch Logs API reference, PutResourcePolicy.
const ACCOUNT_CHARS_MAX: usize = 5_120;

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutInput {
    policy_name: Option<String>,
    policy_document: Option<String>,
    resource_arn: Option<String>,
    expected_revision_id: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutOutput {
    resource_policy: Described,
    revision_id: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    policy_name: Option<String>,
    policy_document: String,
    last_updated_time: i64,
    policy_scope: Option<&'static str>,
    resource_arn: Option<String>,
    revision_id: Option<String>,
}

impl Described {
    fn of(policy: &ResourcePolicy) -> Described {
        let of_resource = policy.resource.is_some();
        Described {
            policy_name: Some(policy.name.clone()).filter(|name| !name.is_empty()),
            policy_document: policy.text.clone(),
            last_updated_time: policy.updated,
            policy_scope: Some(if of_resource { "RESOURCE" } else { "ACCOUNT" }),
            resource_arn: policy.resource.clone(),
            revision_id: of_resource.then(|| policy.revision.clone()),
        }
    }
}

impl Logs {
    /// The ARN of a group that a policy is for, as it is kept.
    fn policy_resource(&self, call: &Call, arn: &str) -> Result<String, ApiError> {
        if Arn::parse(arn).is_none_or(|arn| arn.service != "logs") {
            return Err(invalid("The specified resourceArn is invalid."));
        }
        let none = |_| missing("The specified resource does not exist.");
        let name = self.name_of(call, arn).map_err(none)?;
        let found =
            self.store.see(|memory| memory.group(call.region, &name).map(|group| group.arn(&self.deps.account)));
        found.map_err(none)
    }
}

fn of_account(memory: &Memory, region: Region) -> impl Iterator<Item = &std::sync::Arc<ResourcePolicy>> {
    memory.of_region::<ResourcePolicy>(region).filter(|policy| policy.resource.is_none())
}

fn check_revision(known: Option<&ResourcePolicy>, expected: Option<&str>) -> Result<(), ApiError> {
    match (known, expected) {
        (Some(known), Some(expected)) if known.revision != expected => {
            Err(Error::OperationAbortedException("The expected revision id does not match the current one.".to_owned())
                .into())
        }
        _ => Ok(()),
    }
}

operation! {
    /// Makes a resource policy, or changes it.
    PutResourcePolicy on "{resourceArn}": PutInput => PutOutput, |logs, call, input| {
        let text = input.policy_document.ok_or_else(|| invalid("policyDocument must be specified."))?;
        if let Err(error) = Policy::parse(&text) {
            return Err(invalid(format!("Failed to parse the policy document: {error}")));
        }
        let (name, resource) = match (input.policy_name, &input.resource_arn) {
            (None, None) => return Err(invalid("Either policyName or resourceArn must be specified.")),
            (name, Some(arn)) => (name.unwrap_or_default(), Some(logs.policy_resource(call, arn)?)),
            (Some(name), None) => (name, None),
        };
        if resource.is_none() && text.chars().count() > ACCOUNT_CHARS_MAX {
            return Err(invalid(format!(
                "1 validation error detected: Value at 'policyDocument' failed to satisfy constraint: Member must have length less than \
                 or equal to {ACCOUNT_CHARS_MAX}"
            )));
        }
        let made = ResourcePolicy {
            v: VERSION,
            region: call.region,
            name,
            resource,
            text,
            updated: call.time.ms(),
            revision: base::ids::hex(&logs.new_id().to_be_bytes()),
        };
        let resource_policy = Described::of(&made);
        let revision_id = resource_policy.revision_id.clone();
        logs.store
            .change(|memory, plan| {
                // A resource has one, whatever its name.
                let same = |policy: &&std::sync::Arc<ResourcePolicy>| match &made.resource {
                    Some(_) => policy.resource == made.resource,
                    None => policy.resource.is_none() && policy.name == made.name,
                };
                let known = memory.of_region::<ResourcePolicy>(call.region).find(same);
                check_revision(known.map(|known| &**known), input.expected_revision_id.as_deref())?;
                if known.is_none() && made.resource.is_none() && of_account(memory, call.region).count() >= POLICIES_MAX {
                    return Err(too_many("Resource limit exceeded."));
                }
                if let Some(known) = known.filter(|known| known.key() != made.key()) {
                    plan.remove::<ResourcePolicy>(known);
                }
                plan.put(made)
            })
            .await?;
        Ok(PutOutput { resource_policy, revision_id })
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteInput {
    policy_name: Option<String>,
    resource_arn: Option<String>,
    expected_revision_id: Option<String>,
}

operation! {
    /// Deletes a resource policy.
    DeleteResourcePolicy on "{resourceArn}": DeleteInput => Empty, |logs, call, input| {
        if input.policy_name.is_none() && input.resource_arn.is_none() {
            return Err(invalid("Either policyName or resourceArn must be specified."));
        }
        let resource = input.resource_arn.as_deref().map(|arn| logs.policy_resource(call, arn)).transpose()?;
        logs.store
            .change(|memory, plan| {
                let same = |policy: &&std::sync::Arc<ResourcePolicy>| match &resource {
                    Some(_) => policy.resource == resource,
                    None => policy.resource.is_none() && Some(&policy.name) == input.policy_name.as_ref(),
                };
                let known = memory.of_region::<ResourcePolicy>(call.region).find(same);
                let name = input.policy_name.as_deref().unwrap_or_default();
                let known = known.ok_or_else(|| missing(format!("Policy with name [{name}] does not exist")))?;
                check_revision(Some(known), input.expected_revision_id.as_deref())?;
                plan.remove::<ResourcePolicy>(known);
                Ok(Empty {})
            })
            .await
    }
}

/// See the model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeInput {
    next_token: Option<String>,
    limit: Option<i64>,
    resource_arn: Option<String>,
    policy_scope: Option<String>,
}

/// See the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOutput {
    resource_policies: Vec<Described>,
    next_token: Option<String>,
}

operation! {
    /// Shows the account's resource policies, or that of a resource.
    DescribeResourcePolicies on "{resourceArn}": DescribeInput => DescribeOutput, |logs, call, input| {
        let resource = input.resource_arn.as_deref().map(|arn| logs.policy_resource(call, arn)).transpose()?;
        let of_resources = resource.is_some() || input.policy_scope.as_deref() == Some("RESOURCE");
        let mut found: Vec<(String, Described)> = logs.store.see(|memory| {
            let wanted = memory.of_region::<ResourcePolicy>(call.region).filter(|policy| {
                policy.resource.is_some() == of_resources && (resource.is_none() || policy.resource == resource)
            });
            wanted.map(|policy| (format!("{}\0{}", policy.name, policy.resource.as_deref().unwrap_or_default()), Described::of(policy))).collect()
        });
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let page = page(found, |(key, _)| key.as_str(), input.next_token.as_deref(), input.limit)?;
        Ok(DescribeOutput { resource_policies: page.items.into_iter().map(|(_, policy)| policy).collect(), next_token: page.next_token })
    }
}
