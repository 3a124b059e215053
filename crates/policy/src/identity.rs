//! What IAM demands of the policies of users, groups and roles, in IAM's words and in the order in which it finds mistakes. Sources:
//! IAM user guide, "Grammar of the IAM JSON policy language", "IAM JSON policy elements: Sid", "… Action", "… Resource"; the texts are
//! those of IAM's `MalformedPolicyDocument`.

use std::collections::HashSet;

use crate::condition::date;
use crate::document::Policy;
use crate::json::Node;

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";
const VENDOR: &str = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
const NOT_ALPHANUMERIC: &str =
    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*";
pub(crate) const LEADING_SPACES: &str = "JSON strings must not have leading spaces";
pub(crate) const SIDS: &str = "Statement IDs (SID) in a single policy must be unique.";

/// What the path of an ARN of IAM begins with.
const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];
/// The same, younger than the message.
const MORE_IAM_PATHS: [&str; 4] = ["root", "assumed-role/", "delegation-request/", "u2f/"];
/// Things of S3 that are in a region. Source: service authorization reference, "Actions, resources, and condition keys for Amazon
/// S3".
const REGIONAL_OF_S3: [&str; 6] =
    ["accesspoint", "access-grants", "async-request", "job/", "storage-lens", "access-point"];

type Check<T = ()> = Result<T, String>;

/// Reads a policy of a user, group or role, managed or inline, or one of a session. The error is the message of IAM's
/// `MalformedPolicyDocument`. How long it may be is for who keeps it to check.
pub fn parse_identity_policy(text: &str) -> Result<Policy, String> {
    if text.starts_with([' ', '\t', '\n', '\r']) {
        return Err(LEADING_SPACES.to_owned());
    }
    let root: Node = serde_json::from_str(text).map_err(|_| SYNTAX.to_owned())?;
    let Node::Object(root) = &root else { return Err(SYNTAX.to_owned()) };
    check_shape(root)?;
    match get(root, "Version") {
        Some(Node::String(version)) if version == "2012-10-17" => {}
        _ => return Err("Policy document must be version 2012-10-17 or greater.".to_owned()),
    }
    let statements = statements(root)?;
    statements.iter().try_for_each(|statement| check_legacy(statement))?;
    check_sids(&statements)?;
    for statement in &statements {
        if texts(statement, "Action").is_empty() {
            return Err("Policy statement must contain actions.".to_owned());
        }
    }
    for statement in &statements {
        if texts(statement, "Resource").is_empty() {
            // Of two mistakes it is this one that IAM finds.
            check_actions(statement)?;
            return Err("Policy statement must contain resources.".to_owned());
        }
    }
    for statement in &statements {
        // From the last in order of the alphabet.
        let mut resources = texts(statement, "Resource");
        resources.sort_unstable_by(|a, b| b.cmp(a));
        resources.into_iter().try_for_each(check_resource)?;
    }
    statements.iter().try_for_each(|statement| check_actions(statement))?;
    Policy::parse_of_aws(text).map_err(|_| SYNTAX.to_owned())
}

type Members = [(String, Node)];

fn get<'n>(members: &'n Members, name: &str) -> Option<&'n Node> {
    members.iter().find(|(known, _)| known == name).map(|(_, node)| node)
}

fn statements(root: &Members) -> Check<Vec<&Members>> {
    fn of(node: &Node) -> Check<&Members> {
        match node {
            Node::Object(members) => Ok(members),
            _ => Err(SYNTAX.to_owned()),
        }
    }
    match get(root, "Statement") {
        Some(Node::List(list)) if !list.is_empty() => list.iter().map(of).collect(),
        Some(node @ Node::Object(_)) => Ok(vec![of(node)?]),
        _ => Err(SYNTAX.to_owned()),
    }
}

/// Everything is where it may be, once, and of its type.
fn check_shape(root: &Members) -> Check {
    let syntax = |good: bool| if good { Ok(()) } else { Err(SYNTAX.to_owned()) };
    let is_text = |node: Option<&Node>| matches!(node, None | Some(Node::String(_)));
    let known = |members: &Members, names: &[&str]| {
        let mut seen = HashSet::new();
        members.iter().all(|(name, _)| names.contains(&name.as_str()) && seen.insert(name))
    };
    syntax(known(root, &["Version", "Id", "Statement"]))?;
    syntax(is_text(get(root, "Id")))?;
    let version = get(root, "Version");
    syntax(match version {
        None => true,
        Some(Node::String(version)) => version == "2008-10-17" || version == "2012-10-17",
        Some(_) => false,
    })?;
    for statement in statements(root)? {
        if ["Principal", "NotPrincipal"].iter().any(|name| get(statement, name).is_some()) {
            return Err("Policy document should not specify a principal.".to_owned());
        }
        let names = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
        syntax(known(statement, &names) && is_text(get(statement, "Sid")))?;
        let effect = match get(statement, "Effect") {
            Some(Node::String(effect)) => effect,
            _ => return Err(SYNTAX.to_owned()),
        };
        syntax(["allow", "deny"].iter().any(|word| effect.eq_ignore_ascii_case(word)))?;
        for name in ["Action", "Resource"] {
            let not = format!("Not{name}");
            let (one, other) = (get(statement, name), get(statement, &not));
            syntax(one.is_none() || other.is_none())?;
            syntax(match one.or(other) {
                None | Some(Node::String(_)) => true,
                Some(Node::List(list)) => list.iter().all(|item| matches!(item, Node::String(_))),
                Some(_) => false,
            })?;
        }
        syntax(get(statement, "Condition").is_none_or(is_condition))?;
    }
    Ok(())
}

fn is_condition(node: &Node) -> bool {
    let scalar = |node: &Node| matches!(node, Node::String(_) | Node::Number(_) | Node::Bool(_));
    let values = |node: &Node| scalar(node) || matches!(node, Node::List(list) if list.iter().all(scalar));
    let keys = |node: &Node| matches!(node, Node::Object(keys) if keys.iter().all(|(_, node)| values(node)));
    matches!(node, Node::Object(operators) if operators.iter().all(|(name, node)| {
        keys(node) && crate::condition::Operator::parse(name).is_some()
    }))
}

/// The texts of an element or its `Not…` twin.
fn texts<'n>(statement: &'n Members, name: &str) -> Vec<&'n str> {
    let text = |node: &'n Node| match node {
        Node::String(text) => Some(text.as_str()),
        _ => None,
    };
    match get(statement, name).or_else(|| get(statement, &format!("Not{name}"))) {
        Some(Node::List(list)) => list.iter().filter_map(text).collect(),
        Some(node) => text(node).into_iter().collect(),
        None => Vec::new(),
    }
}

/// What an older reader of IAM looks at: the case of the effect, dates, and whole ARNs.
fn check_legacy(statement: &Members) -> Check {
    let effect = matches!(get(statement, "Effect"), Some(Node::String(word)) if word == "Allow" || word == "Deny");
    let dates = match get(statement, "Condition") {
        Some(Node::Object(operators)) => operators.iter().all(|(name, keys)| !is_of_dates(name) || are_dates(keys)),
        _ => true,
    };
    let whole = |arn: &str| !arn.starts_with("arn:aws:") || arn.matches(':').count() >= 5 || !arn.contains("::");
    let arns = texts(statement, "Resource").into_iter().all(whole);
    if effect && dates && arns { Ok(()) } else { Err(LEGACY.to_owned()) }
}

fn is_of_dates(operator: &str) -> bool {
    operator.rsplit(':').next().is_some_and(|name| name.starts_with("Date"))
}

fn are_dates(keys: &Node) -> bool {
    let is_date = |node: &Node| matches!(node, Node::String(text) | Node::Number(text) if date(text).is_some());
    let all = |node: &Node| match node {
        Node::List(list) => list.iter().all(is_date),
        node => is_date(node),
    };
    matches!(keys, Node::Object(keys) if keys.iter().all(|(_, node)| all(node)))
}

fn check_sids(statements: &[&Members]) -> Check {
    let mut seen = HashSet::new();
    for statement in statements {
        let Some(Node::String(sid)) = get(statement, "Sid") else { continue };
        if !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(NOT_ALPHANUMERIC.to_owned());
        }
        if !sid.is_empty() && !seen.insert(sid) {
            return Err(SIDS.to_owned());
        }
    }
    Ok(())
}

fn check_actions(statement: &Members) -> Check {
    for action in texts(statement, "Action") {
        let mut parts = action.split(':');
        let vendor = parts.next().unwrap_or("");
        match parts.count() {
            0 if action == "*" => continue,
            0 => return Err(VENDOR.to_owned()),
            1 => {}
            _ => return Err("Actions/Condition can contain only one colon.".to_owned()),
        }
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if vendor != "*" && !vendor.chars().all(good) {
            return Err(format!("Vendor {vendor} is not valid"));
        }
    }
    Ok(())
}

fn check_resource(resource: &str) -> Check {
    if resource == "*" {
        return Ok(());
    }
    let Some((_, rest)) = resource.split_once(':') else {
        return Err(format!("Resource {resource} must be in ARN format or \"*\"."));
    };
    let (partition, after) = rest.split_once(':').map_or((rest, None), |(partition, after)| (partition, Some(after)));
    let known = partition == "aws" || partition == "*" || partition.starts_with("aws-");
    if !known || !resource.starts_with("arn:") {
        let mut parts = after.unwrap_or("").splitn(4, ':').map(str::to_owned).collect::<Vec<_>>();
        if after.is_none_or(str::is_empty) {
            parts.clear();
        }
        parts.resize(4, "*".to_owned());
        let whole = parts.join(":");
        return Err(format!("Partition \"{partition}\" is not valid for resource \"arn:{partition}:{whole}\"."));
    }
    let Some(after) = after else {
        return Err("Resource vendor must be fully qualified and cannot contain regexes.".to_owned());
    };
    let mut parts = after.splitn(4, ':');
    let (service, region) = (parts.next().unwrap_or(""), parts.next());
    let path = parts.nth(1).unwrap_or("");
    if service == "iam" {
        if region.is_some_and(|region| !region.is_empty()) {
            return Err(format!("IAM resource {resource} cannot contain region information."));
        }
        let known = IAM_PATHS.iter().chain(&MORE_IAM_PATHS).any(|start| path.starts_with(start));
        if !path.starts_with('*') && !known {
            let starts = IAM_PATHS.join(", ");
            return Err(format!("IAM resource path must either be \"*\" or start with {starts}."));
        }
    }
    let regional = path.starts_with('*') || REGIONAL_OF_S3.iter().any(|start| path.starts_with(start));
    if service == "s3" && region.is_some_and(|region| !region.is_empty() && region != "*") && !regional {
        return Err(format!("Resource {resource} can not contain region information."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(parse_identity_policy(text).err().unwrap_or_default(), expected, "{text}");
    }

    fn with(statement: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#)
    }

    const GOOD: &str = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b"}"#;

    #[test]
    fn good_ones() {
        check(&with(GOOD), "");
        for (from, to) in [
            ("\"s3:ListBucket\"", "[\"s3:List*\",\"*\",\"iam:?et*\"]"),
            ("Action", "NotAction"),
            ("arn:aws:s3:::b", "*"),
            ("arn:aws:s3:::b", "arn:aws:s3:*"),
            ("arn:aws:s3:::b", "arn:*:iam::*:role/x"),
            ("arn:aws:s3:::b", "arn:aws:iam::111111111111:*"),
            ("arn:aws:s3:::b", "arn:aws-cn:sns:cn-north-1:111111111111:t"),
            ("arn:aws:s3:::b", "arn:aws:s3:us-east-1:111111111111:accesspoint/a/object/*"),
            ("arn:aws:s3:::b", "arn:aws:s3:::b/${aws:username}/*"),
            ("}", r#","Condition":{"DateLessThan":{"aws:CurrentTime":["2024-01-01T00:00:00Z","2024-01-01"]}}}"#),
            ("}", r#","Condition":{"ForAllValues:StringLikeIfExists":{"aws:TagKeys":["a*"]}},"Sid":"A1"}"#),
        ] {
            assert!(GOOD.contains(from));
            check(&with(&GOOD.replace(from, to)), "");
        }
    }

    #[test]
    fn syntax() {
        for bad in ["", "This is no JSON", "[]", "7", "{", r#"{"Version":"2012-10-17"}"#] {
            check(bad, SYNTAX);
        }
        for bad in ["[]", "7", "[\"x\"]", "[[]]", "{}"] {
            check(&with(bad), SYNTAX);
        }
        check(&with(GOOD).replace("2012-", "2013-"), SYNTAX);
        check(&with(GOOD).replacen('{', r#"{"Extra":1,"#, 1), SYNTAX);
        check(&with(GOOD).replacen('{', r#"{"Id":["x"],"#, 1), SYNTAX);
        check(&with(GOOD).replacen('{', r#"{"Version":"2012-10-17","#, 1), SYNTAX);
        for member in [
            r#""Extra":1"#,
            r#""Sid":7"#,
            r#""NotAction":"s3:*""#,
            r#""NotResource":[]"#,
            r#""Condition":[]"#,
            r#""Condition":{"a":"b"}"#,
            r#""Condition":{"DateGreaterThan":"b"}"#,
            r#""Condition":{"x":{"a":"1"}}"#,
            r#""Effect":"Allow""#,
        ] {
            check(&with(&GOOD.replacen('{', &format!("{{{member},"), 1)), SYNTAX);
        }
        for (from, to) in [
            ("Allow", "Maybe"),
            ("\"Effect\":\"Allow\",", ""),
            ("\"arn:aws:s3:::b\"", "{\"a\":\"b\"}"),
            ("\"arn:aws:s3:::b\"", "[\"a\",{}]"),
            ("\"s3:ListBucket\"", "[[]]"),
            ("\"s3:ListBucket\"", "{}"),
        ] {
            check(&with(&GOOD.replace(from, to)), SYNTAX);
        }
        check(" {}", LEADING_SPACES);
    }

    #[test]
    fn versions_and_principals_and_sids() {
        let old = "Policy document must be version 2012-10-17 or greater.";
        check(&format!(r#"{{"Statement":{GOOD}}}"#), old);
        check(&with(GOOD).replace("2012-", "2008-"), old);
        let principal = "Policy document should not specify a principal.";
        check(&with(&GOOD.replacen('{', r#"{"Principal":"*","#, 1)), principal);
        check(&with(&GOOD.replacen('{', r#"{"NotPrincipal":{"AWS":"*"},"#, 1)), principal);
        let sid = |sid: &str| GOOD.replacen('{', &format!(r#"{{"Sid":"{sid}","#), 1);
        check(&with(&format!("[{},{}]", sid("a"), sid("a"))), SIDS);
        check(&with(&format!("[{},{}]", sid(""), sid(""))), "");
        check(&with(&sid("a b")), NOT_ALPHANUMERIC);
    }

    #[test]
    fn actions() {
        let action = |value: &str| with(&GOOD.replace("\"s3:ListBucket\"", value));
        check(&action("\"invalid\""), VENDOR);
        check(&action("\"\""), VENDOR);
        check(&action("[\"s3:*\",\"x\"]"), VENDOR);
        check(&action("\"a a:ListBucket\""), "Vendor a a is not valid");
        check(&action("\"s*:ListBucket\""), "Vendor s* is not valid");
        check(&action("\"s3:List:Bucket\""), "Actions/Condition can contain only one colon.");
        check(&action("[]"), "Policy statement must contain actions.");
        check(&with(&GOOD.replace("\"Action\":\"s3:ListBucket\",", "")), "Policy statement must contain actions.");
    }

    #[test]
    fn resources() {
        let resource = |value: &str| with(&GOOD.replace("\"arn:aws:s3:::b\"", value));
        let none = "Policy statement must contain resources.";
        check(&resource("[]"), none);
        check(&with(&GOOD.replace(",\"Resource\":\"arn:aws:s3:::b\"", "")), none);
        let both = GOOD.replace(",\"Resource\":\"arn:aws:s3:::b\"", "").replace("s3:ListBucket", "invalid");
        check(&with(&both), VENDOR);
        check(&with(&both.replace("}", ",\"Resource\":\"x\"}")), "Resource x must be in ARN format or \"*\".");
        for (bad, expected) in [
            ("invalid resource", "Resource invalid resource must be in ARN format or \"*\"."),
            ("", "Resource  must be in ARN format or \"*\"."),
            ("a:bsdfdsafsad", "Partition \"bsdfdsafsad\" is not valid for resource \"arn:bsdfdsafsad:*:*:*:*\"."),
            ("a:b:cadfsdf", "Partition \"b\" is not valid for resource \"arn:b:cadfsdf:*:*:*\"."),
            ("a:b:c:d:e:f:g:h", "Partition \"b\" is not valid for resource \"arn:b:c:d:e:f:g:h\"."),
            ("aws:s3:::bucket", "Partition \"s3\" is not valid for resource \"arn:s3:::bucket:*\"."),
            ("arn:error:s3:::b", "Partition \"error\" is not valid for resource \"arn:error:s3:::b\"."),
            ("arn:aws", "Resource vendor must be fully qualified and cannot contain regexes."),
            ("arn:aws:s3::b", LEGACY),
            ("arn:aws:s3:us-east-1:1:b", "Resource arn:aws:s3:us-east-1:1:b can not contain region information."),
            (
                "arn:aws:iam:us-east-1:1:user/b",
                "IAM resource arn:aws:iam:us-east-1:1:user/b cannot contain region information.",
            ),
            (
                "arn:aws:iam:::b",
                "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.",
            ),
        ] {
            check(&resource(&format!("\"{bad}\"")), expected);
        }
    }

    #[test]
    fn what_an_older_reader_refuses() {
        check(&with(&GOOD.replace("Allow", "allow")), LEGACY);
        check(&with(&GOOD.replacen('{', r#"{"Condition":{"DateLessThan":{"a":"tomorrow"}},"#, 1)), LEGACY);
    }
}
