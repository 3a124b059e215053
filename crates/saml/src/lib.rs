//! Responses of SAML 2.0 identity providers: their signatures held against the provider's certificates, and what they say of whom.
//! Sources: SAML 2.0 core; XML Signature 1.1; Exclusive XML Canonicalization 1.0; IAM user guide, "Configure SAML assertions for the
//! authentication response".
//!
//! Nothing is believed that a signature does not cover: what is read is read from the very element that was verified, so that a signed
//! element that was moved or wrapped proves nothing of its new surroundings.

mod assertion;
mod canonical;
mod certificate;
mod metadata;
mod signature;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use assertion::Assertion;
pub use metadata::Provider;

/// The longest document that is read.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// Why a response is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no response, or lacks what one must have.
    #[error("{0}")]
    Malformed(String),
    /// No signature of the provider covers it.
    #[error("{0}")]
    Untrusted(String),
    /// It was good once.
    #[error("{0}")]
    Expired(String),
}

pub(crate) fn malformed(text: impl Into<String>) -> Error {
    Error::Malformed(text.into())
}

/// Reads a document, without a document type: entities could make much of little.
pub(crate) fn document(text: &str) -> Result<roxmltree::Document<'_>, Error> {
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(malformed(format!("A document of SAML is at most {DOCUMENT_BYTES_MAX} bytes long.")));
    }
    roxmltree::Document::parse(text).map_err(|_| malformed("The document is no well-formed XML."))
}

/// All text in an element, whatever comments stand in it: what a signature covers.
pub(crate) fn text_of(node: roxmltree::Node<'_, '_>) -> String {
    let text: String = node.descendants().filter(|node| node.is_text()).filter_map(|node| node.text()).collect();
    text.trim().to_owned()
}
