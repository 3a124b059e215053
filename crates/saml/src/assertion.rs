//! What a response says of somebody, once it is verified. Source: SAML 2.0 core, sections 2.3 to 2.7 and 3.2; IAM user guide, "Configure
//! SAML assertions for the authentication response".

use base::Timestamp;
use roxmltree::Node;

use crate::{Error, Provider, document, malformed, signature, text_of};

const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// How far the provider's clock may be from ours, and how long a response may be on its way.
const MINUTES_MS: i64 = 5 * 60 * 1000;

/// A provider's word on somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Who says so: the provider's entity ID.
    pub issuer: String,
    /// Of whom: `NameID`.
    pub subject: String,
    /// The format of that name, as a URI.
    pub subject_format: String,
    /// For whom: the `Recipient` of the subject's confirmation.
    pub recipient: String,
    /// The audiences that it is restricted to.
    pub audiences: Vec<String>,
    /// Names and values, in order.
    pub attributes: Vec<(String, Vec<String>)>,
    /// When the person's session at the provider ends, if it says.
    pub session_ends: Option<Timestamp>,
}

impl Assertion {
    /// Reads and verifies a response (XML).
    pub fn verify(response: &str, provider: &Provider, now: Timestamp) -> Result<Assertion, Error> {
        let document = document(response)?;
        let response = document.root_element();
        if !response.has_tag_name((PROTOCOL, "Response")) {
            return Err(malformed("The document must be a Response of SAML 2.0."));
        }
        if response.children().any(|child| child.has_tag_name((ASSERTION, "EncryptedAssertion"))) {
            return Err(malformed("Encrypted assertions are not taken."));
        }
        let assertion = only(response, "Assertion")?;
        // Either covers the assertion. One that is there must hold, even if the other would be enough.
        let signed: Vec<Node<'_, '_>> =
            [response, assertion].into_iter().filter(|element| signature::is_signed(*element)).collect();
        if signed.is_empty() {
            return Err(Error::Untrusted("Neither the response nor its assertion is signed.".to_owned()));
        }
        signed.into_iter().try_for_each(|element| signature::verify(element, provider))?;
        let status = response.descendants().find(|node| node.has_tag_name((PROTOCOL, "StatusCode")));
        if status.is_some_and(|status| status.attribute("Value") != Some(SUCCESS)) {
            return Err(malformed("The provider says that nobody was authenticated."));
        }
        Assertion::read(assertion, provider, now)
    }

    fn read(assertion: Node<'_, '_>, provider: &Provider, now: Timestamp) -> Result<Assertion, Error> {
        let issuer = text_of(only(assertion, "Issuer")?);
        if issuer != provider.entity_id {
            return Err(Error::Untrusted("Issuer not present in specified provider".to_owned()));
        }
        let issued = assertion.attribute("IssueInstant").and_then(Timestamp::parse_iso8601);
        let issued = issued.ok_or_else(|| malformed("The assertion must say when it was issued (IssueInstant)."))?;
        if now.ms() > issued.ms() + MINUTES_MS {
            return Err(Error::Expired("Token must be redeemed within 5 minutes of issuance".to_owned()));
        }
        if issued.ms() > now.ms() + MINUTES_MS {
            return Err(malformed("The assertion was issued in the future."));
        }
        let subject = only(assertion, "Subject")?;
        let name = only(subject, "NameID")?;
        let unspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
        let mut confirmations = children(subject, "SubjectConfirmation")
            .filter(|confirmation| confirmation.attribute("Method") == Some(BEARER));
        let data = confirmations.find_map(|confirmation| children(confirmation, "SubjectConfirmationData").next());
        let data = data.ok_or_else(|| malformed("The subject must be confirmed for its bearer."))?;
        check_times(data, now)?;
        let recipient = data.attribute("Recipient").ok_or_else(|| malformed("The confirmation names no Recipient."))?;
        let mut audiences = Vec::new();
        if let Some(conditions) = children(assertion, "Conditions").next() {
            check_times(conditions, now)?;
            let restricted = children(conditions, "AudienceRestriction");
            audiences.extend(restricted.flat_map(|only| children(only, "Audience")).map(text_of));
        }
        let statements =
            children(assertion, "AttributeStatement").flat_map(|statement| children(statement, "Attribute"));
        let attributes = statements.filter_map(|attribute| {
            let values = children(attribute, "AttributeValue").map(text_of).collect();
            Some((attribute.attribute("Name")?.to_owned(), values))
        });
        let attributes = attributes.collect();
        let session_ends = children(assertion, "AuthnStatement")
            .find_map(|statement| statement.attribute("SessionNotOnOrAfter").and_then(Timestamp::parse_iso8601));
        Ok(Assertion {
            issuer,
            subject: text_of(name),
            subject_format: name.attribute("Format").unwrap_or(unspecified).to_owned(),
            recipient: recipient.to_owned(),
            audiences,
            attributes,
            session_ends,
        })
    }

    /// The values of an attribute.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let of = self.attributes.iter().filter(move |(of, _)| of == name);
        of.flat_map(|(_, values)| values).map(String::as_str)
    }
}

/// `NotBefore` and `NotOnOrAfter` of an element.
fn check_times(element: Node<'_, '_>, now: Timestamp) -> Result<(), Error> {
    let time = |name: &str| match element.attribute(name) {
        None => Ok(None),
        Some(text) => Timestamp::parse_iso8601(text).map(Some).ok_or_else(|| malformed(format!("{name} is no time."))),
    };
    if time("NotOnOrAfter")?.is_some_and(|end| now >= end) {
        return Err(Error::Expired("The assertion is not good any more.".to_owned()));
    }
    if time("NotBefore")?.is_some_and(|begin| now.ms() + MINUTES_MS < begin.ms()) {
        return Err(malformed("The assertion is not good yet."));
    }
    Ok(())
}

fn children<'a>(node: Node<'a, 'a>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(move |child| child.has_tag_name((ASSERTION, name)))
}

fn only<'a>(node: Node<'a, 'a>, name: &'static str) -> Result<Node<'a, 'a>, Error> {
    let mut found = children(node, name);
    match (found.next(), found.next()) {
        (Some(child), None) => Ok(child),
        (None, _) => Err(malformed(format!("{} has no {name}.", node.tag_name().name()))),
        (Some(_), Some(_)) => Err(malformed(format!("{} has more than one {name}.", node.tag_name().name()))),
    }
}
