//! Whether a document is a policy of its type. Sources: Organizations user guide, "SCP syntax", "RCP syntax", "Inheritance operators", and
//! the syntax of each management policy type.

use policy::document::{Effect, OneOf, Policy, Statement};
use policy::principal::Named;
use serde_json::Value;
use service::ApiError;

use crate::Error;
use crate::error::constraint;
use crate::kinds::PolicyType;

/// The services that resource control policies speak of. Source: user guide, "List of AWS services that support RCPs".
const RCP_SERVICES: [&str; 13] = [
    "s3",
    "sts",
    "sqs",
    "kms",
    "secretsmanager",
    "dynamodb",
    "ecr",
    "aoss",
    "cognito-identity",
    "cognito-idp",
    "logs",
    "s3express",
    "dsql",
];

/// What a setting of a management policy can say of the inherited value.
pub const OPERATORS: [&str; 3] = ["@@assign", "@@append", "@@remove"];
/// What it can say of policies below.
pub const CONTROL: &str = "@@operators_allowed_for_child_policies";

/// Objects in one another: far more than any type of policy has.
const DEPTH_MAX: usize = 24;

/// Refuses a document that is too long or not of its type.
pub fn check(kind: PolicyType, content: &str) -> Result<(), ApiError> {
    let length = if kind.authorizes() { content.len() } else { content.chars().count() };
    if length > kind.content_max() {
        let text = "You have exceeded the maximum policy content size allowed for this policy type.";
        return Err(constraint("POLICY_CONTENT_LIMIT_EXCEEDED", text));
    }
    if fits(kind, content) { Ok(()) } else { Err(Error::MalformedPolicyDocumentException.into()) }
}

fn fits(kind: PolicyType, content: &str) -> bool {
    if kind.authorizes() {
        let Ok(policy) = Policy::parse(content.trim()) else { return false };
        let resource = kind == PolicyType::ResourceControlPolicy;
        return policy.has_variables
            && policy.statements.iter().all(|one| if resource { is_resource_control(one) } else { is_control(one) });
    }
    let Ok(Value::Object(document)) = serde_json::from_str::<Value>(content) else { return false };
    let mut names = document.keys().filter(|name| *name != CONTROL);
    let top = match kind.top() {
        Some(top) => names.all(|name| name == top) && document.contains_key(top),
        None => names.next().is_some(),
    };
    top && document.iter().all(|(name, value)| is_setting(name, value, 0))
}

/// A statement of a service control policy: for whoever it is attached to, so without principals.
fn is_control(statement: &Statement) -> bool {
    statement.principals.is_none() && statement.resources.is_some()
}

/// A statement of a resource control policy that a customer wrote: it forbids, and everybody.
fn is_resource_control(statement: &Statement) -> bool {
    let everybody = matches!(&statement.principals, Some(OneOf::Only(named)) if *named == [Named::Everyone]);
    let OneOf::Only(actions) = &statement.actions else { return false };
    let served = actions.iter().all(|action| {
        let text = action.as_str();
        text.split_once(':').is_some_and(|(service, _)| RCP_SERVICES.contains(&service.to_ascii_lowercase().as_str()))
    });
    statement.effect == Effect::Deny && everybody && served && statement.resources.is_some()
}

/// Whether a member of a management policy keeps to the rules of inheritance operators.
fn is_setting(name: &str, value: &Value, depth: usize) -> bool {
    let texts = |value: &Value, allowed: &[&str]| match value {
        Value::Array(list) => list.iter().all(|item| item.as_str().is_some_and(|item| allowed.contains(&item))),
        _ => false,
    };
    if name == CONTROL {
        return texts(value, &["@@all", "@@none", "@@assign", "@@append", "@@remove"]);
    }
    if name.starts_with("@@") {
        return match name {
            "@@assign" => !value.is_object(),
            "@@append" | "@@remove" => value.is_array(),
            _ => false,
        };
    }
    match value {
        Value::Object(members) if depth < DEPTH_MAX => {
            let assigns = members.contains_key("@@assign");
            let others = members.keys().any(|name| name == "@@append" || name == "@@remove");
            !(assigns && others) && members.iter().all(|(name, value)| is_setting(name, value, depth + 1))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(kind: PolicyType, content: &str, good: bool) {
        assert_eq!(super::check(kind, content).is_ok(), good, "{} {content}", kind.name());
    }

    #[test]
    fn documents_are_of_their_type() {
        use PolicyType::{BackupPolicy, BedrockPolicy, ResourceControlPolicy, ServiceControlPolicy, TagPolicy};
        let statement = |rest: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{{rest}}}]}}"#);
        let deny = statement(r#""Effect":"Deny","Action":"s3:*","Resource":"*""#);
        let rcp = statement(r#""Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*""#);
        for (kind, content, good) in [
            (ServiceControlPolicy, deny.as_str(), true),
            (ServiceControlPolicy, &format!(" {deny}\n"), true),
            (ServiceControlPolicy, &statement(r#""Effect":"Allow","NotAction":"s3:*","Resource":"*""#), true),
            (ServiceControlPolicy, &rcp, false),
            (ServiceControlPolicy, &statement(r#""Effect":"Deny","Action":"s3:*""#), false),
            (ServiceControlPolicy, &deny.replace("2012", "2013"), false),
            (ServiceControlPolicy, &deny.replace(r#""Version":"2012-10-17","#, ""), false),
            (ServiceControlPolicy, "{}", false),
            (ServiceControlPolicy, "no", false),
            (ServiceControlPolicy, &format!("{deny}{}", " ".repeat(5_120)), false),
            (ResourceControlPolicy, &rcp, true),
            (ResourceControlPolicy, &rcp.replace("Deny", "Allow"), false),
            (ResourceControlPolicy, &rcp.replace("s3:*", "*"), false),
            (ResourceControlPolicy, &rcp.replace("s3:*", "ec2:*"), false),
            (ResourceControlPolicy, &deny, false),
            (TagPolicy, r#"{"tags":{"team":{"tag_key":{"@@assign":"Team"},"tag_value":{"@@append":["a"]}}}}"#, true),
            (TagPolicy, r#"{"tags":{"@@operators_allowed_for_child_policies":["@@none"]}}"#, true),
            (TagPolicy, r#"{"tags":{"@@operators_allowed_for_child_policies":["@@some"]}}"#, false),
            (TagPolicy, r#"{"tags":{"team":{"tag_key":{"@@asign":"Team"}}}}"#, false),
            (TagPolicy, r#"{"tags":{"team":{"tag_key":{"@@append":"Team"}}}}"#, false),
            (TagPolicy, r#"{"tags":{"team":{"tag_key":"Team"}}}"#, false),
            (TagPolicy, r#"{"plans":{}}"#, false),
            (TagPolicy, r#"{"tags":{},"plans":{}}"#, false),
            (TagPolicy, "[]", false),
            (BackupPolicy, r#"{"plans":{"p":{"regions":{"@@assign":["us-east-1"]}}}}"#, true),
            (BedrockPolicy, r#"{"bedrock":{"x":{"@@assign":"y"}}}"#, true),
            (BedrockPolicy, "{}", false),
        ] {
            check_one(kind, content, good);
        }
    }

    #[test]
    fn what_aws_wrote_can_be_read() {
        for managed in &crate::kinds::MANAGED {
            assert!(Policy::parse(managed.content).is_ok(), "{}", managed.name);
        }
    }
}
