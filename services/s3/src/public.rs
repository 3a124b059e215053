//! Whether a bucket policy is public. Every bucket blocks public policies, as new buckets on AWS do. Source: S3 user guide,
//! "Blocking public access to your Amazon S3 storage", The meaning of "public".

use serde_json::Value;

/// Condition keys (lower case) that tie everybody down to somebody, if their values are fixed.
const NARROWING_KEYS: [&str; 16] = [
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
];

/// Whether a policy lets everybody in. What cannot be read counts as public.
pub(crate) fn is_public(policy: &str) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return true };
    match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().any(lets_everybody_in),
        Some(statement) => lets_everybody_in(statement),
        None => false,
    }
}

fn lets_everybody_in(statement: &Value) -> bool {
    let allows = statement.get("Effect").and_then(Value::as_str) == Some("Allow");
    let everybody = statement.get("NotPrincipal").is_some()
        || match statement.get("Principal") {
            Some(Value::Object(kinds)) => kinds.get("AWS").is_some_and(names_everybody),
            Some(principal) => names_everybody(principal),
            None => false,
        };
    allows && everybody && !narrowed(statement)
}

fn names_everybody(principal: &Value) -> bool {
    texts(principal).any(|name| name == "*")
}

fn narrowed(statement: &Value) -> bool {
    let Some(operators) = statement.get("Condition").and_then(Value::as_object) else { return false };
    operators.iter().filter(|(operator, _)| narrows(operator)).filter_map(|(_, keys)| keys.as_object()).any(|keys| {
        keys.iter().any(|(key, values)| {
            let key = key.to_ascii_lowercase();
            NARROWING_KEYS.contains(&key.as_str())
                && texts(values).next().is_some()
                && texts(values).all(|v| fixed(&key, v))
        })
    })
}

/// Operators that hold only for what they name.
fn narrows(operator: &str) -> bool {
    let operator = operator.to_ascii_lowercase();
    !operator.contains("not")
        && !operator.ends_with("ifexists")
        && operator != "null"
        && operator != "bool"
        && !operator.starts_with("forallvalues:")
}

/// Whether a value names somebody, rather than anybody.
fn fixed(key: &str, value: &str) -> bool {
    if key == "aws:sourceip" {
        // An address block is narrow unless it is next to everything. Source: as above (at most /8 and /32 blocks).
        let (address, bits) = value.split_once('/').unwrap_or((value, "128"));
        let least = if address.contains(':') { 32 } else { 8 };
        return bits.parse::<u8>().is_ok_and(|bits| bits >= least);
    }
    if key.ends_with("arn") {
        // An ARN is fixed if its account is.
        return value.split(':').nth(4).is_some_and(|account| !account.is_empty() && !account.contains(['*', '?']))
            || value.starts_with("arn:")
                && value.splitn(6, ':').nth(5).is_some_and(|name| !name.contains(['*', '?']))
                && !value.contains("::*");
    }
    !value.contains(['*', '?']) && !value.contains("${")
}

fn texts(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::String(text) => Box::new(std::iter::once(text.as_str())),
        Value::Array(items) => Box::new(items.iter().filter_map(Value::as_str)),
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn check(effect: &str, principal: &str, condition: &str, expected: bool) {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":{principal},"Action":"s3:*",
            "Resource":"arn:aws:s3:::b/*","Condition":{condition}}}]}}"#
        );
        assert_eq!(super::is_public(&policy), expected, "{policy}");
    }

    #[test]
    fn policies() {
        check("Allow", r#""*""#, "{}", true);
        check("Allow", r#"{"AWS":"*"}"#, "{}", true);
        check("Allow", r#"{"AWS":["arn:aws:iam::123456789012:root","*"]}"#, "{}", true);
        check("Deny", r#""*""#, r#"{"Bool":{"aws:SecureTransport":"false"}}"#, false);
        check("Allow", r#"{"Service":"cloudtrail.amazonaws.com"}"#, "{}", false);
        check("Allow", r#"{"AWS":"arn:aws:iam::123456789012:root"}"#, "{}", false);
        check("Allow", r#""*""#, r#"{"StringEquals":{"aws:SourceAccount":"123456789012"}}"#, false);
        check("Allow", r#""*""#, r#"{"StringLike":{"aws:SourceAccount":"*"}}"#, true);
        check("Allow", r#""*""#, r#"{"StringNotEquals":{"aws:SourceAccount":"123456789012"}}"#, true);
        check("Allow", r#""*""#, r#"{"StringEqualsIfExists":{"aws:SourceAccount":"123456789012"}}"#, true);
        check("Allow", r#""*""#, r#"{"StringEquals":{"aws:UserAgent":"x"}}"#, true);
        check("Allow", r#""*""#, r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, false);
        check("Allow", r#""*""#, r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, true);
        check("Allow", r#""*""#, r#"{"ArnLike":{"aws:SourceArn":"arn:aws:cloudtrail:*:123456789012:trail/*"}}"#, false);
        check("Allow", r#""*""#, r#"{"ArnLike":{"aws:SourceArn":"arn:aws:cloudtrail:*:*:trail/*"}}"#, true);
        check("Allow", r#""*""#, r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::other-bucket"}}"#, false);
        check("Allow", r#""*""#, r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"}}"#, true);
    }
}
