//! The documents of policies, as they come and go: checked, measured, and in percent-encoding as IAM sends them.

use policy::Policy;

use crate::Error;

/// Refuses what is no policy of a user, group or role.
pub fn check_identity(text: &str) -> Result<(), Error> {
    policy::parse_identity_policy(text).map(drop).map_err(Error::MalformedPolicyDocument)
}

/// Refuses what does not say who may take on a role. Whether those whom it names exist is not checked here.
pub fn check_trust(text: &str) -> Result<Policy, Error> {
    policy::parse_trust_policy(text).map_err(Error::MalformedPolicyDocument)
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

    #[test]
    fn documents_are_encoded_as_the_rfc_says() {
        assert_eq!(encoded("{\"a\": \"b-_.~\"}\n"), "%7B%22a%22%3A%20%22b-_.~%22%7D%0A");
        assert_eq!(chars(" a\tb\nc "), 3);
    }
}
