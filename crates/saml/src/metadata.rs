//! What a provider says of itself. Source: SAML 2.0 metadata, sections 2.3.2 and 2.4.1.1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Error, certificate, document, malformed, text_of};

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// An identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The name by which it signs itself as issuer.
    pub entity_id: String,
    /// Its public keys (`SubjectPublicKeyInfo`, DER).
    pub keys: Vec<Vec<u8>>,
}

impl Provider {
    /// Reads metadata: of the entity's role as identity provider, the keys that are for signing.
    pub fn read(metadata: &str) -> Result<Provider, Error> {
        let document = document(metadata)?;
        let entity = document.root_element();
        if !entity.has_tag_name((METADATA, "EntityDescriptor")) {
            return Err(malformed("The metadata must be an EntityDescriptor."));
        }
        let entity_id = entity.attribute("entityID").ok_or_else(|| malformed("The metadata name no entityID."))?;
        let roles = entity.children().filter(|child| child.has_tag_name((METADATA, "IDPSSODescriptor")));
        let described = roles.flat_map(|role| role.children());
        let signing = described.filter(|child| {
            child.has_tag_name((METADATA, "KeyDescriptor"))
                && child.attribute("use").is_none_or(|usage| usage == "signing")
        });
        let certificates = signing
            .flat_map(|descriptor| descriptor.descendants())
            .filter(|node| node.has_tag_name((SIGNATURE, "X509Certificate")));
        let keys = certificates.filter_map(|node| {
            let text: String = text_of(node).split_whitespace().collect();
            certificate::public_key(&STANDARD.decode(text).ok()?).map(<[u8]>::to_vec)
        });
        Ok(Provider { entity_id: entity_id.to_owned(), keys: keys.collect() })
    }
}
