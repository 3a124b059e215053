//! What is kept of an object: [`Version`], its stored [`Headers`], and where its content is.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::ApiError;

use crate::acl::Grant;
use crate::checksum::Checksum;
use crate::error::Error;
use crate::kms::Sealed;
use crate::lock::Lock;

/// The most bytes of a key.
pub(crate) const KEY_BYTES_MAX: usize = 1024;
/// The most bytes of user metadata, names and values together. Source: S3 user guide, "User-defined object metadata".
const METADATA_BYTES_MAX: usize = 2 * 1024;
/// The content type of an object that was given none.
const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";
/// The version identifier of objects written while versioning was not enabled.
pub(crate) const NULL: &str = "null";

/// Where content is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Data {
    /// There is none.
    #[default]
    Empty,
    /// In a row of this key, for small content.
    Small(String),
    /// In the blob of this name.
    Blob(String),
    /// In parts, which the manifest of this key lists.
    Parts(String),
}

/// The headers that are stored with an object and answered with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) storage_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) website_redirect_location: Option<String>,
}

/// A version of an object, or a delete marker.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Version {
    /// Of this document.
    pub(crate) v: u8,
    /// `null`, or what [`version_id`] makes.
    pub(crate) id: String,
    /// Later versions of a key have larger ones.
    pub(crate) order: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) delete_marker: bool,
    pub(crate) modified_ms: i64,
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
    pub(crate) data: Data,
    pub(crate) headers: Headers,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<Checksum>,
    /// `None`: its owner has full control, and nobody else anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) grants: Option<Vec<Grant>>,
    /// How many parts it was uploaded in; 0 if in one call.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) parts: u32,
    /// What keeps it from being removed.
    #[serde(skip_serializing_if = "Lock::is_none")]
    pub(crate) lock: Lock,
    /// `None`: its content is encrypted under a host key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kms: Option<Box<Sealed>>,
    /// When the copy that was restored of an archived version goes again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restored_until_ms: Option<i64>,
    /// In older versions alone: when a newer one took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) noncurrent_ms: Option<i64>,
    /// In the current version alone: the order of the older version whose identifier is `null`, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) null_order: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Version {
    /// When it was written, to the second: as S3 shows it, and as HTTP's dates can say it (RFC 9110, section 5.6.7).
    pub(crate) fn modified(&self) -> Timestamp {
        Timestamp::from_ms(self.modified_ms).trunc_secs()
    }

    /// The entity tag as it goes on the wire.
    pub(crate) fn quoted_etag(&self) -> String {
        quoted(&self.etag)
    }

    /// The storage class as listings show it.
    pub(crate) fn storage_class(&self) -> String {
        self.headers.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned())
    }
}

impl Headers {
    /// The headers as they are stored, if they can be.
    pub(crate) fn checked(mut self) -> Result<Headers, ApiError> {
        // `aws-chunked` is how the body came, not what it is.
        if let Some(encodings) = self.content_encoding.take() {
            let kept: Vec<&str> =
                encodings.split(',').map(str::trim).filter(|name| !name.eq_ignore_ascii_case("aws-chunked")).collect();
            let kept = kept.join(",");
            self.content_encoding = (!kept.is_empty()).then_some(kept);
        }
        self.content_type.get_or_insert_with(|| CONTENT_TYPE_DEFAULT.to_owned());
        let size: usize = self.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > METADATA_BYTES_MAX {
            return Err(ApiError::from(Error::MetadataTooLarge)
                .with("Size", size.to_string())
                .with("MaxSizeAllowed", METADATA_BYTES_MAX.to_string()));
        }
        self.metadata = self.metadata.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        if let Some(class) = &self.storage_class
            && !crate::storage::is_class(class)
        {
            return Err(ApiError::from(Error::InvalidStorageClass).with("StorageClassRequested", class.as_str()));
        }
        if let Some(location) = &self.website_redirect_location
            && !["/", "http://", "https://"].iter().any(|start| location.starts_with(start))
        {
            return Err(Error::InvalidRedirectLocation.into());
        }
        Ok(self)
    }
}

/// An entity tag as it goes on the wire.
pub(crate) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// Refuses keys that are too long.
pub(crate) fn check_key(key: &str) -> Result<(), ApiError> {
    if key.len() <= KEY_BYTES_MAX {
        return Ok(());
    }
    Err(ApiError::from(Error::KeyTooLongError)
        .with("Size", key.len().to_string())
        .with("MaxSizeAllowed", KEY_BYTES_MAX.to_string()))
}

/// Digits whose order as text is their order as numbers.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// An identifier made of a number and chance: 5 bits a character, so that texts sort as the numbers do and 20 bytes make 32.
pub(crate) fn ordered_id(rng: &dyn base::Rng, order: u64) -> String {
    let mut bytes = [0; 20];
    rng.fill(&mut bytes[8..]);
    bytes[..8].copy_from_slice(&order.to_be_bytes());
    let mut text = String::with_capacity(32);
    for group in bytes.chunks(5) {
        let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for place in (0..8).rev() {
            let digit = usize::try_from(bits >> (place * 5) & 31).expect("five bits fit");
            text.push(char::from(DIGITS[digit]));
        }
    }
    text
}

/// The number in an identifier; `None` if it is none of ours.
pub(crate) fn order_of_id(id: &str) -> Option<u64> {
    if id.len() != 32 {
        return None;
    }
    let digits = id.bytes().map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let digits: Vec<usize> = digits.collect::<Option<_>>()?;
    // 13 digits hold 65 bits: the number's 64 and the first of chance.
    let bits = digits[..13].iter().fold(0_u128, |bits, digit| bits << 5 | u128::try_from(*digit).expect("small"));
    u64::try_from(bits >> 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl base::Rng for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn versions_are_dated_to_the_second() {
        let version = Version { modified_ms: 1_398_796_238_120, ..Version::default() };
        assert_eq!(version.modified().http_date(), "Tue, 29 Apr 2014 18:30:38 GMT");
    }

    #[test]
    fn identifiers_sort_as_their_numbers_and_give_them_back() {
        let numbers = [0, 1, 31, 32, 1_700_000_000_000, u64::MAX - 1, u64::MAX];
        let ids: Vec<String> = numbers.iter().map(|number| ordered_id(&Fixed(255), *number)).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        for (number, id) in numbers.iter().zip(&ids) {
            assert_eq!(order_of_id(id), Some(*number));
        }
        assert_eq!(order_of_id("null"), None);
        assert_eq!(order_of_id(&"u".repeat(32)), None);
    }

    #[test]
    fn stored_headers_are_checked() {
        let headers = Headers { content_encoding: Some("aws-chunked, gzip".into()), ..Headers::default() };
        let headers = headers.checked().unwrap();
        assert_eq!(headers.content_encoding.as_deref(), Some("gzip"));
        assert_eq!(headers.content_type.as_deref(), Some("binary/octet-stream"));
        let only = Headers { content_encoding: Some("aws-chunked".into()), ..Headers::default() };
        assert_eq!(only.checked().unwrap().content_encoding, None);
        let refused = |headers: Headers| headers.checked().unwrap_err().code.into_owned();
        let big = Headers { metadata: [("k".into(), "x".repeat(2048))].into(), ..Headers::default() };
        assert_eq!(refused(big), "MetadataTooLarge");
        let class = Headers { storage_class: Some("OUTPOSTS".into()), ..Headers::default() };
        assert_eq!(refused(class), "InvalidStorageClass");
        let redirect = Headers { website_redirect_location: Some("ftp://x".into()), ..Headers::default() };
        assert_eq!(refused(redirect), "InvalidRedirectLocation");
    }
}
