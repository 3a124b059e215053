//! What trust policies of roles, key policies and the control policies of an organization must be. Sources: IAM user guide, "Grammar
//! of the IAM JSON policy language", "AWS JSON policy elements: Principal"; KMS developer guide, "Key policies in AWS KMS";
//! Organizations user guide, "SCP syntax" and "RCP syntax"; the texts are those that the services send.

use base::arn::Arn;

use crate::bucket;
use crate::document::{Effect, Mistake, OneOf, ParseError, Policy, Statement};
use crate::identity::{LEADING_SPACES, parse_identity_policy};
use crate::principal::Named;

/// What a trust policy may allow. Source: service authorization reference, "Actions, resources, and condition keys for AWS Security
/// Token Service".
const ASSUMES: [&str; 6] = [
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:SetContext",
    "sts:SetSourceIdentity",
    "sts:TagSession",
];
const NO_PRINCIPAL: &str = "Missing required field Principal";
const NOT_ALLOWED: &str = "Allow with NotPrincipal is not allowed.";
const NOT_FEDERATED: &str = "Federated principals must be valid domain names or SAML metadata ARNs";
const CONTROL: &str = "The provided policy document does not meet the requirements of the specified policy type.";
const KEY_PRINCIPALS: &str = "Policy contains a statement with one or more invalid principals.";

/// Services whose things resource control policies cover. Source: Organizations user guide, "List of AWS services that support
/// RCPs".
const RCP_SERVICES: &str = "
    aoss appconfig appstream autoscaling autoscaling-plans budgets clouddirectory cloudfront cloudsearch cloudtrail-data
    codeartifact codebuild codecommit codepipeline cognito-identity cognito-idp comprehend comprehendmedical compute-optimizer
    cost-optimization-hub dax dsql dynamodb ecr ecr-public events firehose fis fms gamelift health inspector-scan kendra
    kinesisvideo kms logs memorydb networkmonitor notifications opensearch pca-connector-ad personalize polly pricing
    resource-groups rolesanywhere s3 secretsmanager servicediscovery signin sqs sts support swf textract timestream-influxdb
    transcribe transfer translate wafv2 workspaces xray";

/// Reads the trust policy of a role: who may assume it. The error is the message of IAM's `MalformedPolicyDocument`. Whether the
/// users and roles that it names exist is for IAM to check; see [`invalid_principal`].
pub fn parse_trust_policy(text: &str) -> Result<Policy, String> {
    let policy = Policy::parse(text).map_err(|error| message(text, &error))?;
    policy.statements.iter().try_for_each(check_trust)?;
    Ok(policy)
}

fn check_trust(statement: &Statement) -> Result<(), String> {
    match &statement.resources {
        Some(OneOf::Only(_)) => return Err("Has prohibited field Resource".to_owned()),
        Some(OneOf::AllBut(_)) => return Err("Has prohibited field NotResource".to_owned()),
        None => {}
    }
    let principals = statement.principals.as_ref().ok_or(NO_PRINCIPAL)?;
    if matches!((principals, statement.effect), (OneOf::AllBut(_), Effect::Allow)) {
        return Err(NOT_ALLOWED.to_owned());
    }
    for named in principals.listed() {
        match named {
            Named::Federated(provider) if !is_provider(provider) => return Err(NOT_FEDERATED.to_owned()),
            Named::Federated(_) => {}
            Named::Service(name) if name == "*" => return Err(invalid_principal(named)),
            Named::CanonicalUser(_) => return Err(invalid_principal(named)),
            _ if !named.is_plausible() => return Err(invalid_principal(named)),
            _ => {}
        }
    }
    let assumes = |action: &crate::pattern::Pattern| {
        action.as_str() != "*" && ASSUMES.iter().any(|known| action.matches_ignoring_case(known, &|_| None))
    };
    if !statement.actions.listed().iter().all(assumes) {
        return Err("AssumeRole policy may only specify STS AssumeRole actions.".to_owned());
    }
    Ok(())
}

/// A domain (`accounts.google.com`), or the ARN of a provider.
fn is_provider(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    match Arn::parse(text) {
        Some(arn) => {
            arn.service == "iam"
                && ["saml-provider/", "oidc-provider/"]
                    .iter()
                    .any(|kind| arn.resource.strip_prefix(kind).is_some_and(|name| !name.is_empty()))
        }
        None => text.contains('.') && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')),
    }
}

/// What IAM says of a principal that there is not.
pub fn invalid_principal(named: &Named) -> String {
    let (kind, text) = match named {
        Named::Everyone => ("AWS", "*"),
        Named::Account(text) | Named::Aws(text) => ("AWS", text.as_str()),
        Named::Service(text) => ("SERVICE", text.as_str()),
        Named::Federated(text) => ("FEDERATED", text.as_str()),
        Named::CanonicalUser(text) => ("CANONICAL_USER", text.as_str()),
    };
    format!("Invalid principal in policy: \"{kind}\":\"{text}\"")
}

/// What IAM says of a text that is no policy, where it is not one of a user, group or role.
fn message(text: &str, error: &ParseError) -> String {
    match &error.mistake {
        Mistake::NotJson if text.starts_with([' ', '\t', '\n', '\r']) => LEADING_SPACES.to_owned(),
        Mistake::NotJson => "This policy contains invalid Json".to_owned(),
        Mistake::Action => "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned(),
        Mistake::Syntax if error.path.ends_with("Action") => "Policy statement must contain actions.".to_owned(),
        _ => bucket::message(error),
    }
}

/// Reads a key policy. The error is the message of KMS's `MalformedPolicyDocumentException`. Whether its principals exist, and
/// whether the caller could still change it, is for KMS to check.
pub fn parse_key_policy(text: &str) -> Result<Policy, String> {
    let policy = Policy::parse(text).map_err(|error| match error.mistake {
        Mistake::Principal => KEY_PRINCIPALS.to_owned(),
        _ => message(text, &error),
    })?;
    for statement in &policy.statements {
        let principals = statement.principals.as_ref().ok_or(KEY_PRINCIPALS)?;
        let plausible = |named: &Named| named.is_plausible() && !matches!(named, Named::CanonicalUser(_));
        if !principals.listed().iter().all(plausible) {
            return Err(KEY_PRINCIPALS.to_owned());
        }
        if matches!((principals, statement.effect), (OneOf::AllBut(_), Effect::Allow)) {
            return Err(NOT_ALLOWED.to_owned());
        }
        statement.resources.as_ref().ok_or("Missing required field Resource")?;
    }
    Ok(policy)
}

/// Reads a service control policy: the whole language since September 2025 (conditions, resources and `NotAction` also where it
/// allows), but no principals. The error is the message of `MalformedPolicyDocumentException`.
pub fn parse_control_policy(text: &str) -> Result<Policy, String> {
    parse_identity_policy(text.trim_start()).map_err(|_| CONTROL.to_owned())
}

/// Reads a resource control policy: it denies, to `"*"`, named actions of the services that follow such policies. The policy that AWS
/// attaches everywhere (`RCPFullAWSAccess`) is not one that could be written.
pub fn parse_resource_control_policy(text: &str) -> Result<Policy, String> {
    let policy = Policy::parse(text.trim_start()).map_err(|_| CONTROL.to_owned())?;
    let good = |statement: &Statement| {
        let everyone = matches!(&statement.principals, Some(OneOf::Only(list)) if *list == [Named::Everyone]);
        let actions = matches!(&statement.actions, OneOf::Only(list) if list.iter().all(|action| {
            let service = action.as_str().split_once(':').map(|(service, _)| service.to_ascii_lowercase());
            service.is_some_and(|service| RCP_SERVICES.split_whitespace().any(|known| known == service))
        }));
        statement.effect == Effect::Deny && everyone && actions && statement.resources.is_some()
    };
    match policy.has_variables && policy.statements.iter().all(good) {
        true => Ok(policy),
        false => Err(CONTROL.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parse = fn(&str) -> Result<Policy, String>;

    /// Replaces `from` in `good`, which must have it, and expects the message (or none).
    fn check(parse: Parse, good: &str, from: &str, to: &str, expected: &str) {
        assert!(good.contains(from), "{from}");
        let text = good.replacen(from, to, 1);
        assert_eq!(parse(&text).err().unwrap_or_default(), expected, "{text}");
    }

    const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"S","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    const SERVICE: &str = r#"{"Service":"ec2.amazonaws.com"}"#;

    #[test]
    fn trust_policies() {
        let check = |from: &str, to: &str, expected: &str| check(parse_trust_policy, TRUST, from, to, expected);
        for good in [
            "\"*\"",
            r#"{"AWS":"111111111111"}"#,
            r#"{"AWS":["arn:aws:iam::111111111111:root","arn:aws:iam::111111111111:role/r"]}"#,
            r#"{"Federated":"accounts.google.com"}"#,
            r#"{"Federated":"arn:aws:iam::111111111111:saml-provider/idp"}"#,
            r#"{"Federated":"arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"}"#,
        ] {
            check(SERVICE, good, "");
        }
        check("\"sts:AssumeRole\"", "[\"sts:AssumeRole\",\"sts:TagSession\"]", "");
        check("\"sts:AssumeRole\"", "\"sts:*\"", "");
        check("\"Version\":\"2012-10-17\",", "", "");
        check("\"Sid\"", "\"Resource\":\"*\",\"Sid\"", "Has prohibited field Resource");
        check("\"Sid\"", "\"NotResource\":\"*\",\"Sid\"", "Has prohibited field NotResource");
        check("\"Sid\"", "\"Extra\":\"*\",\"Sid\"", "Unknown field Extra");
        check(&format!("\"Principal\":{SERVICE},"), "", NO_PRINCIPAL);
        check("\"Principal\"", "\"NotPrincipal\"", NOT_ALLOWED);
        check(SERVICE, r#"{"AWS":"alice"}"#, "Invalid principal in policy: \"AWS\":\"alice\"");
        check(SERVICE, r#"{"Service":"ec2"}"#, "Invalid principal in policy: \"SERVICE\":\"ec2\"");
        check(SERVICE, r#"{"Service":"*"}"#, "Invalid principal in policy: \"SERVICE\":\"*\"");
        check(SERVICE, r#"{"Federated":"x y"}"#, NOT_FEDERATED);
        check(SERVICE, "\"alice\"", "Invalid principal in policy");
        let actions = "AssumeRole policy may only specify STS AssumeRole actions.";
        check("sts:AssumeRole", "s3:GetObject", actions);
        check("sts:AssumeRole", "*", actions);
        check("sts:AssumeRole", "sts:GetCallerIdentity", actions);
        check("\"sts:AssumeRole\"", "[]", "Policy statement must contain actions.");
        check(",\"Action\":\"sts:AssumeRole\"", "", "Missing required field Action");
        check("{", " {", LEADING_SPACES);
        check("]}", "]", "This policy contains invalid Json");
        check("2012-10-17", "2012-10-18", "The policy must contain a valid version string");
    }

    #[test]
    fn key_policies() {
        let good = r#"{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"kms:*","Resource":"*"}]}"#;
        let check = |from: &str, to: &str, expected: &str| check(parse_key_policy, good, from, to, expected);
        check("{", "{", "");
        check(r#"{"AWS":"arn:aws:iam::111111111111:root"}"#, "\"*\"", "");
        check("arn:aws:iam::111111111111:root", "alice", KEY_PRINCIPALS);
        check("\"AWS\"", "\"User\"", KEY_PRINCIPALS);
        check(r#""Principal":{"AWS":"arn:aws:iam::111111111111:root"},"#, "", KEY_PRINCIPALS);
        check(r#","Resource":"*""#, "", "Missing required field Resource");
        check("]}", "]", "This policy contains invalid Json");
    }

    #[test]
    fn service_control_policies() {
        let good = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let check = |from: &str, to: &str, expected: &str| check(parse_control_policy, good, from, to, expected);
        check("{", "{", "");
        check("\"Action\"", "\"NotAction\"", "");
        check("\"Resource\":\"*\"", "\"NotResource\":\"arn:aws:s3:::b\"", "");
        check(
            "\"Resource\":\"*\"",
            r#""Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-central-1"}}"#,
            "",
        );
        check("\"Action\":\"*\"", "\"Action\":[\"s3:*Bucket*\"]", "");
        check("\"Resource\"", "\"Principal\":\"*\",\"Resource\"", CONTROL);
        check("\"Version\":\"2012-10-17\",", "", CONTROL);
        check("\"Action\":\"*\",", "", CONTROL);
        check("Allow", "Permit", CONTROL);
    }

    #[test]
    fn resource_control_policies() {
        let good = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}]}"#;
        let check =
            |from: &str, to: &str, expected: &str| check(parse_resource_control_policy, good, from, to, expected);
        check("{", "{", "");
        check("\"Principal\":\"*\"", "\"Principal\":{\"AWS\":\"*\"}", "");
        check("Deny", "Allow", CONTROL);
        check("s3:*", "*", CONTROL);
        check("s3:*", "ec2:*", CONTROL);
        check("Action", "NotAction", CONTROL);
        check("Principal", "NotPrincipal", CONTROL);
        check("\"Principal\":\"*\",", "", CONTROL);
        check("\"Principal\":\"*\"", "\"Principal\":{\"AWS\":\"111111111111\"}", CONTROL);
    }
}
