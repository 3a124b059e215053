//! A provider that signs, for tests.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Where the signature of an element goes.
pub const HERE: &str = "<!--signature-->";

/// An identity provider with a key of its own.
pub struct Signer {
    /// Its name.
    pub entity_id: String,
    pair: RsaKeyPair,
}

impl Signer {
    /// One with a new key.
    #[expect(clippy::missing_panics_doc, clippy::expect_used, reason = "for tests")]
    pub fn new(entity_id: &str) -> Signer {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("there is memory");
        Signer { entity_id: entity_id.to_owned(), pair }
    }

    /// What it says of itself.
    #[expect(clippy::missing_panics_doc, clippy::expect_used, reason = "for tests")]
    pub fn metadata(&self) -> String {
        let key = self.pair.public_key().as_der().expect("a key has a form");
        let empty = [0x30, 0];
        let body = [&[0xa0, 3, 2, 1, 2, 2, 1, 5][..], &empty, &empty, &empty, &empty, key.as_ref()].concat();
        let certificate = STANDARD.encode(sequence(&sequence(&body)));
        format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{}\"><md:IDPSSODescriptor \
             protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:KeyDescriptor use=\"signing\"><ds:KeyInfo \
             xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate>\
             </ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService \
             Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://idp.example/sso\"/>\
             </md:IDPSSODescriptor></md:EntityDescriptor>",
            self.entity_id
        )
    }

    /// Signs an element that is written canonically, with [`HERE`] where its signature goes.
    #[expect(clippy::missing_panics_doc, clippy::expect_used, reason = "for tests")]
    pub fn sign(&self, element: &str, id: &str) -> String {
        let digest = STANDARD.encode(Sha256::digest(element.replace(HERE, "").as_bytes()));
        let info = format!(
            "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:CanonicalizationMethod \
             Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod><ds:SignatureMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod><ds:Reference \
             URI=\"#{id}\"><ds:Transforms><ds:Transform \
             Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform><ds:Transform \
             Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms><ds:DigestMethod \
             Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue>\
             </ds:Reference></ds:SignedInfo>"
        );
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), info.as_bytes(), &mut signature).expect("a key signs");
        let signature = STANDARD.encode(signature);
        // In its place the prefix is declared already.
        let info = info.replacen(" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"", "", 1);
        element.replace(
            HERE,
            &format!(
                "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{info}<ds:SignatureValue>{signature}\
                 </ds:SignatureValue></ds:Signature>"
            ),
        )
    }
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[0x30, 0x82][..], &length, content].concat()
}

/// What an assertion is to say. Times are texts as SAML has them.
pub struct Says<'a> {
    /// When it was issued.
    pub issued: &'a str,
    /// Until when it counts.
    pub ends: &'a str,
    /// Of whom.
    pub subject: &'a str,
    /// For whom.
    pub recipient: &'a str,
    /// Names and values.
    pub attributes: &'a [(&'a str, &'a [&'a str])],
}

impl Signer {
    /// An assertion, with [`HERE`] in its place.
    pub fn assertion(&self, says: &Says<'_>) -> String {
        let Says { issued, ends, subject, recipient, attributes } = says;
        let value = |value: &&str| format!("<saml:AttributeValue>{value}</saml:AttributeValue>");
        let attributes: String = attributes
            .iter()
            .map(|(name, values)| {
                let values: String = values.iter().map(value).collect();
                format!("<saml:Attribute Name=\"{name}\">{values}</saml:Attribute>")
            })
            .collect();
        format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a\" IssueInstant=\"{issued}\" \
             Version=\"2.0\"><saml:Issuer>{}</saml:Issuer>{HERE}<saml:Subject><saml:NameID \
             Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">{subject}</saml:NameID><saml:SubjectConfirmation \
             Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData NotOnOrAfter=\"{ends}\" \
             Recipient=\"{recipient}\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject><saml:Conditions \
             NotOnOrAfter=\"{ends}\"><saml:AudienceRestriction><saml:Audience>{recipient}</saml:Audience>\
             </saml:AudienceRestriction></saml:Conditions><saml:AttributeStatement>{attributes}</saml:AttributeStatement>\
             </saml:Assertion>",
            self.entity_id
        )
    }

    /// A response around an assertion, with [`HERE`] in its place if the assertion has none.
    pub fn response(&self, assertion: &str) -> String {
        format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_r\" Version=\"2.0\">{HERE}<samlp:Status>\
             <samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status>{assertion}\
             </samlp:Response>"
        )
    }
}
