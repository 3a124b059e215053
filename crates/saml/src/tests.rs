//! Responses, honest and forged.

use base::Timestamp;

use crate::testing::{HERE, Says, Signer};
use crate::{Assertion, Error, Provider};

const HERE_AND_NOW: &str = "2026-11-01T10:00:00Z";
const AWS: &str = "https://signin.aws.amazon.com/saml";

fn says<'a>() -> Says<'a> {
    Says {
        issued: HERE_AND_NOW,
        ends: "2026-11-01T10:05:00Z",
        subject: "alice",
        recipient: AWS,
        attributes: &[("https://aws.amazon.com/SAML/Attributes/RoleSessionName", &["alice@example.com"])],
    }
}

fn now() -> Timestamp {
    Timestamp::parse_iso8601(HERE_AND_NOW).unwrap().plus_ms(1000)
}

/// A response whose assertion is signed.
fn signed(signer: &Signer) -> String {
    signer.response(&signer.sign(&signer.assertion(&says()), "_a")).replacen(HERE, "", 1)
}

fn verify(signer: &Signer, response: &str) -> Result<Assertion, Error> {
    Assertion::verify(response, &Provider::read(&signer.metadata()).unwrap(), now())
}

#[test]
fn what_is_signed_is_believed() {
    let signer = Signer::new("https://idp.example/metadata");
    let plain = signer.assertion(&says());
    let by_assertion = signed(&signer);
    let by_response = signer.sign(&signer.response(&plain.replace(HERE, "")), "_r");
    let by_both = signer.sign(&signer.response(&signer.sign(&plain, "_a")), "_r");
    for response in [by_assertion, by_response, by_both] {
        let assertion = verify(&signer, &response).unwrap();
        assert_eq!((assertion.subject.as_str(), assertion.recipient.as_str()), ("alice", AWS));
        assert_eq!(assertion.issuer, "https://idp.example/metadata");
        let name = "https://aws.amazon.com/SAML/Attributes/RoleSessionName";
        assert_eq!(assertion.values(name).collect::<Vec<_>>(), ["alice@example.com"]);
    }
}

#[test]
fn what_is_not_signed_is_not_believed() {
    let signer = Signer::new("https://idp.example/metadata");
    let honest = signed(&signer);
    let unsigned = signer.response(&signer.assertion(&says())).replace(HERE, "");
    let stranger = Signer::new("https://idp.example/metadata");
    let untrusted =
        |response: &str| assert!(matches!(verify(&signer, response), Err(Error::Untrusted(_))), "{response}");
    untrusted(&unsigned);
    untrusted(&signed(&stranger));
    for (from, to) in
        [(">alice<", ">root<"), ("alice@example.com", "root@example.com"), (AWS, "https://elsewhere.example")]
    {
        untrusted(&honest.replace(from, to));
    }
    for (from, to) in
        [("xmlenc#sha256", "xmlenc#sha1"), ("more#rsa-sha256", "#rsa-sha1"), ("xml-exc-c14n#", "xml-other#")]
    {
        untrusted(&honest.replace(from, to));
    }
    // Signed both ways, one of them badly.
    let both = signer.sign(&signer.response(&signed_assertion(&stranger)), "_r");
    untrusted(&both);
}

fn signed_assertion(signer: &Signer) -> String {
    signer.sign(&signer.assertion(&says()), "_a")
}

/// Source: "On Breaking SAML: Be Whoever You Want to Be" (USENIX Security 2012), the ways in which a signed element is wrapped.
#[test]
fn what_is_wrapped_around_a_signed_element_is_not_believed() {
    let signer = Signer::new("https://idp.example/metadata");
    let honest = signed_assertion(&signer);
    let forged = signer.assertion(&Says { subject: "root", ..says() }).replace("\"_a\"", "\"_evil\"");
    let signature = &honest[honest.find("<ds:Signature").unwrap()..honest.find("</ds:Signature>").unwrap() + 15];
    let without = honest.replace(signature, "");
    let wrapped = [
        // Beside it, before and after.
        format!("{}{honest}", forged.replace(HERE, "")),
        format!("{honest}{}", forged.replace(HERE, "")),
        // Around it: in the forged one's place for extensions, or in its signature.
        forged.replace(HERE, &honest),
        forged.replace(
            HERE,
            &signature.replace("</ds:Signature>", &format!("<ds:Object>{without}</ds:Object></ds:Signature>")),
        ),
        // The same identifier twice.
        format!("{}{honest}", forged.replace(HERE, signature).replace("_evil", "_a")),
        forged.replace(HERE, signature),
        forged.replace(HERE, signature).replace("_evil", "_a"),
    ];
    for assertion in wrapped {
        let response = signer.response(&assertion).replacen(HERE, "", 1);
        assert!(verify(&signer, &response).is_err(), "{response}");
    }
    // What is signed in another place of the response says nothing of the response.
    let moved = format!("<x>{honest}</x>{}", forged.replace(HERE, ""));
    assert!(verify(&signer, &signer.response(&moved).replacen(HERE, "", 1)).is_err());
}

#[test]
fn a_comment_in_a_name_does_not_cut_it_short() {
    let signer = Signer::new("https://idp.example/metadata");
    let subject = "root.attacker";
    let assertion = signer.sign(&signer.assertion(&Says { subject, ..says() }), "_a");
    let response = signer.response(&assertion).replacen(HERE, "", 1).replace("root.attacker", "root<!-- -->.attacker");
    // Comments are not signed, so it still verifies; the name is all of its text.
    assert_eq!(verify(&signer, &response).unwrap().subject, "root.attacker");
}

#[test]
fn times_issuers_and_forms_are_checked() {
    let signer = Signer::new("https://idp.example/metadata");
    let with = |says: Says<'_>| {
        let assertion = signer.sign(&signer.assertion(&says), "_a");
        verify(&signer, &signer.response(&assertion).replacen(HERE, "", 1))
    };
    assert!(matches!(with(Says { issued: "2026-11-01T09:54:59Z", ..says() }), Err(Error::Expired(_))));
    assert!(matches!(with(Says { issued: "2026-11-01T10:06:00Z", ..says() }), Err(Error::Malformed(_))));
    assert!(matches!(with(Says { ends: "2026-11-01T10:00:00Z", ..says() }), Err(Error::Expired(_))));
    assert!(matches!(with(Says { ends: "soon", ..says() }), Err(Error::Malformed(_))));
    let other =
        Provider { entity_id: "https://other.example".to_owned(), ..Provider::read(&signer.metadata()).unwrap() };
    let refused = Assertion::verify(&signed(&signer), &other, now());
    assert_eq!(refused, Err(Error::Untrusted("Issuer not present in specified provider".to_owned())));
    for text in ["", "<a/>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<samlp:Response/>"] {
        assert!(matches!(verify(&signer, text), Err(Error::Malformed(_))), "{text}");
    }
    assert!(verify(&signer, &" ".repeat(crate::DOCUMENT_BYTES_MAX + 1)).is_err());
}
