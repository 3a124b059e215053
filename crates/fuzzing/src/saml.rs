//! Any text as a response, or as the metadata, of a SAML provider whose private key nobody has. It signed one assertion, which lies in the
//! corpus: whatever is made of that is refused, or says what was signed and nothing else.

use std::sync::OnceLock;

use ::saml::{Assertion, Error, Provider};
use base::Timestamp;

const METADATA: &str = include_str!("saml_provider.xml");
const AWS: &str = "https://signin.aws.amazon.com/saml";
/// The moment at which the assertion counts.
const NOW: &str = "2026-11-01T10:00:01Z";

/// What was signed.
fn signed() -> Assertion {
    Assertion {
        issuer: "https://idp.example/metadata".to_owned(),
        subject: "alice".to_owned(),
        subject_format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".to_owned(),
        recipient: AWS.to_owned(),
        audiences: vec![AWS.to_owned()],
        attributes: vec![(
            "https://aws.amazon.com/SAML/Attributes/RoleSessionName".to_owned(),
            vec!["alice@example.com".to_owned()],
        )],
        session_ends: None,
    }
}

/// See the module.
pub fn saml_response(data: &[u8]) {
    static KNOWN: OnceLock<(Provider, Assertion)> = OnceLock::new();
    let (provider, signed) = KNOWN.get_or_init(|| (Provider::read(METADATA).expect("it is metadata"), signed()));
    let text = String::from_utf8_lossy(data);
    let now = Timestamp::parse_iso8601(NOW).expect("it is a time");
    let shown = |error: Error| assert!(!error.to_string().is_empty());
    match Assertion::verify(&text, provider, now) {
        Ok(said) => assert_eq!(said, *signed),
        Err(error) => shown(error),
    }
    match Provider::read(&text) {
        // Its own word proves nothing of it.
        Ok(other) => assert!(Assertion::verify(&text, &other, now).is_err()),
        Err(error) => shown(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_is_believed_and_what_is_wrapped_is_not() {
        let provider = Provider::read(METADATA).unwrap();
        let now = Timestamp::parse_iso8601(NOW).unwrap();
        for (response, believed) in [
            (include_str!("../../../fuzz/corpus/saml_response/signed-assertion"), true),
            (include_str!("../../../fuzz/corpus/saml_response/signed-response"), true),
            (include_str!("../../../fuzz/corpus/saml_response/both-signed"), true),
            (include_str!("../../../fuzz/corpus/saml_response/unsigned"), false),
            (include_str!("../../../fuzz/corpus/saml_response/wrapped"), false),
        ] {
            let said = Assertion::verify(response, &provider, now);
            assert_eq!(said.is_ok(), believed, "{said:?}");
            saml_response(response.as_bytes());
        }
    }
}
