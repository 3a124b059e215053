//! The organization's own policy: what it may say, and what is shown of it. Source: Organizations user guide, "Delegated administrator for
//! AWS Organizations".

use policy::Policy;
use serde::Serialize;
use service::ApiError;

use crate::error::invalid;
use crate::records::{Organization, ResourcePolicy};
use crate::views::arn;

/// Refuses what cannot be an organization's own policy.
pub fn check(content: &str) -> Result<(), ApiError> {
    let malformed = || {
        let text = "The provided resource policy document is invalid.";
        invalid("INVALID_RESOURCE_POLICY_JSON", text)
    };
    let policy = Policy::parse(content.trim()).map_err(|_| malformed())?;
    for statement in &policy.statements {
        if statement.resources.is_none() {
            return Err(malformed());
        }
        if statement.principals.as_ref().is_none_or(|principals| principals.listed().is_empty()) {
            let text = "You specified an invalid principal in the resource policy.";
            return Err(invalid("INVALID_PRINCIPAL", text));
        }
        let ours = |action: &str| action.to_ascii_lowercase().starts_with("organizations:");
        if !statement.actions.listed().iter().all(|action| ours(action.as_str())) {
            let text = "You specified an action that is not supported in the resource policy.";
            return Err(invalid("UNSUPPORTED_ACTION_IN_RESOURCE_POLICY", text));
        }
    }
    Ok(())
}

/// The modelled `ResourcePolicy`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourcePolicyView {
    resource_policy_summary: Summary,
    content: String,
}

/// The modelled `ResourcePolicySummary`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary {
    id: String,
    arn: String,
}

impl ResourcePolicyView {
    /// The policy of an organization.
    pub fn new(organization: &Organization, policy: &ResourcePolicy) -> ResourcePolicyView {
        let arn = arn(organization, "resourcepolicy", &policy.id);
        let resource_policy_summary = Summary { id: policy.id.clone(), arn };
        ResourcePolicyView { resource_policy_summary, content: policy.content.clone() }
    }
}
