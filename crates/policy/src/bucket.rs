//! What S3 demands of a bucket policy beyond the language, in S3's words. Sources: S3 user guide, "Policies and permissions in
//! Amazon S3" and "Bucket policies"; S3 API reference, "Error responses" (`MalformedPolicy`); the texts are those that S3 sends.

use crate::bucket_actions::{Level, all};
use crate::document::{BUCKET_POLICY_BYTES_MAX, Effect, Mistake, OneOf, ParseError, Policy, Statement};
use crate::pattern::{Pattern, Variables, Wildcards};

const TOO_LARGE: &str = "The policy exceeds the maximum allowed document size.";
const INVALID_PRINCIPAL: &str = "Invalid principal in policy";
const INVALID_ACTION: &str = "Policy has invalid action";
const INVALID_RESOURCE: &str = "Policy has invalid resource";
const INVALID_CONDITION_KEY: &str = "Policy has an invalid condition key";
const NO_RESOURCE_FOR_ACTION: &str = "Action does not apply to any resource(s) in statement";
const ALLOW_NOT_PRINCIPAL: &str = "Allow with NotPrincipal is not allowed.";
const INVALID_SYNTAX: &str = "Invalid policy syntax.";

/// Reads a bucket policy and checks it. The error is the message of S3's `MalformedPolicy`.
pub fn parse_bucket_policy(text: &str, bucket: &str) -> Result<Policy, String> {
    let policy = Policy::parse(text).map_err(|error| message(&error))?;
    validate_bucket_policy(&policy, bucket)?;
    Ok(policy)
}

/// What S3 says of a text that is no policy.
pub fn message(error: &ParseError) -> String {
    match &error.mistake {
        Mistake::NotJson => "Policies must be valid JSON and the first byte must be '{'".to_owned(),
        Mistake::TooLarge => TOO_LARGE.to_owned(),
        Mistake::UnknownElement(name) => format!("Unknown field {name}"),
        Mistake::MissingElement(name) => format!("Missing required field {name}"),
        Mistake::Repeated(_) if error.path.ends_with(".Sid") => {
            "Statement IDs (SID) in a single policy must be unique.".to_owned()
        }
        Mistake::Repeated(_) => INVALID_SYNTAX.to_owned(),
        Mistake::Version => "The policy must contain a valid version string".to_owned(),
        Mistake::Effect(word) => format!("Invalid effect: {word}"),
        Mistake::Principal => INVALID_PRINCIPAL.to_owned(),
        Mistake::Action => INVALID_ACTION.to_owned(),
        Mistake::Operator(name) => format!("Invalid Condition type : {name}"),
        Mistake::Syntax => {
            let elements =
                [("Principal", INVALID_PRINCIPAL), ("Action", INVALID_ACTION), ("Resource", INVALID_RESOURCE)];
            let element = error.path.split('.').nth(1).unwrap_or("").trim_start_matches("Not");
            elements.into_iter().find(|(name, _)| *name == element).map_or(INVALID_SYNTAX, |(_, text)| text).to_owned()
        }
    }
}

/// Checks what S3 demands of a policy for `bucket`. Whether named users and accounts exist is not checked here. The error is
/// the message of S3's `MalformedPolicy`.
pub fn validate_bucket_policy(policy: &Policy, bucket: &str) -> Result<(), String> {
    if policy.source_bytes > BUCKET_POLICY_BYTES_MAX {
        return Err(TOO_LARGE.to_owned());
    }
    policy.statements.iter().try_for_each(|statement| check_statement(statement, bucket).map_err(str::to_owned))
}

fn check_statement(statement: &Statement, bucket: &str) -> Result<(), &'static str> {
    let principals = statement.principals.as_ref().ok_or("Missing required field Principal")?;
    let resources = statement.resources.as_ref().ok_or("Missing required field Resource")?;
    if !principals.listed().iter().all(|named| named.is_plausible()) {
        return Err(INVALID_PRINCIPAL);
    }
    if matches!((principals, statement.effect), (OneOf::AllBut(_), Effect::Allow)) {
        return Err(ALLOW_NOT_PRINCIPAL);
    }
    let levels: Option<Vec<_>> =
        resources.listed().iter().map(|resource| levels_of(resource.as_str(), bucket)).collect();
    let levels = levels.ok_or(INVALID_RESOURCE)?.concat();
    for action in statement.actions.listed() {
        let mut meant = all().filter(|(name, _)| action.matches_ignoring_case(name, &|_| None)).peekable();
        meant.peek().ok_or(INVALID_ACTION)?;
        // What is left over after a `Not…` is not looked at: it nearly always applies to something.
        let is_plain = matches!((&statement.actions, resources), (OneOf::Only(_), OneOf::Only(_)));
        if is_plain && !meant.any(|(_, level)| levels.contains(&level)) {
            return Err(NO_RESOURCE_FOR_ACTION);
        }
    }
    let has_prefix =
        |key: &str| key.split_once(':').is_some_and(|(prefix, name)| !prefix.is_empty() && !name.is_empty());
    if !statement.conditions.iter().all(|condition| has_prefix(condition.key())) {
        return Err(INVALID_CONDITION_KEY);
    }
    Ok(())
}

/// What a resource of a policy can mean: the bucket, its objects or both. `None` if it is neither.
fn levels_of(resource: &str, bucket: &str) -> Option<Vec<Level>> {
    if resource == "*" {
        return Some(vec![Level::Bucket, Level::Object]);
    }
    let (partition, name) = resource.strip_prefix("arn:")?.split_once(":s3:::")?;
    let is_partition = matches!(partition, "aws" | "aws-cn" | "aws-us-gov" | "*");
    let (bucket_part, key) = name.split_once('/').map_or((name, None), |(bucket, key)| (bucket, Some(key)));
    let pattern = Pattern::new(bucket_part, Variables::Off, Wildcards::On);
    if !is_partition || !pattern.matches(bucket, &|_| None) {
        return None;
    }
    match key {
        Some(_) => Some(vec![Level::Object]),
        // `bucket*` reaches over the slash.
        None if bucket_part.contains('*') => Some(vec![Level::Bucket, Level::Object]),
        None => Some(vec![Level::Bucket]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"AclCheck","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:GetBucketAcl",
         "Resource":"arn:aws:s3:::logs"},
        {"Sid":"Write","Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:PutObject",
         "Resource":"arn:aws:s3:::logs/AWSLogs/111111111111/*",
         "Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}}]}"#;

    /// Replaces `from` in the good policy, which must have it, and expects S3's message (or none).
    fn check(from: &str, to: &str, expected: &str) {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        let said = parse_bucket_policy(&text, "logs").err().unwrap_or_default();
        assert_eq!(said, expected, "{from} -> {to}");
    }

    #[test]
    fn the_policy_that_cloudtrail_asks_for_is_fine() {
        check("{", "{", "");
        check("\"s3:GetBucketAcl\"", "[\"s3:GetBucketAcl\",\"s3:ListBucket\"]", "");
        check("\"s3:GetBucketAcl\"", "\"s3:*\"", "");
        check("\"s3:GetBucketAcl\"", "\"*\"", "");
        check("arn:aws:s3:::logs\"", "arn:aws:s3:::lo*\"", "");
        check("arn:aws:s3:::logs\"", "*\"", "");
        check("logs/AWSLogs/111111111111/*", "logs/${aws:PrincipalAccount}/*", "");
        check(r#"{"Service":"cloudtrail.amazonaws.com"}"#, "\"*\"", "");
    }

    #[test]
    fn resources_are_of_this_bucket() {
        check("arn:aws:s3:::logs\"", "arn:aws:s3:::other\"", INVALID_RESOURCE);
        check("arn:aws:s3:::logs\"", "arn:aws:s3:::logs2\"", INVALID_RESOURCE);
        check("arn:aws:s3:::logs\"", "logs\"", INVALID_RESOURCE);
        check("arn:aws:s3:::logs\"", "arn:aws:sns:::logs\"", INVALID_RESOURCE);
        check("arn:aws:s3:::logs/AWS", "arn:aws:s3:::other/AWS", INVALID_RESOURCE);
        check("\"arn:aws:s3:::logs\"", "[]", INVALID_RESOURCE);
        check("\"arn:aws:s3:::logs\"", "7", INVALID_RESOURCE);
        check("\"Resource\":\"arn:aws:s3:::logs\"", "\"Sid\":\"x\"", INVALID_SYNTAX);
        check(",\n         \"Resource\":\"arn:aws:s3:::logs\"", "", "Missing required field Resource");
    }

    #[test]
    fn actions_exist_and_apply() {
        check("s3:GetBucketAcl", "s3:GetObject", NO_RESOURCE_FOR_ACTION);
        check("s3:PutObject", "s3:ListBucket", NO_RESOURCE_FOR_ACTION);
        check("\"s3:PutObject\"", "[\"s3:PutObject\",\"s3:ListBucket\"]", NO_RESOURCE_FOR_ACTION);
        check("s3:GetBucketAcl", "s3:NoSuchAction", INVALID_ACTION);
        check("s3:GetBucketAcl", "iam:GetUser", INVALID_ACTION);
        check("s3:GetBucketAcl", "GetBucketAcl", INVALID_ACTION);
        check("s3:GetBucketAcl", "S3:getbucketACL", "");
    }

    #[test]
    fn principals_have_a_known_form() {
        let service = r#"{"Service":"cloudtrail.amazonaws.com"}"#;
        for bad in
            [r#"{"AWS":"alice"}"#, r#"{"AWS":"arn:aws:iam::111111111111:user/*"}"#, r#"{"Service":"x"}"#, "\"x\"", "{}"]
        {
            check(service, bad, INVALID_PRINCIPAL);
        }
        check(service, r#"{"AWS":[]}"#, INVALID_PRINCIPAL);
        check(&format!("\"Principal\":{service},"), "", "Missing required field Principal");
        check(&format!("\"Principal\":{service}"), "\"NotPrincipal\":{\"AWS\":\"111111111111\"}", ALLOW_NOT_PRINCIPAL);
    }

    #[test]
    fn mistakes_of_the_language_in_the_words_of_s3() {
        let not_json = "Policies must be valid JSON and the first byte must be '{'";
        check("{", " {", not_json);
        check("]}", "]", not_json);
        check("\"Allow\"", "\"allow\"", "Invalid effect: allow");
        check("\"Effect\":\"Allow\",", "", "Missing required field Effect");
        check("\"Effect\"", "\"Efect\"", "Missing required field Effect");
        check("\"Sid\"", "\"Id\"", "Unknown field Id");
        check("\"Statement\"", "\"Statements\"", "Missing required field Statement");
        check("2012-10-17", "2012-10-16", "The policy must contain a valid version string");
        check("\"Write\"", "\"AclCheck\"", "Statement IDs (SID) in a single policy must be unique.");
        check("StringEquals", "StringMatches", "Invalid Condition type : StringMatches");
        check("s3:x-amz-acl", "acl", INVALID_CONDITION_KEY);
        check("\"AclCheck\"", "7", INVALID_SYNTAX);
        check("2012-10-17\"", &format!("2012-10-17\",\"Id\":\"{}\"", "x".repeat(BUCKET_POLICY_BYTES_MAX)), TOO_LARGE);
    }

    #[test]
    fn every_action_is_listed_once() {
        let mut names: Vec<_> = all().map(|(name, _)| name.to_lowercase()).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
