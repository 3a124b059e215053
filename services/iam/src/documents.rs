//! The documents of policies, as they come and go: checked, measured, and in percent-encoding as IAM sends them.

use crate::Error;

/// Refuses what is no policy of a user, group or role.
pub fn check_identity(text: &str) -> Result<(), Error> {
    check_text(text)?;
    let policy = policy::Policy::parse(text).map_err(|_| malformed("Syntax errors in policy."))?;
    if !policy.has_variables {
        return Err(malformed("Policy document must be version 2012-10-17 or greater."));
    }
    for statement in &policy.statements {
        if statement.principals.is_some() {
            return Err(malformed("Policy document should not specify a principal."));
        }
        if statement.resources.is_none() {
            return Err(malformed("Policy statement must contain resources."));
        }
    }
    Ok(())
}

/// Refuses what does not say who may take on a role.
pub fn check_trust(text: &str) -> Result<(), Error> {
    check_text(text)?;
    let policy = policy::Policy::parse(text).map_err(|_| malformed("Syntax errors in policy."))?;
    for statement in &policy.statements {
        if statement.resources.is_some() {
            return Err(malformed("Has prohibited field Resource"));
        }
        if statement.principals.is_none() {
            return Err(malformed("Missing required field Principal"));
        }
        let of_sts = |action: &policy::pattern::Pattern| {
            let action = action.as_str().to_ascii_lowercase();
            action == "*" || action.starts_with("sts:")
        };
        if !statement.actions.listed().iter().all(of_sts) {
            return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
        }
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), Error> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(malformed("This policy contains invalid Json")),
    }
}

fn malformed(text: &str) -> Error {
    Error::MalformedPolicyDocument(text.to_owned())
}

/// The characters that count for quotas: white space does not. Source: IAM user guide, "IAM and AWS STS quotas".
pub fn chars(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// The document as IAM sends it. Source: IAM API reference, "GetUserPolicy": "URL-encoded compliant with RFC 3986".
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push_str(&base::ids::hex(&[byte]).to_ascii_uppercase());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(result: Result<(), Error>, expected: &str) {
        let text = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(text, expected);
    }

    #[test]
    fn policies_of_identities_have_resources_and_no_principals() {
        check(
            check_identity(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#),
            "",
        );
        check(check_identity("{"), "This policy contains invalid Json");
        check(check_identity("{}"), "Syntax errors in policy.");
        check(
            check_identity(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*"}}"#),
            "Policy statement must contain resources.",
        );
    }

    #[test]
    fn trust_policies_have_principals_and_no_resources() {
        let with =
            |rest: &str| check_trust(&format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{rest}}}}}"#));
        let who = r#""Principal":{"Service":"ec2.amazonaws.com"}"#;
        check(with(&format!(r#"{who},"Action":"sts:AssumeRole""#)), "");
        check(with(r#""Action":"sts:AssumeRole""#), "Missing required field Principal");
        check(with(&format!(r#"{who},"Action":"sts:AssumeRole","Resource":"*""#)), "Has prohibited field Resource");
        check(
            with(&format!(r#"{who},"Action":"s3:GetObject""#)),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        );
    }

    #[test]
    fn documents_are_encoded_as_the_rfc_says() {
        assert_eq!(encoded("{\"a\": \"b-_.~\"}\n"), "%7B%22a%22%3A%20%22b-_.~%22%7D%0A");
        assert_eq!(chars(" a\tb\nc "), 3);
    }
}
