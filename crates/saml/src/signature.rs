//! An enveloped signature over an element. Source: XML Signature 1.1, sections 3.2 and 4; SAML 2.0 core, section 5.4 (one reference, to
//! the element itself; these two transforms alone).

use aws_lc_rs::signature as sig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::{Error, Provider, canonical, malformed, text_of};

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: [&str; 2] =
    ["http://www.w3.org/2001/10/xml-exc-c14n#", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"];
const EXCLUSIVE_NAMESPACE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Whether the element carries a signature of its own.
pub fn is_signed(element: Node<'_, '_>) -> bool {
    children(element, "Signature").next().is_some()
}

/// Holds an element against the signature in it. SHA-1 is refused: others can make what it stands for.
pub fn verify(element: Node<'_, '_>, provider: &Provider) -> Result<(), Error> {
    let untrusted = |text: &str| Error::Untrusted(text.to_owned());
    let mut signatures = children(element, "Signature");
    let signature = signatures.next().ok_or_else(|| untrusted("The response is not signed."))?;
    if signatures.next().is_some() {
        return Err(malformed("An element of the response is signed twice."));
    }
    let info = only(signature, "SignedInfo")?;
    let reference = only(info, "Reference")?;
    let id = element.attribute("ID").ok_or_else(|| malformed("A signed element has no ID."))?;
    let same = element.document().descendants().filter(|node| node.attribute("ID") == Some(id));
    if reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')) != Some(id) || same.count() != 1 {
        return Err(untrusted("The signature is not of the element that it stands in."));
    }
    let mut inclusive: Vec<&str> = Vec::new();
    let mut is_exclusive = false;
    for transform in only(reference, "Transforms")?.children().filter(Node::is_element) {
        match transform.attribute("Algorithm") {
            Some(ENVELOPED) => {}
            Some(name) if EXCLUSIVE.contains(&name) && transform.has_tag_name((DSIG, "Transform")) => {
                is_exclusive = true;
                inclusive = prefixes(transform);
            }
            other => return Err(unsupported("transform", other)),
        }
    }
    if !is_exclusive {
        return Err(unsupported("transform", None));
    }
    let bytes = canonical::exclusive(element, Some(signature.id()), &inclusive);
    let bytes = bytes.ok_or_else(|| malformed("A signed element cannot be read."))?;
    let digest = match only(reference, "DigestMethod")?.attribute("Algorithm") {
        Some("http://www.w3.org/2001/04/xmlenc#sha256") => Sha256::digest(&bytes).to_vec(),
        Some("http://www.w3.org/2001/04/xmldsig-more#sha384") => Sha384::digest(&bytes).to_vec(),
        Some("http://www.w3.org/2001/04/xmlenc#sha512") => Sha512::digest(&bytes).to_vec(),
        other => return Err(unsupported("digest", other)),
    };
    if decoded(only(reference, "DigestValue")?)? != digest {
        return Err(untrusted("The response is not what was signed."));
    }
    let method = only(info, "CanonicalizationMethod")?;
    if !method.attribute("Algorithm").is_some_and(|name| EXCLUSIVE.contains(&name)) {
        return Err(unsupported("canonicalization", method.attribute("Algorithm")));
    }
    let signed = canonical::exclusive(info, None, &prefixes(method));
    let signed = signed.ok_or_else(|| malformed("The signature cannot be read."))?;
    let algorithm: &dyn sig::VerificationAlgorithm = match only(info, "SignatureMethod")?.attribute("Algorithm") {
        Some("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256") => &sig::RSA_PKCS1_2048_8192_SHA256,
        Some("http://www.w3.org/2001/04/xmldsig-more#rsa-sha384") => &sig::RSA_PKCS1_2048_8192_SHA384,
        Some("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512") => &sig::RSA_PKCS1_2048_8192_SHA512,
        Some("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256") => &sig::ECDSA_P256_SHA256_FIXED,
        Some("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384") => &sig::ECDSA_P384_SHA384_FIXED,
        other => return Err(unsupported("signature", other)),
    };
    let value = decoded(only(signature, "SignatureValue")?)?;
    let is_of = |key: &Vec<u8>| sig::UnparsedPublicKey::new(algorithm, key).verify(&signed, &value).is_ok();
    match provider.keys.iter().any(is_of) {
        true => Ok(()),
        false => Err(untrusted("The response is signed with no key of the provider's metadata.")),
    }
}

fn unsupported(what: &str, algorithm: Option<&str>) -> Error {
    Error::Untrusted(format!("The {what} algorithm {} is not taken.", algorithm.unwrap_or("(none)")))
}

fn children<'a>(node: Node<'a, 'a>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(move |child| child.has_tag_name((DSIG, name)))
}

/// The one child of this name.
fn only<'a>(node: Node<'a, 'a>, name: &'static str) -> Result<Node<'a, 'a>, Error> {
    let mut found = children(node, name);
    match (found.next(), found.next()) {
        (Some(child), None) => Ok(child),
        _ => Err(malformed(format!("A signature must have one {name}."))),
    }
}

fn decoded(node: Node<'_, '_>) -> Result<Vec<u8>, Error> {
    let text: String = text_of(node).split_whitespace().collect();
    STANDARD.decode(text).map_err(|_| malformed(format!("{} is not base64.", node.tag_name().name())))
}

/// The prefixes that `InclusiveNamespaces` lists.
fn prefixes<'a>(method: Node<'a, 'a>) -> Vec<&'a str> {
    let listed = method.children().find(|child| child.has_tag_name((EXCLUSIVE_NAMESPACE, "InclusiveNamespaces")));
    let listed = listed.and_then(|listed| listed.attribute("PrefixList")).unwrap_or("");
    listed.split_whitespace().map(|prefix| if prefix == "#default" { "" } else { prefix }).collect()
}
